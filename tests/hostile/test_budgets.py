"""Time limits, trusted documents and rate limits hold over every transport."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hostile.judged import CANCEL, Judged, over_post, over_socket, over_stream
from tests.hostile.target import Target, attacked
from tests.hostile.wire import DAY, SHOP
from tests.support.client import EVERYTHING, Client, a_token
from tests.support.patience import PATIENCE_SECONDS

TRANSPORTS = (over_post, over_socket, over_stream)
EXPLORER = a_token(scope=f"{EVERYTHING} explore", seconds=DAY)
FIND = "query ($number: String!) { orderByNumber(number: $number) { id status cancellations { idempotencyKey } } }"


@asynccontextmanager
async def a_client(target: Target, token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=target.base, headers=headers, timeout=PATIENCE_SECONDS) as http:
        yield Client(target.base, token, http)


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server that allows operations one second, and trusts two documents."""
    template: Path = request.getfixturevalue("_sqlite_template")
    folder = tmp_path_factory.mktemp("trusted")
    (folder / "cancel.graphql").write_text(CANCEL)
    (folder / "shop.graphql").write_text("query Shop { shop { id } }")
    settings = {"operation_timeout": "1", "trusted_documents": str(folder)}
    with attacked(tmp_path_factory.mktemp("attacked"), template, **settings) as target:
        yield target


@contextmanager
def locked(target: Target) -> Iterator[None]:
    """Keeps everyone else from writing to the database."""
    with closing(sqlite3.connect(target.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def cancelling(order: dict[str, Any], key: str) -> Judged:
    given = {"orderId": order["id"], "reason": "BUYER_REQUESTED", "idempotencyKey": key}
    return Judged({"query": CANCEL, "variables": {"input": given}}, "TIMEOUT")


async def test_an_operation_that_times_out_is_done_once_when_it_is_retried(target: Target) -> None:
    async with a_client(target, EXPLORER) as client:
        orders = [(await client.data(FIND, number=str(number)))["orderByNumber"] for number in (1001, 1002, 1003)]
        asked = [cancelling(order, order["id"]) for order in orders]
        with locked(target):
            first = await asyncio.gather(*(over(client, each) for over, each in zip(TRANSPORTS, asked, strict=True)))
        retried = [await over_post(client, each) for each in asked]
        after = [(await client.data(FIND, number=str(number)))["orderByNumber"] for number in (1001, 1002, 1003)]

    assert first == ["TIMEOUT"] * 3
    assert retried == [""] * 3
    assert [order["cancellations"] for order in after] == [[{"idempotencyKey": order["id"]}] for order in orders]
    await asyncio.to_thread(target.assert_sound)


async def test_tokens_without_the_explore_scope_run_trusted_documents_only(target: Target) -> None:
    listed, other = ({"query": "query Shop { shop { id } }"}, {"query": "query Shop { shop { id name } }"})
    everybody = a_token(seconds=DAY)
    wanted = [(listed, everybody), (other, everybody), (listed, EXPLORER), (other, EXPLORER)]

    async with a_client(target, everybody) as client:
        found = [[await over(client, Judged(payload, "", token)) for payload, token in wanted] for over in TRANSPORTS]

    assert [(first, *rest) for first, _, *rest in found] == [("", "", "")] * 3
    assert {codes[1] for codes in found} <= {"BAD_USER_INPUT", "FORBIDDEN"}


@pytest.fixture
def limited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """A server whose rate limit is one unit of cost a second, in bursts of up to ten."""
    template: Path = request.getfixturevalue("_sqlite_template")
    with attacked(tmp_path, template, rate_limit="1") as target:
        yield target


async def test_a_rate_limit_holds_over_every_transport_and_for_its_own_shop_only(limited: Target) -> None:
    # Costs nine units, so the bucket takes a while to refill.
    orders = Judged({"query": "{ orders(first: 4) { edges { cursor } } }"}, "", a_token(seconds=DAY))
    other = Judged({"query": SHOP}, "", a_token("other", seconds=DAY))
    resend = 'mutation { resendNotification(input: {cancellationId: "x"}) { errors { code message path } } }'

    async with a_client(limited, orders.token) as client:
        answers = [await client.http.post("/graphql", json=orders.payload) for _ in range(15)]
        refused = [await over(client, orders) for over in TRANSPORTS]
        refused += [await over(client, Judged({"query": resend}, "", orders.token)) for over in TRANSPORTS]
        stranger = [await over(client, other) for over in TRANSPORTS]

    statuses = [answer.status_code for answer in answers]
    assert statuses[0] == 200
    assert statuses[-5:] == [429] * 5
    assert [int(answer.headers["retry-after"]) > 0 for answer in answers[-5:]] == [True] * 5
    assert {error["extensions"]["code"] for answer in answers[-5:] for error in answer.json()["errors"]} == {
        "RATE_LIMITED"
    }
    assert refused == ["RATE_LIMITED"] * 6
    assert stranger == [""] * 3
