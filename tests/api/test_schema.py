"""The schema that is served: as committed, described, and what clients were promised."""

from collections.abc import Iterator
from pathlib import Path

import graphql
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

from api import schema

HERE = Path(__file__).parent
COMMITTED = HERE.parents[1] / "schema.graphql"
OPERATIONS = HERE.parents[1] / "api" / "static" / "operations"
CONTRACT = graphql.build_schema((HERE / "contract.graphql").read_text())
SERVED = graphql.build_schema(schema.printed())

# What the contract promises and a later version serves.
NOT_SERVED_YET = {
    "CancelOrderInput",
    "CancelOrderPayload",
    "CancelPackageInput",
    "CancelPackagePayload",
    "CancellationConnection",
    "CancellationEdge",
    "CancellationFilter",
    "CancellationReasonOption",
    "BuyerInput",
    "FeeInput",
    "FulfillmentError",
    "FulfillmentErrorCode",
    "ImportOrderResult",
    "ImportOrdersInput",
    "ImportOrdersPayload",
    "ImportOutcome",
    "Mutation.cancelOrder",
    "Mutation.cancelPackage",
    "Mutation.importOrders",
    "Mutation.resendNotification",
    "Mutation.settleRefund",
    "Mutation.splitPackage",
    "Mutation.updateOrderStatus",
    "Mutation.updatePackageStatus",
    "OrderInput",
    "OrderItemInput",
    "PackageInput",
    "PackageItemInput",
    "Query.cancellationReasons",
    "Query.cancellations",
    "Query.previewCancelOrder",
    "Query.previewCancelPackage",
    "ResendNotificationInput",
    "ResendNotificationPayload",
    "SettleRefundInput",
    "SettleRefundPayload",
    "SplitItemInput",
    "SplitPackageInput",
    "SplitPackagePayload",
    "UpdateOrderStatusInput",
    "UpdateOrderStatusPayload",
    "UpdatePackageStatusInput",
    "UpdatePackageStatusPayload",
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


def shapes(of: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Everything in a schema that clients rely on, with its type."""
    for name, kind in of.type_map.items():
        if graphql.is_introspection_type(kind) or graphql.is_specified_scalar_type(kind):
            continue
        interfaces = kind.interfaces if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else ()
        yield name, " ".join([type(kind).__name__, *sorted(interface.name for interface in interfaces)])
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", "") for value in kind.values)
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", str(given.type)) for field, given in kind.fields.items())
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                yield f"{name}.{field}", str(definition.type)
                yield from (
                    (f"{name}.{field}({argument})", str(given.type)) for argument, given in definition.args.items()
                )


def test_the_committed_schema_is_the_served_one() -> None:
    assert COMMITTED.read_text() == schema.printed()


def test_everything_has_a_description_that_begins_with_a_capital() -> None:
    bare = [name for name, text in described(SERVED) if not text or not text[0].isupper()]

    assert bare == []


def test_what_is_served_has_the_names_and_types_of_the_contract() -> None:
    served = dict(shapes(SERVED))

    different = {name: served[name] for name, shape in shapes(CONTRACT) if name in served and served[name] != shape}

    assert different == {}


def test_what_the_contract_promises_and_is_not_served_yet_is_written_down() -> None:
    served = dict(shapes(SERVED))

    missing = {name for name, _ in shapes(CONTRACT) if name not in served}

    below_missing = {name for name in missing if any(name.startswith((f"{other}.", f"{other}(")) for other in missing)}
    assert missing - below_missing == NOT_SERVED_YET


def test_what_is_served_beyond_the_contract_is_written_down() -> None:
    promised = dict(shapes(CONTRACT))

    assert {name for name, _ in shapes(SERVED) if name not in promised} == set()


@pytest.mark.parametrize("is_on", [True, False])
def test_without_introspection_no_name_is_suggested(*, is_on: bool) -> None:
    served = schema.make_schema(introspection=is_on)

    result = served.execute_sync("{ shup { id } }")

    assert result.errors
    assert ("Did you mean" in result.errors[0].message) is is_on


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.graphql")), ids=lambda path: path.stem)
def test_the_demos_operations_are_valid(path: Path) -> None:
    assert graphql.validate(SERVED, graphql.parse(path.read_text())) == []
