"""Changes to schema.graphql that break clients are found, as far back as the git history goes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.compatibility import ROOT, SCHEMA, Comparison, breaks, compare

BEFORE = """
interface Node { id: ID! }
interface Event { at: String! }

type Query {
  order(id: ID!, sort: Sort = ASC, search: String): Order
  oldOrder: OldOrder @deprecated(reason: "Use order.")
  events: [Event!]!
  place(input: PlaceInput!, note: String @deprecated(reason: "Nobody reads it.")): Order
}

type Order implements Node {
  id: ID!
  number: String!
  note: String
  size: Int @deprecated(reason: "Use number.")
  tags: [String!]!
}

type OldOrder { number: OldNumber }
type OldNumber { text: String }
type Placed implements Event { at: String! }

enum Sort { ASC DESC RANDOM @deprecated(reason: "Too odd.") }

input PlaceInput { number: String!, note: String, kind: Sort = ASC, gift: Boolean @deprecated(reason: "Use note.") }
"""
OLD_ORDER = '  oldOrder: OldOrder @deprecated(reason: "Use order.")\n'
OLD_TYPES = "type OldOrder { number: OldNumber }\ntype OldNumber { text: String }\n"


def changed(*changes: tuple[str, str]) -> str:
    """The schema with the first text of each pair replaced by the second."""
    after = BEFORE
    for text, other in changes:
        assert text in after
        after = after.replace(text, other, 1)
    return after


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("  number: String!\n", ""), "Order.number was removed."),
        (("  number: String!\n", "  number: String\n"), "Order.number changed type from String! to String."),
        (("tags: [String!]!", "tags: [String]!"), "Order.tags changed type from [String!]! to [String]!."),
        (("size: Int", "size: String"), "Order.size changed type from Int to String."),
        ((", search: String)", ")"), "Argument Query.order(search:) was removed."),
        (("search: String)", "search: String!)"), "Argument Query.order(search:) has changed type"),
        (("search: String)", "search: String, shop: ID!)"), "A required argument Query.order(shop:) was added."),
        (("sort: Sort = ASC", "sort: Sort = DESC"), "Query.order(sort:) has changed defaultValue"),
        ((", note: String, kind", ", note: String!, kind"), "PlaceInput.note changed type from String to String!."),
        ((", note: String, kind", ", kind"), "PlaceInput.note was removed."),
        (("{ number: String!, note", "{ shop: ID!, number: String!, note"), "PlaceInput.shop was added"),
        (("kind: Sort = ASC", "kind: Sort = DESC"), "PlaceInput.kind has changed defaultValue"),
        (("ASC DESC", "ASC"), "Enum value Sort.DESC was removed."),
        (("type Order implements Node", "type Order"), "Order no longer implements interface Node."),
        (("type OldNumber {", "interface OldNumber {"), "OldNumber changed from an Object type to an Interface type."),
        (("type Placed implements Event { at: String! }\n", ""), "Placed was removed."),
        ((OLD_TYPES, "scalar OldOrder\n"), "OldOrder changed from an Object type to a Scalar type."),
    ],
)
def test_what_breaks_a_client_is_found(change: tuple[str, str], expected: str) -> None:
    found = breaks(BEFORE, changed(change))

    assert [each for each in found if expected in each]


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [('  size: Int @deprecated(reason: "Use number.")\n', "")],
        [(OLD_ORDER, ""), (OLD_TYPES, "")],
        [(', note: String @deprecated(reason: "Nobody reads it.")', "")],
        [(' RANDOM @deprecated(reason: "Too odd.")', "")],
        [(', gift: Boolean @deprecated(reason: "Use note.")', "")],
        [("  note: String\n", '  note: String @deprecated(reason: "Use tags.")\n')],
        [("  note: String\n", "  note: String!\n  further: Int\n")],
        [("ASC DESC", "ASC DESC SHIP_BY")],
        [("search: String)", "search: String, shop: ID)")],
        [("{ number: String!, note", "{ number: String, shop: ID, note")],
        [
            (
                "type Placed implements Event { at: String! }",
                "type Placed implements Event & Node { at: String! id: ID! }",
            )
        ],
        [("type OldNumber", "type Gone implements Event { at: String! }\ntype OldNumber")],
    ],
    ids=[
        "nothing",
        "deprecated field removed",
        "deprecated field removed with its types",
        "deprecated argument removed",
        "deprecated enum value removed",
        "deprecated input field removed",
        "field deprecated",
        "field made non-null, field added",
        "enum value added",
        "argument added that may be left out",
        "input field made nullable, another added",
        "interface added",
        "event type added",
    ],
)
def test_what_breaks_no_client_is_allowed(changes: list[tuple[str, str]]) -> None:
    assert breaks(BEFORE, changed(*changes)) == []


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603, S607 - git, wherever it is
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    """Commits this schema; returns the hash."""
    (folder / SCHEMA).write_text(text)
    git(folder, "add", SCHEMA)
    git(folder, "commit", "--message", "Change the schema")
    return git(folder, "rev-parse", "HEAD")


needs_git = pytest.mark.skipif(not shutil.which("git"), reason="needs git")
WITHOUT_NOTE = changed(("  note: String\n", ""))
DEPRECATED = changed(("  note: String\n", '  note: String @deprecated(reason: "Use tags.")\n'))


@needs_git
def test_versions_are_compared_one_by_one_up_to_the_file_as_it_is(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, changed(("  number: String!\n", "  number: String!\n  before: Int\n")))
    first = commit(tmp_path, BEFORE)
    commit(tmp_path, DEPRECATED)
    commit(tmp_path, WITHOUT_NOTE)
    broken = commit(tmp_path, changed(("  note: String\n", ""), ("ASC DESC", "ASC")))
    (tmp_path / SCHEMA).write_text(changed(("  note: String\n", ""), ("ASC DESC", "ASC"), ("  number: String!\n", "")))

    found = compare(tmp_path, first)

    assert found == Comparison(
        5,
        [f"{broken[:7]}: Enum value Sort.DESC was removed.", "the working tree: Field Order.number was removed."],
    )


@needs_git
def test_a_shallow_clone_compares_what_it_has_and_says_so(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet")
    first = commit(origin, BEFORE)
    commit(origin, DEPRECATED)
    git(tmp_path, "clone", "--quiet", "--depth", "1", origin.as_uri(), "clone")
    (tmp_path / "clone" / SCHEMA).write_text(changed(("  note: String\n", ""), ("ASC DESC", "ASC")))

    found = compare(tmp_path / "clone", first)

    assert found.breaks == ["the working tree: Enum value Sort.DESC was removed."]
    assert found.missing == f"the history does not go back to {first[:7]}: earlier versions were not compared"


def test_without_a_history_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    (tmp_path / SCHEMA).write_text(BEFORE)

    found = compare(tmp_path)

    assert found == Comparison(1, [], "no git history can be read here: nothing to compare with")


def test_no_version_so_far_breaks_clients_of_the_one_before() -> None:
    assert compare(ROOT).breaks == []
