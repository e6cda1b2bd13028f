"""Linters and client compilers accept the schema."""

import shutil
from pathlib import Path

from tests.clients.conftest import HERE, SCHEMA
from tests.support import node

ROOT = SCHEMA.parent
# The schema is printed for readers, not sorted.
SORTED = ",".join(
    f"{members}-sorted-alphabetically"
    for members in ("type-fields", "interface-fields", "input-object-fields", "enum-values")
)


def test_graphql_eslint_passes_with_its_recommended_and_relay_rules(packages: Path) -> None:
    eslint = packages / "node_modules" / "eslint" / "bin" / "eslint.js"

    said = node.run(ROOT, eslint, "-c", packages / "eslint.config.js", "--max-warnings=0", SCHEMA.name)

    assert said == ""


def test_graphql_schema_linter_passes_with_every_rule_but_sorting(packages: Path) -> None:
    linter = packages / "node_modules" / "graphql-schema-linter" / "lib" / "cli.js"

    said = node.run(ROOT, linter, "--except", SORTED, SCHEMA.name)

    assert "0 errors detected" in said


def test_relay_compiles_pagination_refetching_and_events(packages: Path, tmp_path: Path) -> None:
    # In a copy: inside a repository, the compiler stages its output with git.
    shutil.copytree(HERE / "relay", tmp_path, dirs_exist_ok=True)
    shutil.copy(SCHEMA, tmp_path)
    made = tmp_path / "artifacts"
    made.mkdir()

    node.run(tmp_path, packages / "node_modules" / "relay-compiler" / "cli.js")

    paged = {path.name for path in made.glob("*PaginationQuery.graphql.ts")}
    assert paged == {"ordersListPaginationQuery.graphql.ts", "ordersCancellationsPaginationQuery.graphql.ts"}
    assert "node(id: $id)" in (made / "ordersOrderRefetchQuery.graphql.ts").read_text()


def test_gql_tada_infers_the_types_of_results_and_variables(packages: Path) -> None:
    tada = packages / "node_modules" / "gql.tada" / "bin" / "cli.js"
    node.run(packages / "tada", tada, "generate", "output")

    node.run(packages / "tada", tada, "check", "--fail-on-warn")
    node.run(packages / "tada", packages / "node_modules" / "typescript" / "bin" / "tsc")
