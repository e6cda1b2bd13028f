"""GraphiQL on a server that hands out no token: the user enters one under Headers."""

from pathlib import Path

import httpx
import orjson
from playwright.sync_api import BrowserContext, expect

from tests.browser.window import Window
from tests.support.calling import FIND, ORDER, ask, cancel_one
from tests.support.client import SECRET, a_token
from tests.support.command import run, started

FOLLOW = (
    "subscription Follow { orderEvents { order { number } ... on ItemsCancelled { cancellation { refundStatus } } } }"
)


def a_shop_with_an_order(folder: Path) -> None:
    (folder / "orders.json").write_bytes(orjson.dumps([ORDER]))
    run(folder, "migrate")
    run(folder, "shop", "create", "demo", "--name", "Demo Shop")
    run(folder, "import", "--shop", "demo", "orders.json")


def test_a_token_that_is_entered_is_sent_with_queries_and_subscriptions(
    browser: BrowserContext, tmp_path: Path
) -> None:
    a_shop_with_an_order(tmp_path)
    token = a_token()
    settings = {"jwt_secret": SECRET, "graphiql": "1", "introspection": "1"}

    with started(tmp_path, "serve", **settings) as (_, client):
        window = Window(browser.new_page(), str(client.base_url))
        given = client.get("/graphiql/config.json").json()
        window.open_graphiql()
        window.write_operation(FIND)
        window.run()
        window.shows("UNAUTHENTICATED")
        window.write("Headers", f'{{"Authorization": "Bearer {token}"}}')
        window.run()
        window.shows('"orderByNumber": {')
        window.press("Re-fetch GraphQL schema (Shift-Ctrl-R)")
        window.press("Show Documentation Explorer")
        expect(window.page.get_by_text("All Schema Types")).to_be_visible()
        window.write_operation(FOLLOW)
        window.follow()
        cancelled = _cancelled(client, token)
        window.shows('"refundStatus": "PENDING"')

    assert given == {"headers": {"Authorization": "Bearer "}}
    assert cancelled["errors"] == []
    assert window.asked_elsewhere == []


def _cancelled(client: httpx.Client, token: str) -> dict[str, object]:
    order = ask(client, FIND, token)["data"]["orderByNumber"]
    payload: dict[str, object] = cancel_one(client, token, order, "one")["data"]["cancelItems"]
    return payload
