"""A small Shortship client, and how to use it: list orders, preview and cancel, then follow events.

Set ENDPOINT and TOKEN, and install `gql[httpx,websockets]`.
"""

import asyncio
import json
import os
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

LIST = """
query List {
  orders(filter: { itemsCancellable: true }, first: 10) {
    edges { node { id number status eventCursor items { id productName cancellableQuantity } } }
  }
}
"""
PREVIEW = """
query Preview($orderId: ID!, $items: [CancelItemInput!]!) {
  previewCancelItems(orderId: $orderId, reason: OUT_OF_STOCK, items: $items) {
    orderVersion
    orderStatusAfter
    refundBreakdown { total { amount formatted } }
    errors { code message }
  }
}
"""
CANCEL = """
mutation Cancel($input: CancelItemsInput!) {
  cancelItems(input: $input) {
    cancellation { id refundStatus }
    order { status version }
    errors { code message }
  }
}
"""
FOLLOW = """
subscription Follow($after: String!) {
  orderEvents(after: $after) {
    __typename
    cursor
    sequence
    order { number }
    ... on OrderStatusChanged { from to }
  }
}
"""
_TRANSIENT = {"SLOW_CONSUMER", "RATE_LIMITED", "UNAVAILABLE"}
_FATAL = {4400, 4401, 4403}  # close codes: bad message, unauthorized, forbidden
_MAX_WAIT_SECONDS = 10.0


class Shortship:
    """A client for one server, authenticated by one token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._authorization = {"Authorization": f"Bearer {token}"}

    async def request(self, query: str, **variables: object) -> dict[str, Any]:
        """Runs a query or mutation and returns its data. Raises TransportQueryError if the answer has errors."""
        transport = HTTPXAsyncTransport(url=self._url, headers=self._authorization)
        async with Client(transport=transport) as session:
            data: dict[str, Any] = await session.execute(GraphQLRequest(query, variable_values=variables))
            return data

    async def follow(self, after: str) -> AsyncIterator[dict[str, Any]]:
        """Yields every event after the cursor, then new ones as they happen.

        Reconnects and resumes when the connection drops, so each event is delivered exactly once.
        """
        failures = 0
        while True:
            try:
                async for event in self._events(after):
                    after, failures = event["cursor"], 0
                    yield event
            except (TransportError, TimeoutError) as error:
                if not _is_transient(error):
                    raise
            # Back off exponentially, with jitter.
            await asyncio.sleep(min(0.1 * 2**failures, _MAX_WAIT_SECONDS) * random.uniform(0.5, 1))  # noqa: S311 - no secret
            failures += 1

    async def _events(self, after: str) -> AsyncIterator[dict[str, Any]]:
        """Yields the events of a single connection."""
        transport = WebsocketsTransport(
            url=self._url.replace("http", "ws", 1),
            init_payload=self._authorization,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            ping_interval=10,  # detects connections that died silently
        )
        async with Client(transport=transport) as session:
            async for data in session.subscribe(GraphQLRequest(FOLLOW, variable_values={"after": after})):
                yield data["orderEvents"]


def _is_transient(error: Exception) -> bool:
    """Whether to reconnect after this error."""
    if isinstance(error, TransportQueryError):
        return any(each.get("extensions", {}).get("code") in _TRANSIENT for each in error.errors or ())
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ConnectionClosed) and cause.rcvd and cause.rcvd.code in _FATAL:
            return False
        cause = cause.__cause__
    return True


def show(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the example's output


async def main() -> None:
    shortship = Shortship(os.environ["ENDPOINT"], os.environ["TOKEN"])  # noqa: TID251 - a client, not the service

    edges = (await shortship.request(LIST))["orders"]["edges"]
    order = edges[0]["node"]
    item = next(each for each in order["items"] if each["cancellableQuantity"])
    show(order=order["number"], item=item["productName"], cancellable=item["cancellableQuantity"])

    items = [{"itemId": item["id"], "quantity": 1}]
    preview = (await shortship.request(PREVIEW, orderId=order["id"], items=items))["previewCancelItems"]
    refund = preview["refundBreakdown"]["total"]
    show(refund=refund["formatted"], status=preview["orderStatusAfter"])

    given = {
        "orderId": order["id"],
        "reason": "OUT_OF_STOCK",
        "items": items,
        # One key per click on "cancel". Retrying with the same key never cancels twice.
        "idempotencyKey": str(uuid.uuid4()),
        # What the preview showed. If the order has changed since, nothing is cancelled.
        "expect": {"refundTotal": refund["amount"], "orderVersion": preview["orderVersion"]},
    }
    outcome = (await shortship.request(CANCEL, input=given))["cancelItems"]
    show(cancelled=outcome["order"], errors=outcome["errors"])

    async for event in shortship.follow(order["eventCursor"]):
        show(event=event["__typename"], order=event["order"]["number"], sequence=event["sequence"])


if __name__ == "__main__":
    asyncio.run(main())
