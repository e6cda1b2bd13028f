"""Plans give graphql-core's answers, byte for byte, and cover the frequent operations.

Every run tries the same operations. For more, and different ones each time: `pytest
tests/api/execution/test_executor.py --completion-examples 4000`.
"""

import asyncio
import inspect
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLSchema, Node, execute, parse, print_ast, subscribe, validate
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries

from api.app import served_schema
from api.auth import Principal, Scope
from api.context import Context
from api.execution import turns
from api.execution.checks import Schema
from api.execution.executor import PlanningExecutor
from api.execution.known_plans import plans_of
from api.execution.turns import FairExecutor
from api.settings import Settings
from api.telemetry.metrics import Metrics
from api.telemetry.tracing import NoTracing
from api.wiring import clock
from domain.feed import Feed
from domain.rules.order import Order
from domain.storage.engine.database import Database
from domain.storage.migrations import runner as migrations
from tests.api.execution import misbehaving
from tests.api.execution.rewriting import rewritten
from tests.hostile.generated import Operation, reading
from tests.support.cancelling import a_request, cancel, units
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store
from tests.support.trying import tried

EXAMPLES = 60
# Longer documents show nothing new, and graphql-core takes long over them.
LONGEST = 2_000

Run = Callable[[Callable[..., None]], None]


class Plain(FairExecutor):
    """Completes as graphql-core does, in one turn: which fields fail beside an error depends on the order."""

    def __init__(self, *args: Any, **more: Any) -> None:  # graphql-core's own
        super().__init__(*args, **more)
        self._turn_ends_at = math.inf


class Planning(PlanningExecutor):
    """Completes by plans, in one turn."""

    def __init__(self, *args: Any, **more: Any) -> None:  # the same
        super().__init__(*args, **more)
        self._turn_ends_at = math.inf


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a property with the same examples every time, unless an option asks for more."""

    def run(holds: Callable[..., None]) -> None:
        tried(request, "--completion-examples", holds, EXAMPLES)

    return run


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    """Runs a property's operations; the property itself is not a coroutine."""
    with asyncio.Runner() as runner:
        yield runner


class Answering:
    """Runs documents on one schema with a given executor, and writes down everything that results."""

    def __init__(self, loop: asyncio.Runner, schema: GraphQLSchema, new_context: Callable[[], Any] = dict) -> None:
        self.schema = schema
        self._loop = loop
        self._new_context = new_context

    def __call__(self, executor: type[FairExecutor], document: DocumentNode, variables: dict[str, Any]) -> str:
        made = len(misbehaving.made)
        result: Any = self._loop.run(self._executed(executor, document, variables))
        errors = [error.formatted for error in result.errors or ()]
        return json.dumps([result.data, errors, misbehaving.made[made:]], default=repr)

    async def _executed(self, executor: type[FairExecutor], document: DocumentNode, variables: dict[str, Any]) -> Any:
        context = self._new_context()
        result = execute(
            self.schema, document, context_value=context, variable_values=variables, executor_class=executor
        )
        return await result if inspect.isawaitable(result) else result


def nodes(tree: Any) -> int:  # a node, its values and lists of them
    """Counts nodes up to LONGEST; printing a whole tree takes long where it shares parts."""
    found, left = 0, [tree]
    while left and found < LONGEST:
        part = left.pop()
        if isinstance(part, Node):
            found += 1
            left += [getattr(part, key) for key in part.keys]
        elif isinstance(part, tuple | list):
            left += part
    return found


def assert_same(answering: Answering, document: DocumentNode, variables: dict[str, Any]) -> None:
    """A new plan and a used one both give graphql-core's answer."""
    expected = answering(Plain, document, variables)
    assert answering(Planning, document, variables) == expected, print_ast(document)
    assert answering(Planning, document, variables) == expected, print_ast(document)


@pytest.mark.parametrize("kind", [queries, mutations])
def test_any_types_resolvers_and_values_get_graphql_cores_answer(
    run: Run, loop: asyncio.Runner, kind: Callable[..., st.SearchStrategy[DocumentNode]]
) -> None:
    answering = Answering(loop, misbehaving.SCHEMA._schema)  # noqa: SLF001 - strawberry has no public name for it
    documents = kind(answering.schema, print_ast=lambda document: document)

    @given(documents, st.randoms(use_true_random=False))
    def holds(document: DocumentNode, random: Random) -> None:
        changed, variables = rewritten(answering.schema, document, random)
        assume(nodes(changed) < LONGEST and len(print_ast(changed)) < LONGEST)
        assert validate(answering.schema, changed) == []
        assert_same(answering, changed, variables)

    run(holds)


PERSON: Any = misbehaving.SCHEMA._schema.type_map["Person"]  # noqa: SLF001 - the same
PLACES = {
    "root": "{{ person(number: 1) {{ {0} }} }}",
    "list": "{{ people {{ {0} }} }}",
    "nullable list": "{{ maybe {{ {0} }} }}",
    "union": "{{ anyone(number: 3) {{ __typename ... on Person {{ {0} }} }} }}",
    "interface": "{{ all(count: 7) {{ name boss {{ number }} ... on Person {{ {0} }} }} }}",
    "twice": "{{ a: person {{ {0} }} b: person(number: 4) {{ {0} }} }}",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("name", [name for name, field in PERSON.fields.items()])
def test_each_field_is_answered_alike_wherever_it_is(loop: asyncio.Runner, name: str, place: str) -> None:
    answering = Answering(loop, misbehaving.SCHEMA._schema)  # noqa: SLF001 - the same
    below = {"boxed": "{ content label }", "boxedTexts": "{ content }", "pet": "{ __typename }"}
    selection = below.get(name, "{ name }" if name in {"friends", "boss", "stranger"} else "")

    assert_same(answering, parse(place.format(f"{name} {selection}")), {})


@pytest.mark.parametrize("is_skipped", [True, False])
def test_a_known_document_goes_by_the_variables_of_each_run(loop: asyncio.Runner, *, is_skipped: bool) -> None:
    answering = Answering(loop, misbehaving.SCHEMA._schema)  # noqa: SLF001 - the same
    text = """query ($skipped: Boolean!, $whom: String!, $times: Int = 2) {
      people { ...F greeting(whom: $whom, times: $times) } } fragment F on Person { name @skip(if: $skipped) }"""
    document = parse(text)

    assert_same(answering, document, {"skipped": not is_skipped, "whom": "Ada"})
    assert_same(answering, document, {"skipped": is_skipped, "whom": "Grace", "times": 1})


async def followed(document: DocumentNode, by: str) -> list[Any]:
    """Everything that a follower receives."""
    schema = misbehaving.SCHEMA._schema  # noqa: SLF001 - the same
    given: Any = subscribe(schema, document, variable_values={"by": by}, executor_class=Planning)
    results = await given if inspect.isawaitable(given) else given
    return [result.data["happenings"] async for result in results]


async def test_followers_of_an_event_share_one_answer_unless_it_has_arguments() -> None:
    looks = misbehaving.happening.looks
    looks.clear()
    document = parse("subscription { happenings { look } }")
    asking = parse("subscription ($by: String!) { happenings { asked(by: $by) } }")

    answers = [await followed(document, "") for _ in range(3)]
    asked = [await followed(asking, by) for by in ("Ada", "Grace")]

    assert answers == [[{"look": "looked"}] * 2] * 3
    assert looks == ["look"]
    assert asked == [[{"asked": f"asked by {by}"}] * 2 for by in ("Ada", "Grace")]


class Stored:
    """Orders on SQLite, and the served schema on top of them."""

    def __init__(self, loop: asyncio.Runner, url: str) -> None:
        self.loop = loop
        self.database = Database(url)
        self.order: Order = loop.run(self._fill())
        secret = "a secret of sufficient length that nobody uses"
        self.schema: Schema = served_schema(Settings(database_url=url, jwt_secret=secret, introspection=True))

    async def _fill(self) -> Order:
        await migrations.migrate(self.database)
        self.shop = await a_shop(self.database)
        items = [an_item_input(f"i{number}", quantity=3) for number in range(4)]
        packages = (a_package_input("A", i0=3, i1=1, i2=3), a_package_input("B", i1=2, i3=3))
        given = (an_order_input(f"{1001 + number}", *items, packages=packages) for number in range(3))
        [order, *_] = await store(self.database, self.shop, *given)
        await cancel(self.database, self.shop, a_request(units(order, ("SKU-i0", 1))))
        return order

    def context(self) -> Context:
        scopes = frozenset(Scope) - {Scope.EXPLORE}
        return Context(
            database=self.database,
            feed=Feed(self.database),
            clock=clock,
            page_limit=100,
            accept_language="",
            metrics=Metrics(),
            tracing=NoTracing(),
            principal=Principal(self.shop, "tester", scopes, math.inf, 0),
        )

    def outcomes(self, text: str, **variables: object) -> dict[str, int]:
        """How the root values of an operation were completed; it must run without an error."""
        plans = plans_of(self.schema._schema)  # noqa: SLF001 - the same
        before = Counter(plans.outcomes)
        result = self.loop.run(self._run(text, variables))
        assert result.errors is None, result.errors
        return dict(plans.outcomes - before)

    async def _run(self, text: str, variables: dict[str, Any]) -> Any:
        return await self.schema.execute(text, variable_values=variables, context_value=self.context())


@pytest.fixture
def stored(loop: asyncio.Runner, sqlite_url: str) -> Iterator[Stored]:
    stored = Stored(loop, sqlite_url)
    yield stored
    loop.run(stored.database.close())


def test_queries_of_stored_orders_get_graphql_cores_answer(run: Run, stored: Stored) -> None:
    answering = Answering(stored.loop, stored.schema._schema, stored.context)  # noqa: SLF001 - the same
    order = stored.order
    known = [f"order_{order.id.hex}", f"item_{order.id.hex}_1", f"package_{order.id.hex}_1", "order_0"]

    @given(reading(known, ["1001", "SKU-i0", "de_DE"]))
    def holds(operation: Operation) -> None:
        assume(len(operation.document) < LONGEST)
        assert_same(answering, parse(operation.document), operation.variables)

    run(holds)


MONEY = '{ amount currency formatted(locale: "de_DE") }'
ITEM = "id quantity cancelledQuantity cancellable cancellableQuantity notCancellableReason"
ORDER = f"""
id number status version currency pricesIncludeTax placedAt paidAt shipBy updatedAt eventCursor
cancellable notCancellableReason itemsCancellable buyer {{ name email locale }}
totals {{
  itemsSubtotal {MONEY} sellerDiscount {MONEY} platformDiscount {MONEY} itemTax {MONEY} shippingFee {MONEY}
  shippingTax {MONEY} fees {{ kind amount {MONEY} }} total {MONEY} refunded {MONEY} refundable {MONEY}
}}
items {{ {ITEM} sku productName variantName imageUrl isGift unitPrice {MONEY} total {MONEY} packages {{ id }} }}
packages {{
  id number status carrier trackingNumber cancellable notCancellableReason items {{ {ITEM} item {{ id }} }}
}}
"""
CANCELLATION = f"""
id scope reason note actor createdAt refundStatus notification {{ status attempts sentAt lastError }}
refundBreakdown {{ itemsSubtotal {MONEY} total {MONEY} lines {{ quantity item {{ sku }} total {MONEY} }} }}
"""
R1 = f"""query ($first: Int!) {{
  orders(first: $first) {{ edges {{ cursor node {{ {ORDER} }} }} pageInfo {{ hasNextPage }} }} }}"""
R2 = f"""query ($id: ID!) {{ order(id: $id) {{ {ORDER} cancellations {{ {CANCELLATION} }}
  events(first: 50) {{ edges {{ node {{ __typename id actor ... on ItemsCancelled {{ cancellation {{ id }} }} }} }} }}
}} }}"""
C1 = f"""mutation ($input: CancelItemsInput!) {{ cancelItems(input: $input) {{
  replayed cancellation {{ {CANCELLATION} }} order {{ {ORDER} }} errors {{ code message path }} }} }}"""


@pytest.mark.parametrize("first", [1, 3, 100])
def test_a_page_of_orders_is_planned(stored: Stored, first: int) -> None:
    assert stored.outcomes(R1, first=first) == {"planned": 1}


def test_an_order_with_everything_is_planned(stored: Stored) -> None:
    assert stored.outcomes(R2, id=f"order_{stored.order.id.hex}") == {"planned": 1}


def test_a_cancellation_is_planned(stored: Stored) -> None:
    given = {
        "orderId": f"order_{stored.order.id.hex}",
        "reason": "OUT_OF_STOCK",
        "items": [{"itemId": f"item_{stored.order.id.hex}_2", "quantity": 1}],
        "idempotencyKey": "key",
    }

    assert stored.outcomes(C1, input=given) == {"planned": 1}


def test_fragments_on_interfaces_are_planned(stored: Stored) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Cancellable { cancellable notCancellableReason } } }"
    order_id = stored.order.id.hex

    assert stored.outcomes(query, ids=[f"order_{order_id}", f"item_{order_id}_1"]) == {"planned": 1}


def test_what_no_plan_covers_is_counted(stored: Stored) -> None:
    assert stored.outcomes("{ __schema { queryType { name } } shop { name } }") == {"uncovered": 1}


def test_results_too_large_for_one_turn_are_completed_in_several(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MOST_PLANNED_FIELDS", 20)

    assert stored.outcomes(R1, first=3) == {"uncovered": 1}


def test_plans_are_not_kept_for_ever(stored: Stored) -> None:
    plans = plans_of(stored.schema._schema)  # noqa: SLF001 - the same
    for number in range(150):
        stored.outcomes(R1.replace("pageInfo", f"p{number}: pageInfo"), first=1)

    assert 0 < plans.fields < 25_000
