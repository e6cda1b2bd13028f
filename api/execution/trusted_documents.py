"""Limits a server to a set of trusted operations (setting TRUSTED_DOCUMENTS)."""

from collections.abc import Iterator
from pathlib import Path

import orjson
from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, print_ast, separate_operations, validate

from api.settings import SettingsError


class TrustedDocuments:
    """The operations of a file, or of all files in a folder: `.graphql` documents or JSON manifests.

    A manifest is an object from names or hashes to documents, as Relay and graphql-codegen write, or Apollo's list of
    `operations` that each have a `body`. Spaces, commas, comments and the order of fragments do not matter. Raises
    SettingsError for anything that is not a valid operation of the schema.
    """

    def __init__(self, path: Path, schema: GraphQLSchema) -> None:
        self._known: set[str] = set()
        for name, text in _texts(path):
            document = _valid(name, text, schema)
            self._known.add(_normalised(document))
            self._known.update(_normalised(each) for each in separate_operations(document).values())
        if not self._known:
            raise SettingsError(f"SHORTSHIP_TRUSTED_DOCUMENTS: {path} has no operations.")

    def __contains__(self, document: DocumentNode) -> bool:
        return _normalised(document) in self._known


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in {".graphql", ".gql", ".json"})
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            bodies = _bodies(orjson.loads(text)) if file.suffix == ".json" else [text]
        except (OSError, ValueError) as error:
            message = f"SHORTSHIP_TRUSTED_DOCUMENTS: {file} cannot be read as operations: {error}."
            raise SettingsError(message) from error
        for body in bodies:
            yield str(file), body


def _bodies(manifest: object) -> list[str]:
    """Raises ValueError for a manifest of another form."""
    if not isinstance(manifest, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers treat all faults of a file alike
    entries = manifest.get("operations")
    bodies = [entry.get("body") for entry in entries] if isinstance(entries, list) else list(manifest.values())
    if not all(isinstance(body, str) for body in bodies):
        raise ValueError("not a manifest of operations")
    return bodies


def _valid(name: str, text: str, schema: GraphQLSchema) -> DocumentNode:
    try:
        document = parse(text)
        errors = validate(schema, document)
    except GraphQLError as error:
        errors = [error]
    if errors:
        raise SettingsError(f"SHORTSHIP_TRUSTED_DOCUMENTS: {name} has no valid operation: {errors[0].message}")
    return document


def _normalised(document: DocumentNode) -> str:
    return "\n".join(sorted(print_ast(definition) for definition in document.definitions))
