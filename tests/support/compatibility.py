"""Checks that each version of schema.graphql still serves the clients of the one before it.

Run it with `python -m tests.support.compatibility`. The versions are those in the git history, then the working tree.
What one version deprecates, the next may drop. Some changes that graphql-core calls dangerous are allowed: new enum
values, event types and interfaces, which clients have to expect, and new optional arguments and input fields. A changed
default is not allowed: the same call would do something else. The order of the file does not matter.
"""

import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import graphql
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
)
from graphql.utilities import BreakingChangeType, DangerousChangeType, find_breaking_changes, find_dangerous_changes

ROOT = Path(__file__).parents[2]
SCHEMA = "schema.graphql"
FIRST = "a5c7a85d513e602513003008ed0224fed15d616c"  # the first version that was served
_CHANGES_MEANING = {
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
}

Members = MutableMapping[str, Any]  # fields, arguments or enum values


def breaks(before: str, after: str) -> list[str]:
    """What a client written for the schema `before` misses in the schema `after`."""
    old, new = graphql.build_schema(before), graphql.build_schema(after)
    _leave_out_what_could_go(old, new)
    used = _reachable(old)
    breaking = [
        change.description
        for change in find_breaking_changes(old, new)
        if change.type is not BreakingChangeType.TYPE_REMOVED or change.description.split()[0] in used
    ]
    dangerous = [each.description for each in find_dangerous_changes(old, new) if each.type in _CHANGES_MEANING]
    return breaking + dangerous


def _leave_out_what_could_go(old: GraphQLSchema, new: GraphQLSchema) -> None:
    """Removes from the old schema what it deprecates and the new one no longer has."""
    for name, kind in old.type_map.items():
        for members, kept in _member_lists(kind, new.type_map.get(name)):
            for member in [each for each in members if members[each].deprecation_reason and each not in kept]:
                del members[member]


def _member_lists(old: GraphQLNamedType, new: GraphQLNamedType | None) -> Iterator[tuple[Members, Members]]:
    """Everything in a type that can be deprecated, paired with its counterpart in the newer type."""
    members, kept = _members(old), _members(new)
    yield members, kept
    if isinstance(old, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in members.items():
            yield field.args, getattr(kept.get(name), "args", {})


def _members(kind: GraphQLNamedType | None) -> Members:
    members: Members = getattr(kind, "values", None) or getattr(kind, "fields", {})
    return members


def _reachable(schema: GraphQLSchema) -> set[str]:
    """The names of the types that a client can receive or has to name."""
    found: dict[str, GraphQLNamedType] = {}
    ahead = [root for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root]
    todo: list[GraphQLNamedType] = list(ahead)
    while todo:
        kind = todo.pop()
        if kind.name not in found:
            found[kind.name] = kind
            todo += _next_to(kind, schema)
    return set(found)


def _next_to(kind: GraphQLNamedType, schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    if graphql.is_abstract_type(kind):
        yield from schema.get_possible_types(kind)
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        yield from kind.interfaces
        for field in kind.fields.values():
            yield from (graphql.get_named_type(argument.type) for argument in field.args.values())
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        yield from (graphql.get_named_type(field.type) for field in kind.fields.values())


@dataclass(frozen=True)
class Comparison:
    """What was found, and what could not be compared."""

    versions: int
    breaks: list[str]
    missing: str = ""


def compare(folder: Path, first: str = FIRST) -> Comparison:
    """Compares each version in the folder's history with the next, and the last one with the working tree."""
    now = ("the working tree", (folder / SCHEMA).read_text())
    if _git(folder, "rev-parse", "--show-cdup") != "":
        return Comparison(1, [], "no git history can be read here: nothing to compare with")
    names = (_git(folder, "log", "--reverse", "--first-parent", "--format=%H", "--", SCHEMA) or "").split()
    missing = (
        "" if first in names else f"the history does not go back to {first[:7]}: earlier versions were not compared"
    )
    names = names[names.index(first) :] if first in names else names
    versions = [(name[:7], _git(folder, "show", f"{name}:{SCHEMA}") or "") for name in names]
    found = [
        f"{name}: {each}" for (_, before), (name, after) in pairwise([*versions, now]) for each in breaks(before, after)
    ]
    return Comparison(len(versions) + 1, found, missing)


def _git(folder: Path, *arguments: str) -> str | None:
    """The output of git; None if it fails or is not installed."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603, S607 - git, wherever it is
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def main() -> int:
    found = compare(ROOT)
    for line in found.breaks:
        sys.stdout.write(f"{SCHEMA} breaks clients in {line}\n")
    if found.missing:
        sys.stdout.write(f"{SCHEMA}: {found.missing}\n")
    return 1 if found.breaks else 0


if __name__ == "__main__":
    sys.exit(main())
