"""Authentication: which tokens are accepted, which are refused, and when they end."""

import asyncio
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc.jwk import KeySet
from structlog.testing import capture_logs

from api.auth import Authenticator, UnauthenticatedError, mint
from api.settings import Settings
from domain.rules.order import Shop
from domain.storage import shops
from domain.storage.engine.database import Database
from tests.api.conftest import Clock, on_sqlite, serving
from tests.support.client import SECRET, Client, a_token, close_code, say
from tests.support.issuing import EDDSA, ES256, RS256, UNKNOWN, by_hand, claims, signed
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop

pytestmark = on_sqlite

SHOP = "{ shop { id } }"


async def status(client: Client, token: str) -> tuple[int, str | None]:
    """The status and error code of a request with this token."""
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
    )


async def test_tokens_of_every_kind_of_key_are_accepted(client: Client) -> None:
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
        signed(claims(exp=time.time() - 5)),
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
        signed(claims(nbf=int(time.time()) + 100)),
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


NOT_VALID = "The token is not valid."


@pytest.mark.parametrize(
    ("authorization", "said", "logged"),
    [
        ("", "Send a token: Authorization: Bearer <token>.", {"reason": "missing"}),
        ("Bearer nonsense", NOT_VALID, {"reason": "malformed"}),
        (f"Bearer {signed(claims(sub=chr(0)))}", NOT_VALID, {"reason": "malformed"}),
        (
            f"Bearer {by_hand({'alg': 'HS256'}, claims(), b'another secret of thirty-two bytes or more')}",
            NOT_VALID,
            {"reason": "wrong signature"},
        ),
        (f"Bearer {signed(claims(), UNKNOWN, 'ES256', kid='es')}", NOT_VALID, {"reason": "wrong signature"}),
        (f"Bearer {signed(claims(), UNKNOWN, 'ES256', kid='unknown')}", NOT_VALID, {"reason": "unknown key"}),
        (f"Bearer {signed(claims(exp=1))}", "The token has expired.", {"reason": "expired"}),
        (
            f"Bearer {signed(claims(nbf=2**40))}",
            "The token is not valid: its nbf is not accepted here.",
            {"reason": "wrong nbf"},
        ),
        (f"Bearer {signed(claims(sub=None))}", "The token is not valid: it has no sub.", {"reason": "no sub"}),
        (
            f"Bearer {signed(claims(iss='https://other.example', aud='shortship'))}",
            "The token is not valid: its iss is not accepted here.",
            {"reason": "wrong iss"},
        ),
        (
            f"Bearer {signed(claims(iss='https://issuer.example', aud='other'))}",
            "The token is not valid: its aud is not accepted here.",
            {"reason": "wrong aud"},
        ),
        (
            f"Bearer {signed(claims(iss='https://issuer.example'))}",
            "The token is not valid: it has no aud.",
            {"reason": "no aud"},
        ),
        (
            f"Bearer {signed(claims(iss='https://issuer.example', aud='shortship', shop='nobody'))}",
            "The token is not valid: its shop does not exist.",
            {"reason": "unknown shop", "shop": "nobody"},
        ),
    ],
    ids=lambda given: given["reason"] if isinstance(given, dict) else "",
)
async def test_the_reason_of_a_refusal_is_logged_and_shown_as_far_as_is_safe(
    settings: Settings, database: Database, authorization: str, said: str, logged: dict[str, str]
) -> None:
    strict = settings
    if "aud" in said or "iss" in said or "shop" in said:
        strict = settings.model_copy(update={"jwt_issuer": "https://issuer.example", "jwt_audience": "shortship"})
    authenticator = Authenticator(strict, database)
    await authenticator.load_keys()

    with capture_logs() as lines, pytest.raises(UnauthenticatedError) as refused:
        await authenticator.authenticate(authorization)

    assert str(refused.value) == said
    assert lines == [{"event": "token.refused", "log_level": "info", **logged}]


def a_claim(text: str, *without: str) -> bytes:
    """A good token's claims as JSON, except those in `without`, plus one member as written."""
    good = {name: claim for name, claim in claims().items() if name not in without}
    return orjson.dumps(good)[:-1] + b", " + text.encode() + b"}"


@pytest.mark.parametrize(
    "header",
    [
        '"crit": []',
        '"crit": null',
        '"crit": "exp"',
        '"crit": ["exp"], "exp": 1',
        '"crit": ["b64"], "b64": true',
        '"crit": ["alg"]',
        '"crit": [], "crit": []',
        '"b64": false',
        '"b64": null',
        '"kid": null',
        '"kid": 5',
        '"kid": ["es"]',
        '"alg": "HS256"',
        '"typ": NaN',
    ],
)
async def test_a_malformed_or_critical_header_is_refused(client: Client, header: str) -> None:
    token = by_hand(f'{{"alg": "HS256", {header}}}'.encode(), claims(), SECRET.encode())

    assert await status(client, token) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "claim",
    [
        *(f'"exp": {value}' for value in ("null", "true", '"9999999999"', "NaN", "Infinity", "1e999", "[9999999999]")),
        *(f'"nbf": {value}' for value in ("null", "true", '"1"', "NaN", "-Infinity", "-1e999", "[1]")),
        *(f'"aud": {value}' for value in ("null", "[]", '""', "5", "[5]", "[null]")),
        *(f'"iss": {value}' for value in ("null", '""', "5", "[]")),
        *(f'"sub": {value}' for value in ("null", '""', "5", "[]")),
        *(f'"shop": {value}' for value in ("null", '""', r'"demo\ud800"', r'"\u0000"')),
        *(f'"scope": {value}' for value in ("null", "5", "[]", "{}")),
        '"other": NaN',
        '"other": {"a": 1, "a": 1}',
    ],
)
async def test_a_malformed_claim_is_not_ignored(client: Client, claim: str) -> None:
    name = claim[1 : claim.index('"', 1)]
    token = by_hand({"alg": "HS256"}, a_claim(claim, name), SECRET.encode())

    assert await status(client, token) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "content",
    [
        a_claim('"sub": "tester"'),
        a_claim('"exp": 9999999999'),
        a_claim('"other": 1, "other": 1'),
        orjson.dumps(claims()).decode().encode("utf-16"),
        b"\xef\xbb\xbf" + orjson.dumps(claims()),
        orjson.dumps([claims()]),
        b"[" * 50_000,
    ],
    ids=["a claim twice", "another exp", "an unknown claim twice", "UTF-16", "BOM", "list", "deep"],
)
async def test_ambiguous_claims_are_refused(client: Client, content: bytes) -> None:
    token = by_hand({"alg": "HS256"}, content, SECRET.encode())

    assert await status(client, token) == (401, "UNAUTHENTICATED")


async def test_long_tokens_take_no_more_memory_than_short_ones(
    settings: Settings, database: Database, shop: Shop
) -> None:
    authenticator = Authenticator(settings, database)
    await authenticator.authenticate(f"Bearer {signed(claims())}")
    tracemalloc.start()

    for number in range(200):
        token = signed(claims(jti=number, shop=shop.id, other="x" * 30_000))
        await authenticator.authenticate(f"Bearer {token}")
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert grown < 2_000_000


async def test_a_changed_shop_is_noticed_within_a_minute(settings: Settings, database: Database) -> None:
    await a_shop(database)
    started = now = time.time()
    authenticator = Authenticator(settings, database, clock=lambda: now)
    token = f"Bearer {a_token(seconds=3_600)}"

    before = await authenticator.authenticate(token)
    rename = partial(shops.update_shop, shop_id="demo", name="Renamed", policy=None)
    await database.writing("demo", rename)
    now = started + 59
    remembered = await authenticator.authenticate(token)
    now = started + 60
    after = await authenticator.authenticate(token)
    now = started - 7_200
    set_back = await authenticator.authenticate(token)

    assert remembered is before
    assert (before.shop.name, after.shop.name) == ("Demo Shop", "Renamed")
    assert set_back is not after


async def test_a_refusal_says_how_to_authenticate(client: Client) -> None:
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


async def test_issuer_and_audience_are_required_if_set(settings: Settings, database: Database, shop: Shop) -> None:
    strict = settings.model_copy(update={"jwt_issuer": "https://issuer.example", "jwt_audience": "shortship"})
    good = {"iss": "https://issuer.example", "aud": ["shortship", "other"]}
    wrong: list[dict[str, Any]] = [
        {},
        good | {"iss": "https://other.example"},
        good | {"iss": None},
        good | {"aud": "other"},
        good | {"aud": None},
        good | {"aud": 5},
        good | {"aud": []},
        good | {"aud": ""},
        good | {"iss": ""},
        good | {"iss": ["https://issuer.example"]},
    ]
    empty = [
        by_hand({"alg": "HS256"}, a_claim(f'"iss": {iss}, "aud": {aud}'), SECRET.encode())
        for iss, aud in (("null", '"shortship"'), ('"https://issuer.example"', "null"))
    ]

    async with serving(strict, database) as base:
        client = Client(base, "none")
        accepted = await status(client, signed(claims(**good, shop=shop.id)))
        refused = [await status(client, token) for token in [*(signed(claims(**given)) for given in wrong), *empty]]
        await client.http.aclose()

    assert accepted == (200, None)
    assert refused == [(401, "UNAUTHENTICATED")] * len(wrong + empty)


async def test_without_a_shared_secret_no_token_signed_with_one_is_accepted(
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


async def test_introspection_needs_a_token_and_no_scope(client: Client) -> None:
    nobody = client.with_token(a_token(scope=""))

    data = await nobody.data("{ __typename __schema { queryType { name } } }")
    refused = await status(client, "nonsense")

    assert data == {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}}
    assert refused == (401, "UNAUTHENTICATED")


async def test_a_token_ends_by_the_clock_even_if_it_is_set(settings: Settings, database: Database) -> None:
    shop = await a_shop(database)
    principal = await Authenticator(settings, database).authenticate(f"Bearer {a_token(shop.id)}")
    end = datetime.fromtimestamp(principal.expires_at + 30, UTC)
    times = iter([end - timedelta(milliseconds=10), end - timedelta(hours=2), end + timedelta(hours=2)])

    async with asyncio.timeout(PATIENCE_SECONDS):
        await principal.ended(lambda: next(times), look_seconds=0.01)

    assert list(times) == []


async def test_open_sockets_and_new_calls_go_by_the_same_clock(
    settings: Settings, database: Database, shop: Shop
) -> None:
    clock = Clock()
    issued_at = clock.now
    follow = {"query": "subscription { orderEvents { id } }"}
    async with serving(settings, database, clock=clock) as base:
        token = mint(
            SECRET,
            shop_id=shop.id,
            subject="tester",
            scopes=["orders:read"],
            seconds=600,
            now=issued_at.timestamp(),
        )
        client = Client(base, token)
        clock.now = issued_at + timedelta(seconds=629.9)
        async with (
            client.socket() as socket,
            client.http.stream("POST", "/graphql", json=follow, headers={"Accept": "text/event-stream"}) as stream,
        ):
            await say(socket, id="1", type="subscribe", payload=follow)
            clock.now = issued_at + timedelta(hours=2)

            assert await close_code(socket) == 4403
            assert await stream.aread() == b""
        refused = await status(client, client.token)
        clock.now = issued_at - timedelta(hours=2)
        taken = await status(client, client.token)
        await client.http.aclose()

    assert (refused, taken) == ((401, "UNAUTHENTICATED"), (200, None))
