"""The served schema: committed, described, and compatible with the contract."""

from collections.abc import Iterator
from pathlib import Path

import graphql
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from graphql.utilities import find_breaking_changes

from api.schema import served

HERE = Path(__file__).parent
COMMITTED = HERE.parents[2] / "schema.graphql"
OPERATIONS = HERE.parents[2] / "api" / "demo" / "static" / "operations"
CONTRACT_FILE = HERE / "contract.graphql"
CONTRACT = graphql.build_schema(CONTRACT_FILE.read_text())
SERVED = graphql.build_schema(served.printed())

# Served beyond the contract.
FURTHER = {
    *(
        f"{act}Order{part}"
        for act in ("Hold", "Release", "Complete")
        for part in ("Input", "Input.orderId", "Payload", "Payload.errors", "Payload.order")
    ),
    *(f"Mutation.{act}Order{part}" for act in ("hold", "release", "complete") for part in ("", "(input)")),
    "CancelPayload",
    "CancelPayload.cancellation",
    "CancelPayload.errors",
    "CancelPayload.order",
    "CancelPayload.replayed",
    "Cancellable",
    "Cancellable.cancellable",
    "Cancellable.notCancellableReason",
    "Cancellation.providerReference",
    "FulfillmentError.retryable",
    "RefundOutcome",
    "RefundOutcome.FAILED",
    "RefundOutcome.SUCCEEDED",
    "SettleRefundInput.outcome",
    "UserError",
    "UserError.message",
    "UserError.path",
}


def described(of: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything in a schema that has a name, with its description."""
    for name, kind in of.type_map.items():
        if graphql.is_introspection_type(kind) or graphql.is_specified_scalar_type(kind):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", member.description) for value, member in kind.values.items())
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", given.description) for field, given in kind.fields.items())
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                yield f"{name}.{field}", definition.description
                for argument, given in definition.args.items():
                    yield f"{name}.{field}({argument})", given.description


def broken(served: str) -> list[str]:
    """What a client written for the contract would miss in this schema."""
    return [change.description for change in find_breaking_changes(CONTRACT, graphql.build_schema(served))]


def test_the_committed_schema_is_the_served_one() -> None:
    assert COMMITTED.read_text() == served.printed()


def test_a_reader_meets_the_root_types_first_and_each_other_type_where_it_is_used() -> None:
    printed = [each.name.value for each in graphql.parse(served.printed()).definitions if hasattr(each, "name")]

    assert printed[:6] == ["Query", "Mutation", "Subscription", "Shop", "ShippingRefundPolicy", "Node"]
    assert printed.index("FulfillmentErrorCode") == printed.index("FulfillmentError") + 1


def test_fields_are_printed_as_declared() -> None:
    assert [*graphql.assert_object_type(SERVED.type_map["Money"]).fields] == ["currency", "amount", "formatted"]


def test_everything_has_a_description_that_begins_with_a_capital() -> None:
    bare = [name for name, text in described(SERVED) if not text or not text[0].isupper()]

    assert bare == []


def test_mutations_without_an_idempotency_key_say_what_repeating_does() -> None:
    acts = SERVED.type_map["Mutation"]
    assert isinstance(acts, GraphQLObjectType)

    silent = [
        name
        for name, act in acts.fields.items()
        if "idempotencyKey" not in graphql.get_named_type(act.args["input"].type).fields
        and "Repeating it" not in (act.description or "")
    ]

    assert silent == []


def test_the_served_schema_keeps_every_promise_of_the_contract() -> None:
    assert broken(served.printed()) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("  version: Int!", "", "Order.version was removed."),
        ("  refundTotal: Decimal", "", "CancellationExpectation.refundTotal was removed."),
        ("  ON_HOLD\n", "", "Enum value NotCancellableReason.ON_HOLD was removed."),
        (", orderIds: [ID!]", "", "Argument Subscription.orderEvents(orderIds:) was removed."),
        ("  totals: OrderTotals!", "  totals: OrderTotals", "Order.totals changed type"),
        ("  note: String", "  note: String!", "changed type from String to String!"),
        ("type PackageSplit implements OrderEvent", "type PackageSplit", "PackageSplit no longer implements interface"),
    ],
    ids=["field", "input field", "enum value", "argument", "nullable answer", "required input", "interface"],
)
def test_a_schema_that_breaks_a_promise_is_noticed(before: str, after: str, expected: str) -> None:
    weaker = CONTRACT_FILE.read_text().replace(before, after, 1)

    found = broken(weaker)

    assert [each for each in found if expected in each]


def test_what_is_served_beyond_the_contract_is_written_down() -> None:
    promised = dict(described(CONTRACT))

    assert {name for name, _ in described(SERVED) if name not in promised} == FURTHER


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.graphql")), ids=lambda path: path.stem)
def test_the_demos_operations_are_valid(path: Path) -> None:
    assert graphql.validate(SERVED, graphql.parse(path.read_text())) == []
