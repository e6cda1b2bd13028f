"""The cost of documents, and the limits on their size."""

from contextlib import nullcontext
from typing import Any

import pytest
from graphql import GraphQLError, build_schema, get_introspection_query, parse

from api.execution.cost import Cost, check_variables
from api.schema.served import printed

SCHEMA = build_schema(printed())


def cost(document: str, variables: dict[str, Any] | None = None, *, page_limit: int = 100) -> int:
    return Cost(SCHEMA, parse(document), page_limit=page_limit).of(variables or {})


def code(document: str) -> Any:  # any JSON
    """The code of the error that refuses the document."""
    with pytest.raises(GraphQLError) as refused:
        cost(document)
    return (refused.value.extensions or {})["code"]


def deep(levels: int) -> str:
    return "{ order(id: 1) " + "{ items { order " * levels + "{ id }" + "} }" * levels + " }"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ shop { id } }", 2),
        ("{ shop { id __typename } __typename }", 2),
        ("{ __schema { types { name fields { name } } } }", 0),
        ('{ __type(name: "Order") { name } shop { name } }', 2),
        ("{ orders { totalCount } }", 1 + 20),
        ("{ orders(first: 5) { edges { node { id } } } }", 1 + 5 * 3),
        ("{ orders(last: 5) { edges { node { id } } } }", 1 + 5 * 3),
        ("{ orders(first: null, last: 5) { totalCount } }", 1 + 5),
        ("{ orders(first: 5) { edges { node { events(first: 3) { edges { cursor } } } } } }", 1 + 5 * (3 + 3 * 2)),
        ("{ orders(first: 5) { edges { node { items { id sku } } } } }", 1 + 5 * (2 + 3)),
        ("{ a: shop { id } b: shop { id } }", 4),
        ("{ shop { ...S ...S } } fragment S on Shop { id }", 3),
        ("{ shop { ... on Shop { id } ... { name } } }", 3),
        ("query A { shop { id } } query B { shop { id name } }", 5),
        ("{ orders(first: 0) { totalCount } }", 1),
        ("{ orders(first: -1) { totalCount } }", 1),
        ("{ orders(first: 1000000) { totalCount } }", 101),
        (f"{{ orders(first: {'9' * 5000}) {{ totalCount }} }}", 101),
        ("{ orders(first: true) { totalCount } }", 101),
        ("{ nothing { at all } }", 3),
        ("{ shop { ...F } } fragment F on Shop { id ...F }", 2),
        ("{ shop { ...Missing } }", 1),
        ("subscription { orderEvents { id order { number } } }", 4),
        ('mutation { cancelOrder(input: {orderId: "1"}) { replayed } }', 2),
    ],
)
def test_each_field_costs_one_per_time_it_may_be_resolved(document: str, expected: int) -> None:
    assert cost(document) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [(None, 8), ({}, 8), ({"n": 3}, 4), ({"n": None}, 21), ({"n": -3}, 1), ({"n": 10**9}, 101), ({"n": "x"}, 101)],
    ids=str,
)
def test_page_sizes_may_be_variables(variables: dict[str, Any] | None, expected: int) -> None:
    document = "query ($n: Int = 7) { orders(first: $n) { totalCount } }"

    assert cost(document, variables) == expected


def test_a_variable_without_a_value_asks_for_the_default_page() -> None:
    assert cost("query ($n: Int) { orders(first: $n) { totalCount } }") == 21


def test_pages_count_up_to_the_servers_limit() -> None:
    assert cost("{ orders { totalCount } }", page_limit=5) == 6


@pytest.mark.parametrize(
    ("variables", "is_refused"),
    [
        ({}, False),
        ({"a": [{"b": [*range(5000)]}, None, "c"]}, False),
        ({str(name): name for name in range(5000)}, False),
        ({"a": {str(name): name for name in range(1000)}}, False),
        ({"a": {str(name): name for name in range(1001)}}, True),
        ({"a": [1, {"b": [[{str(name): name for name in range(1001)}]]}]}, True),
    ],
    ids=["none", "a long list", "many variables", "a thousand members", "more", "more within lists"],
)
def test_a_value_has_a_limited_number_of_members(variables: dict[str, Any], *, is_refused: bool) -> None:
    outcome = pytest.raises(GraphQLError, match="1000 members") if is_refused else nullcontext()

    with outcome:
        check_variables(variables)


@pytest.mark.parametrize(
    "document",
    [
        deep(6),
        "{ " + " ".join(f"a{n}: shop {{ id }}" for n in range(31)) + " }",
        "{ shop { " + " ".join(f"...F{n}" for n in range(7)) + " } } "
        + " ".join(f"fragment F{n} on Shop {{ a: id b: id c: id d: id e: id }}" for n in range(7)),
        "{ " + "shop { id } " * 1001 + " }",
        "{ shop { ...F0 } } " + " ".join(f"fragment F{n} on Shop {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
        + " fragment F40 on Shop { id }",
        "{ shop { id } } " + " ".join(f"fragment F{n} on Shop {{ id }}" for n in range(51)),
        "{ shop { id " + "@include(if: true) " * 51 + "} }",
        "query A ($v: Boolean!) " + "@skip(if: $v) " * 51 + "{ shop { id } }",
        " ".join(f"query Q{n} {{ shop {{ id }} }}" for n in range(11)),
        "{ __schema { types { fields { type { fields { name } } } } } }",
        "{ __schema { types { ...T } } } fragment T on __Type { interfaces { possibleTypes { name } } }",
        "{ __schema { types { " + "ofType { " * 14 + "name" + "}" * 14 + " } } }",
    ],
    ids=[
        "13 levels",
        "31 aliases",
        "35 aliases by fragments",
        "2,002 fields",
        "a million million fields by fragments",
        "51 fragments",
        "51 directives",
        "51 directives of an operation",
        "11 operations",
        "fields in fields of types",
        "lists in lists of types by a fragment",
        "17 levels of types",
    ],
)  # fmt: skip
def test_a_document_that_is_too_large_is_refused(document: str) -> None:
    assert code(document) == "TOO_EXPENSIVE"


@pytest.mark.parametrize(
    "document",
    [
        deep(5),
        "{ " + " ".join(f"a{n}: shop {{ id }}" for n in range(30)) + " }",
        get_introspection_query(
            specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
        ),
    ],
    ids=["12 levels", "30 aliases", "the standard introspection query"],
)
def test_a_document_at_the_limits_is_not_refused(document: str) -> None:
    assert cost(document) >= 0


@pytest.mark.parametrize(
    "selections",
    [
        "cancelOrder(input: {}) { replayed } cancelItems(input: {}) { replayed }",
        "cancelOrder(input: {}) { replayed } cancelOrder(input: {}) { replayed }",
        "...F ...F",
        "... { cancelOrder(input: {}) { replayed } } b: cancelOrder(input: {}) { replayed }",
    ],
    ids=["two", "the same twice", "by fragments", "by an alias"],
)
def test_a_document_may_have_one_mutation_field(selections: str) -> None:
    document = f"mutation {{ {selections} }} fragment F on Mutation {{ cancelPackage(input: {{}}) {{ replayed }} }}"

    assert code(document) == "BAD_USER_INPUT"


def test_each_of_several_operations_may_have_a_mutation_field() -> None:
    one = "cancelOrder(input: {}) { __typename replayed } __typename"

    assert cost(f"mutation A {{ {one} }} mutation B {{ {one} }}") == 4
