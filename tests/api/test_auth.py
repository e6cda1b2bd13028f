"""Who is let in, over HTTP and websockets, and what a token without a scope may not do."""

import hashlib
import hmac
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
import uvicorn
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from api.auth import Authenticator, Scope, UnauthenticatedError
from api.settings import Settings, SettingsError
from domain.database import Database
from domain.order import Shop
from tests.api.client import GRAPHQL_WS, SECRET, Client, a_token, hear, say
from tests.api.conftest import on_sqlite, running, serving
from tests.stored import an_order_input, store, stored

pytestmark = on_sqlite

Key = ECKey | OctKey | OKPKey | RSAKey

ES256 = ECKey.generate_key("P-256", {"kid": "es"})
RS256 = RSAKey.generate_key(2048, {"kid": "rs"})
EDDSA = OKPKey.generate_key("Ed25519", {"kid": "ed"})
UNKNOWN = ECKey.generate_key("P-256", {"kid": "unknown"})
SHARED = OctKey.import_key(SECRET)
SHOP = "{ shop { id } }"


def claims(**changed: Any) -> dict[str, Any]:
    """Those of a good token, changed; None leaves one out."""
    good = {"sub": "tester", "shop": "demo", "scope": "orders:read", "exp": int(time.time()) + 600}
    return {name: claim for name, claim in (good | changed).items() if claim is not None}


def signed(given: dict[str, Any], key: Key = SHARED, algorithm: str = "HS256", **header: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # EdDSA's name has a successor that issuers do not use
        return jwt.encode({"alg": algorithm} | header, given, key, algorithms=[algorithm])


def by_hand(header: dict[str, Any], given: dict[str, Any], secret: bytes | None) -> str:
    """A token that no library would sign."""
    parts = [urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in (header, given)]
    content = ".".join(parts)
    signature = hmac.new(secret, content.encode(), hashlib.sha256).digest() if secret else b""
    return f"{content}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


async def status(client: Client, token: str) -> tuple[int, str | None]:
    """The status of a request with this token, and the code of its error."""
    headers = {"Authorization": f"Bearer {token}".strip()}
    answer = await client.http.post("/graphql", json={"query": SHOP}, headers=headers)
    body = answer.json()
    return answer.status_code, body["errors"][0]["extensions"]["code"] if "errors" in body else None


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_bytes(orjson.dumps(KeySet([ES256, RS256, EDDSA]).as_dict(private=False)))
    return file


@pytest.fixture
def settings(database_url: str, key_file: Path) -> Settings:
    return Settings(
        database_url=database_url,
        jwt_secret=SECRET,
        jwks=str(key_file),
        introspection=True,
        allowed_origins=("https://app.example",),
    )


async def test_tokens_of_every_kind_of_key_are_taken(client: Client) -> None:
    tokens = [
        signed(claims()),
        signed(claims(), ES256, "ES256", kid="es"),
        signed(claims(), RS256, "RS256", kid="rs"),
        signed(claims(), EDDSA, "EdDSA", kid="ed"),
        signed(claims(), ES256, "ES256"),
        signed(claims(), RS256, "RS256"),
        signed(claims(), EDDSA, "EdDSA"),
        by_hand({"alg": "HS256", "tenant": "a header that we do not know"}, claims(), SECRET.encode()),
        signed(claims(iat=int(time.time()) + 120, jti=5)),
        signed(claims(scope=None)),
        signed(claims(exp=time.time() - 20)),
        signed(claims(nbf=int(time.time()) + 20)),
        signed(claims(iss="anybody", aud=["anything"])),
    ]

    answers = [await status(client, token) for token in tokens]

    assert answers == [(200, None)] * 9 + [(200, "FORBIDDEN")] + [(200, None)] * 3


async def test_bad_tokens_are_refused_in_the_form_of_graphql(client: Client) -> None:
    public = RS256.as_pem(private=False)
    tokens = [
        "",
        "nonsense",
        "a.b.c",
        by_hand({"alg": "none"}, claims(), None),
        by_hand({"alg": "HS256"}, claims(), b"another secret of thirty-two bytes or more"),
        by_hand({"alg": "HS256", "kid": "rs"}, claims(), public),
        by_hand({"alg": "HS256", "kid": "rs"}, claims(), public.strip()),
        by_hand({"alg": "RS256", "kid": "rs"}, claims(), SECRET.encode()),
        by_hand({"alg": "HS512"}, claims(), SECRET.encode()),
        by_hand({"alg": ["HS256"]}, claims(), SECRET.encode()),
        by_hand({"alg": "HS256", "crit": ["exp"]}, claims(), SECRET.encode()),
        signed(claims(), UNKNOWN, "ES256", kid="es"),
        signed(claims(), UNKNOWN, "ES256", kid="unknown"),
        signed(claims(), UNKNOWN, "ES256"),
        signed(claims(), ES256, "ES256", kid="rs"),
        signed(claims(exp=int(time.time()) - 31)),
        signed(claims(exp=None)),
        signed(claims(exp="tomorrow")),
        signed(claims(exp=10**400)),
        signed(claims(nbf=int(time.time()) + 40)),
        signed(claims(sub=None)),
        signed(claims(sub=5)),
        signed(claims(sub="a\0b")),
        signed(claims(sub="s" * 501)),
        signed(claims(shop=None)),
        signed(claims(shop=["demo"])),
        signed(claims(shop="nobody's")),
        signed(claims(shop="\0")),
        signed(claims(scope=["orders:read"])),
    ]

    answers = [await status(client, token) for token in tokens]

    assert answers == [(401, "UNAUTHENTICATED")] * len(tokens)


async def test_a_refusal_says_how_to_come_in(client: Client) -> None:
    del client.http.headers["Authorization"]

    answer = await client.http.post("/graphql", json={"query": SHOP})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "errors": [
            {
                "message": "Send a token: Authorization: Bearer <token>.",
                "extensions": {"code": "UNAUTHENTICATED"},
            }
        ]
    }


async def test_issuer_and_audience_are_required_where_they_are_set(
    settings: Settings, database: Database, shop: Shop
) -> None:
    strict = settings.model_copy(update={"jwt_issuer": "https://issuer.example", "jwt_audience": "shortship"})
    good = {"iss": "https://issuer.example", "aud": ["shortship", "other"]}
    wrong: list[dict[str, Any]] = [
        {},
        good | {"iss": "https://other.example"},
        good | {"iss": None},
        good | {"aud": "other"},
        good | {"aud": None},
        good | {"aud": 5},
    ]

    async with serving(strict, database) as base:
        client = Client(base, "none")
        accepted = await status(client, signed(claims(**good, shop=shop.id)))
        refused = [await status(client, signed(claims(**given))) for given in wrong]
        await client.http.aclose()

    assert accepted == (200, None)
    assert refused == [(401, "UNAUTHENTICATED")] * len(wrong)


async def test_without_a_shared_secret_nothing_that_is_signed_with_one_is_taken(
    settings: Settings, database: Database, shop: Shop
) -> None:
    public_only = settings.model_copy(update={"jwt_secret": None})

    async with serving(public_only, database) as base:
        client = Client(base, "none")
        shared = await status(client, signed(claims(shop=shop.id)))
        public = await status(client, signed(claims(), ES256, "ES256", kid="es"))
        await client.http.aclose()

    assert shared == (401, "UNAUTHENTICATED")
    assert public == (200, None)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"keys": []}', '{"keys": [5]}', '{"keys": {"kty": "EC"}}'])
async def test_a_key_file_without_keys_is_a_fault_of_the_settings(
    database: Database, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "none.json"
    if content is not None:
        file.write_text(content)
    authenticator = Authenticator(Settings(jwks=str(file)), database)

    with pytest.raises(SettingsError, match=r"none\.json is no file with a JSON Web Key Set"):
        await authenticator.load_keys()


class Issuer:
    """Serves its keys over https and counts how often it was asked."""

    def __init__(self, *keys: Key) -> None:
        self.keys = keys
        self.asked = 0

    async def answer(self, _request: Request) -> Response:
        self.asked += 1
        return Response(orjson.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}))


@asynccontextmanager
async def issuing(issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The https address of the issuer's keys, with a certificate that is trusted during the test."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    application = Starlette(routes=[Route("/keys", issuer.answer)])
    config = uvicorn.Config(application, log_config=None, lifespan="off", ssl_certfile=tmp_path / "server.pem")
    async with running(config) as port:
        yield f"https://127.0.0.1:{port}/keys"


async def is_taken(authenticator: Authenticator, token: str) -> bool:
    try:
        await authenticator.authenticate(f"Bearer {token}")
    except UnauthenticatedError:
        return False
    return True


@pytest.mark.usefixtures("shop")
async def test_keys_at_an_address_are_looked_at_again_for_an_unknown_one_once_a_minute(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    issuer = Issuer(ES256)
    rotated = signed(claims(), RS256, "RS256", kid="rs")
    async with issuing(issuer, tmp_path, monkeypatch) as address:
        authenticator = Authenticator(Settings(jwks=address), database, clock=lambda: now)
        await authenticator.load_keys()
        issuer.keys = (RS256,)

        known = await is_taken(authenticator, signed(claims(), ES256, "ES256", kid="es"))
        at_once = await is_taken(authenticator, rotated), issuer.asked
        now += 60
        later = await is_taken(authenticator, rotated), issuer.asked
        unknown = await is_taken(authenticator, signed(claims(), UNKNOWN, "ES256", kid="unknown")), issuer.asked

    assert known is True
    assert at_once == (False, 1)
    assert later == (True, 2)
    assert unknown == (False, 2)


@pytest.mark.usefixtures("shop")
async def test_an_address_that_does_not_answer_leaves_the_keys_that_are_known(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    async with issuing(Issuer(ES256), tmp_path, monkeypatch) as address:
        authenticator = Authenticator(Settings(jwks=address), database, clock=lambda: now)
        await authenticator.load_keys()
    now += 60

    unknown = await is_taken(authenticator, signed(claims(), UNKNOWN, "ES256", kid="unknown"))
    known = await is_taken(authenticator, signed(claims(), ES256, "ES256", kid="es"))

    assert (unknown, known) == (False, True)


@pytest.mark.usefixtures("shop")
async def test_a_certificate_that_is_not_trusted_gives_no_keys(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with issuing(Issuer(ES256), tmp_path, monkeypatch) as address:
        monkeypatch.delenv("SSL_CERT_FILE")
        authenticator = Authenticator(Settings(jwks=address), database)
        await authenticator.load_keys()

    assert not await is_taken(authenticator, signed(claims(), ES256, "ES256", kid="es"))


ALL_BUT_READING = " ".join(scope.value for scope in Scope if scope is not Scope.ORDERS_READ)
READING = [
    SHOP,
    '{ node(id: "shop_demo") { id } }',
    '{ nodes(ids: ["shop_demo"]) { id } }',
    "{ orders { totalCount } }",
    '{ order(id: "x") { id } }',
    '{ orderByNumber(number: "1001") { id } }',
    '{ previewCancelItems(orderId: "x", reason: OTHER, items: []) { orderVersion } }',
    "{ orderEvents { pageInfo { endCursor } } }",
]
CANCEL = """
mutation ($order: ID!, $item: ID!) {
  cancelItems(input: {
    orderId: $order, reason: OUT_OF_STOCK, items: [{itemId: $item, quantity: 1}], idempotencyKey: "k"
  }) { errors { code } order { number buyer { email } events { edges { node { id } } } cancellations { id } } }
}
"""


async def test_every_query_needs_the_scope_for_reading(client: Client) -> None:
    blind = client.with_token(a_token(scope=ALL_BUT_READING))

    bodies = [await blind.post(query) for query in READING]

    said = [(error["message"], error["extensions"]) for body in bodies for error in body["errors"]]
    assert said == [("This needs a token with the scope orders:read.", {"code": "FORBIDDEN"})] * len(READING)


@pytest.mark.parametrize("field", ["orderStatusChanged", "orderEvents"])
async def test_every_subscription_needs_the_scope_for_reading(client: Client, field: str) -> None:
    blind = client.with_token(a_token(scope=ALL_BUT_READING))

    async with blind.subscription(f"subscription {{ {field} {{ id }} }}") as results:
        answers = [answer async for answer in results]

    assert [error["extensions"]["code"] for answer in answers for error in answer["errors"]] == ["FORBIDDEN"]


async def test_cancelling_needs_its_scope_and_does_nothing_without_it(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    reader = client.with_token(a_token(scope="orders:read orders:import fulfillment:write refunds:settle"))

    body = await reader.post(CANCEL, order=f"order_{order.id.hex}", item=f"item_{order.id.hex}_1")

    assert body["data"] is None
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]
    assert (await stored(database, shop, "1001")).version == 1


async def test_what_was_cancelled_may_be_read_without_the_scope_for_reading(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    canceller = client.with_token(a_token(scope="orders:cancel"))

    data = await canceller.data(CANCEL, order=f"order_{order.id.hex}", item=f"item_{order.id.hex}_1")

    payload = data["cancelItems"]
    assert payload["errors"] == []
    assert payload["order"]["buyer"] == {"email": "ada@example.com"}
    assert len(payload["order"]["events"]["edges"]) == 2
    assert len(payload["order"]["cancellations"]) == 1


async def test_introspection_needs_a_token_and_no_scope(client: Client) -> None:
    nobody = client.with_token(a_token(scope=""))

    data = await nobody.data("{ __typename __schema { queryType { name } } }")
    refused = await status(client, "nonsense")

    assert data == {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}}
    assert refused == (401, "UNAUTHENTICATED")


def opened(client: Client, origin: str | None = None) -> connect:
    address = client.base.replace("http", "ws") + "/graphql"
    return connect(address, subprotocols=[GRAPHQL_WS], origin=Origin(origin) if origin else None)


async def close_code(socket: ClientConnection) -> int | None:
    await socket.wait_closed()
    return socket.close_code


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_a_socket_takes_the_token_under_any_case_of_its_name(client: Client, name: str) -> None:
    async with opened(client) as socket:
        await say(socket, type="connection_init", payload={name: f"Bearer {client.token}"})

        assert await hear(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"payload": None},
        {"payload": {}},
        {"payload": {"Authorization": "Bearer nonsense"}},
        {"payload": {"Authorization": 5}},
        {"payload": {"Authorization": None}},
    ],
    ids=["no payload", "null payload", "no token", "bad token", "number", "null"],
)
async def test_a_socket_with_a_bad_token_is_closed(client: Client, message: dict[str, Any]) -> None:
    async with opened(client) as socket:
        await say(socket, type="connection_init", **message)

        assert await close_code(socket) == 4403


async def test_a_subscribe_before_the_ack_closes_the_socket(client: Client) -> None:
    async with opened(client) as socket:
        await say(socket, id="1", type="subscribe", payload={"query": SHOP})

        assert await close_code(socket) == 4401


async def test_a_socket_ends_with_its_token(client: Client) -> None:
    almost_expired = client.with_token(a_token(seconds=-28))

    async with almost_expired.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": "subscription { orderEvents { id } }"})

        assert await close_code(socket) == 4403


@pytest.mark.parametrize(
    "message",
    [b"5", b"[]", b'"x"', b"{}", b"not JSON", b'{"type": 5}', b'{"type": "' + b"x" * 1000 + b'"}', b"[" * 5000]
    + [b'{"type": "subscribe", "id": "1", "payload": ' + payload + b"}" for payload in (b"5", b"{}", b'{"query": 5}')]
    + [b'{"type": "subscribe", "id": [], "payload": {"query": "{ __typename }"}}', b'{"type": "complete"}'],
)
async def test_a_message_that_is_none_closes_the_socket(client: Client, message: bytes) -> None:
    async with client.socket() as socket:
        await socket.send(message.decode())

        assert await close_code(socket) == 4400


async def test_a_socket_is_open_to_no_browser_the_own_host_and_allowed_origins(client: Client) -> None:
    for origin in (None, client.base, "https://app.example"):
        async with opened(client, origin) as socket:
            await say(socket, type="connection_init", payload={"Authorization": f"Bearer {client.token}"})

            assert await hear(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "https://app.example:444", "null"])
async def test_a_socket_is_closed_to_other_origins(client: Client, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with opened(client, origin):
            pass
