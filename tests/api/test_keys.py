"""Public keys come, change and go while tokens are checked, and no address can delay the checks."""

import asyncio
import gzip
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey, OKPKey
from structlog.testing import capture_logs

from api.auth import Authenticator, UnauthenticatedError
from api.keys import Pace, PublicKeys
from api.settings import Settings, SettingsError
from domain.rules.order import Shop
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.support.client import SECRET, Client, say
from tests.support.issuing import (
    EDDSA,
    ES256,
    RS256,
    UNKNOWN,
    Issuer,
    Key,
    Speak,
    a_certificate,
    answering,
    claims,
    key_set,
    publishing,
    repeating,
    signed,
    silence,
)
from tests.support.patience import PATIENCE_SECONDS

pytestmark = [on_sqlite, pytest.mark.usefixtures("shop")]

AT_ONCE = Pace(pause=0)
OTHER = ECKey.generate_key("P-256", {"kid": "es"})  # has ES256's id
GOOD = signed(claims(), ES256, "ES256", kid="es")
STRANGE = signed(claims(), UNKNOWN, "ES256", kid="unknown")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server certificate that is trusted during the test."""
    context, authority = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return context


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set(ES256))
    return file


def rewrite(key_file: Path, *keys: Key) -> None:
    """Replaces the file atomically, for concurrent readers."""
    new = key_file.with_suffix(".new")
    new.write_bytes(key_set(*keys))
    new.replace(key_file)


async def is_taken(authenticator: Authenticator, token: str) -> bool:
    try:
        await authenticator.authenticate(f"Bearer {token}")
    except UnauthenticatedError:
        return False
    return True


@pytest.mark.parametrize(
    ("before", "after", "token"),
    [
        (publishing(ES256), publishing(RS256), signed(claims(), RS256, "RS256", kid="rs")),
        (publishing(ES256), publishing(OTHER), signed(claims(), OTHER, "ES256", kid="es")),
        (publishing(ES256), publishing(OTHER), signed(claims(), OTHER, "ES256")),
        (publishing(ES256, named=False), publishing(OTHER, named=False), signed(claims(), OTHER, "ES256")),
        (publishing(ES256, named=False), publishing(OTHER, named=False), signed(claims(), OTHER, "ES256", kid="es")),
    ],
    ids=["another id", "the same id", "a token without an id", "no ids at all", "an id that the set does not have"],
)
async def test_an_unknown_key_is_fetched(
    database: Database, certificate: ssl.SSLContext, before: Speak, after: Speak, token: str
) -> None:
    issuer = Issuer(before)
    async with issuer.at_address(certificate) as address:
        authenticator = Authenticator(Settings(jwks=address), database, pace=AT_ONCE)
        await authenticator.load_keys()
        issuer.speak = after

        assert await is_taken(authenticator, token)
        assert issuer.requests.qsize() == 2


@pytest.mark.parametrize(
    "unknown",
    [STRANGE, signed(claims(), UNKNOWN, "ES256", kid="es"), signed(claims(), UNKNOWN, "ES256")],
    ids=["another id", "the same id", "no id"],
)
async def test_unknown_keys_are_fetched_at_most_every_thirty_seconds(
    database: Database, certificate: ssl.SSLContext, unknown: str
) -> None:
    now = 1000.0
    issuer = Issuer(publishing(ES256))
    async with issuer.at_address(certificate) as address:
        authenticator = Authenticator(Settings(jwks=address), database, pace=Pace(clock=lambda: now))
        await authenticator.load_keys()

        asked = []
        for now in (1029.9, 1030.0, 1059.9, 1060.0):  # noqa: B007 - the clock reads it
            assert not await is_taken(authenticator, unknown)
            asked.append(issuer.requests.qsize())

    assert asked == [1, 2, 2, 3]


async def test_only_tokens_of_unknown_keys_wait_and_share_one_fetch(
    database: Database, certificate: ssl.SSLContext
) -> None:
    published = Event()

    def publish_later(connection: socket.socket) -> None:
        published.wait(PATIENCE_SECONDS)
        publishing(ES256, RS256)(connection)

    issuer = Issuer(publishing(ES256))
    rotated = [signed(claims(jti=number), RS256, "RS256", kid="rs") for number in range(5)]
    async with issuer.at_address(certificate) as address, asyncio.timeout(PATIENCE_SECONDS):
        pace = Pace(pause=0, deadline=PATIENCE_SECONDS)
        authenticator = Authenticator(Settings(jwks=address, jwt_secret=SECRET), database, pace=pace)
        await authenticator.load_keys()
        await issuer.requests.get()
        issuer.speak = publish_later
        unknown = asyncio.gather(*(is_taken(authenticator, token) for token in rotated))
        await issuer.requests.get()

        known = [await is_taken(authenticator, token) for token in (GOOD, signed(claims(), ES256, "ES256"))]
        shared = await is_taken(authenticator, signed(claims()))
        are_waiting = not unknown.done()
        published.set()

        assert (known, shared, are_waiting) == ([True, True], True, True)
        assert await unknown == [True] * 5
        assert issuer.requests.empty()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"
BOMB = gzip.compress(b" " * 10_000_000)
USELESS: dict[str, tuple[Speak, float, str]] = {  # the answer, the deadline, and the logged error
    "nothing": (silence, 2, "timed out after 2 seconds"),
    "headers without end": (repeating(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.01), 2, "timed out after 2 seconds"),
    "a byte now and then": (repeating(HEAD, b" ", 0.01), 2, "timed out after 2 seconds"),
    "more than 1 MiB": (repeating(HEAD, b" " * 65536, 0), PATIENCE_SECONDS, "more than 1048576 bytes"),
    "packed": (answering(BOMB, "200 OK", "Content-Encoding: gzip"), PATIENCE_SECONDS, "not a JSON Web Key Set"),
    "a status": (answering(key_set(RS256), "404 Not Found"), PATIENCE_SECONDS, "status 404"),
    "no JSON": (answering(b"<html>"), PATIENCE_SECONDS, "not a JSON Web Key Set"),
    "no set": (answering(b'{"keys": {}}'), PATIENCE_SECONDS, "not a JSON Web Key Set"),
    "no usable key": (answering(b'{"keys": [{}]}'), PATIENCE_SECONDS, "no usable key"),
    "no HTTP": (answering(b"", "junk"), PATIENCE_SECONDS, "RemoteProtocolError"),
    "itself again": (answering(b"", "302 Found", "Location: /keys"), PATIENCE_SECONDS, "redirected too often"),
}


@pytest.mark.parametrize(("speak", "deadline", "reason"), USELESS.values(), ids=USELESS)
async def test_an_address_without_keys_times_out_and_the_known_keys_stay(
    database: Database, certificate: ssl.SSLContext, speak: Speak, deadline: float, reason: str
) -> None:
    issuer = Issuer(publishing(ES256))
    async with issuer.at_address(certificate) as address:
        authenticator = Authenticator(Settings(jwks=address), database, pace=Pace(pause=0, deadline=deadline))
        await authenticator.load_keys()
        issuer.speak = speak

        with capture_logs() as logged:
            async with asyncio.timeout(PATIENCE_SECONDS / 2):
                unknown = await is_taken(authenticator, STRANGE)

        assert (unknown, await is_taken(authenticator, GOOD)) == (False, True)
        assert logged == [
            {"event": "jwks.unavailable", "log_level": "warning", "error": reason},
            {"event": "token.refused", "log_level": "info", "reason": "unknown key"},
        ]


async def test_not_one_request_leaves_https(database: Database, certificate: ssl.SSLContext) -> None:
    plain = Issuer(publishing(ES256))
    async with plain.at_address(None) as elsewhere:
        redirecting = Issuer(answering(b"", "302 Found", f"Location: {elsewhere}"))
        async with redirecting.at_address(certificate) as address:
            authenticator = Authenticator(Settings(jwks=address), database)
            with capture_logs() as logged:
                await authenticator.load_keys()

    assert not await is_taken(authenticator, GOOD)
    assert plain.requests.empty()
    assert [line["error"] for line in logged] == ["redirected away from https"]


async def test_keys_may_be_at_another_https_address(database: Database, certificate: ssl.SSLContext) -> None:
    async with Issuer(publishing(ES256)).at_address(certificate) as elsewhere:
        redirecting = Issuer(answering(b"x" * 1000, "302 Found", f"Location: {elsewhere}"))
        async with redirecting.at_address(certificate) as address:
            authenticator = Authenticator(Settings(jwks=address), database)
            await authenticator.load_keys()

    assert await is_taken(authenticator, GOOD)


async def test_keys_under_an_untrusted_certificate_are_refused(
    database: Database, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(publishing(ES256))
    async with issuer.at_address(certificate) as address:
        monkeypatch.delenv("SSL_CERT_FILE")
        authenticator = Authenticator(Settings(jwks=address), database)
        with capture_logs() as logged:
            await authenticator.load_keys()

    assert not await is_taken(authenticator, GOOD)
    assert issuer.requests.empty()
    assert "CERTIFICATE_VERIFY_FAILED" in logged[0]["error"]


@pytest.mark.parametrize(
    "speak",
    [answering(b"", "503 Busy"), answering(b"", "302 Found", "Location: https://user:hidden@[/?hidden")],
    ids=["a status", "a redirect"],
)
async def test_the_log_contains_no_secret_of_the_address(
    database: Database, certificate: ssl.SSLContext, speak: Speak, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with Issuer(speak).at_address(certificate) as address:
        secretive = address.replace("https://", "https://user:hidden@") + "?token=hidden"
        with capture_logs() as logged:
            await Authenticator(Settings(jwks=secretive), database).load_keys()

    assert [line["event"] for line in logged] == ["jwks.unavailable"]
    assert "hidden" not in str(logged) + caplog.text


@pytest.mark.parametrize("kind", ["file", "address"])
async def test_a_removed_key_ends_by_age_without_requests(
    database: Database, certificate: ssl.SSLContext, key_file: Path, kind: str
) -> None:
    issuer = Issuer(publishing(ES256))
    async with issuer.at_address(certificate) as address, asyncio.timeout(PATIENCE_SECONDS):
        source = {"file": str(key_file), "address": address}[kind]
        authenticator = Authenticator(Settings(jwks=source), database, pace=Pace(age=0.02))
        async with authenticator.fresh_keys():
            principal = await authenticator.authenticate(f"Bearer {GOOD}")
            rewrite(key_file, OTHER)
            issuer.speak = publishing(OTHER)

            await principal.withdrawn.wait()

            assert not await is_taken(authenticator, GOOD)
            assert not await is_taken(authenticator, signed(claims(jti="fresh"), ES256, "ES256", kid="es"))
            assert await is_taken(authenticator, signed(claims(), OTHER, "ES256", kid="es"))


async def test_a_failed_fetch_is_retried_after_the_pause(database: Database, certificate: ssl.SSLContext) -> None:
    issuer = Issuer(answering(b"", "503 Busy"))
    async with issuer.at_address(certificate) as address, asyncio.timeout(PATIENCE_SECONDS):
        authenticator = Authenticator(Settings(jwks=address), database, pace=Pace(age=3600, pause=0.02))
        async with authenticator.fresh_keys():
            for _ in range(3):
                await issuer.requests.get()


async def test_keys_are_fetched_after_ten_minutes_within_five_seconds() -> None:
    assert (Pace().age, Pace().pause, Pace().deadline) == (600, 30, 5)


async def test_cached_tokens_end_only_with_their_own_key(database: Database, key_file: Path) -> None:
    rewrite(key_file, ES256, RS256)
    kept = [signed(claims(), RS256, "RS256", kid="rs"), signed(claims())]
    authenticator = Authenticator(Settings(jwks=str(key_file), jwt_secret=SECRET), database, pace=AT_ONCE)
    await authenticator.load_keys()
    remembered = [await authenticator.authenticate(f"Bearer {token}") for token in [GOOD, *kept]]
    rewrite(key_file, OTHER, RS256)

    await is_taken(authenticator, STRANGE)

    assert not await is_taken(authenticator, GOOD)
    assert [await authenticator.authenticate(f"Bearer {token}") for token in kept] == remembered[1:]
    assert [principal.withdrawn.is_set() for principal in remembered] == [True, False, False]


async def test_a_cached_token_is_verified_again_once_its_keys_use_changes(database: Database, key_file: Path) -> None:
    authenticator = Authenticator(Settings(jwks=str(key_file)), database, pace=AT_ONCE)
    await authenticator.load_keys()
    taken = [await is_taken(authenticator, GOOD)]

    for use in ("sig", "enc"):
        jwk = ES256.as_dict(private=False) | {"use": use}
        await asyncio.to_thread(key_file.write_bytes, orjson.dumps({"keys": [jwk]}))
        await is_taken(authenticator, STRANGE)
        taken.append(await is_taken(authenticator, GOOD))

    assert taken == [True, True, False]


async def test_a_token_is_refused_if_its_key_is_withdrawn_during_verification(
    database: Database, key_file: Path
) -> None:
    authenticator = Authenticator(Settings(jwks=str(key_file)), database, pace=AT_ONCE)
    await authenticator.load_keys()
    async with AsyncExitStack() as held:
        for _ in range(8):  # all connections for reading, so that the lookup of its shop waits
            await held.enter_async_context(database.reading(EVERY_SHOP))
        verifying = asyncio.create_task(is_taken(authenticator, GOOD))
        await asyncio.sleep(0)
        rewrite(key_file, OTHER)
        await is_taken(authenticator, STRANGE)
        is_waiting = not verifying.done()

    assert is_waiting
    assert not await verifying
    assert not await is_taken(authenticator, GOOD)


async def test_a_set_without_keys_withdraws_the_last_one(database: Database, key_file: Path) -> None:
    authenticator = Authenticator(Settings(jwks=str(key_file)), database, pace=AT_ONCE)
    await authenticator.load_keys()
    before = await is_taken(authenticator, GOOD)
    rewrite(key_file)

    await is_taken(authenticator, STRANGE)

    assert (before, await is_taken(authenticator, GOOD)) == (True, False)


async def test_unusable_keys_of_a_set_are_skipped(database: Database, key_file: Path) -> None:
    odd: list[Any] = [
        5,
        {"kty": "EC"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "!", "e": "!"},
        {"kty": "AKP", "alg": "ML-DSA-44"},
        EDDSA.as_dict(private=False) | {"kid": 5},
        EDDSA.as_dict(private=False) | {"use": "enc"},
        OKPKey.generate_key("X25519").as_dict(private=False),
        ECKey.generate_key("P-384").as_dict(private=False),
    ]
    good = orjson.loads(key_set(EDDSA, ES256, named=False))["keys"]
    await asyncio.to_thread(key_file.write_bytes, orjson.dumps({"keys": odd + good}))
    authenticator = Authenticator(Settings(jwks=str(key_file)), database)
    await authenticator.load_keys()

    assert await is_taken(authenticator, signed(claims(), EDDSA, "EdDSA"))
    assert await is_taken(authenticator, signed(claims(), EDDSA, "EdDSA", kid="ed"))
    assert await is_taken(authenticator, GOOD)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": [5]}',
        '{"keys": {"kty": "EC"}}',
        key_set(ES256).decode() + " " * 1_100_000,
        '{"keys": [{"kty": "oct", "k": "c2hhcmVk"}]}',
    ],
    ids=["no file", "nothing", "list", "object", "no keys", "no key", "one key", "too long", "shared secret"],
)
async def test_a_key_file_without_keys_is_a_settings_error(
    database: Database, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "none.json"
    if content is not None:
        file.write_text(content)
    authenticator = Authenticator(Settings(jwks=str(file)), database)

    with pytest.raises(SettingsError, match=r"none\.json is not a file with a JSON Web Key Set"):
        await authenticator.load_keys()


async def test_closing_does_not_wait_for_a_fetch_and_leaves_nothing(
    database: Database, certificate: ssl.SSLContext
) -> None:
    issuer = Issuer(publishing(ES256))
    async with issuer.at_address(certificate) as address:
        pace = Pace(pause=0, deadline=PATIENCE_SECONDS)
        authenticator = Authenticator(Settings(jwks=address), database, pace=pace)
        async with asyncio.timeout(PATIENCE_SECONDS / 2):
            async with authenticator.fresh_keys():
                await issuer.requests.get()
                issuer.speak = silence
                waiting = asyncio.create_task(is_taken(authenticator, STRANGE))
                await issuer.requests.get()
            taken = await waiting

        assert taken is False
        assert not [task for task in asyncio.all_tasks() if "PublicKeys" in repr(task)]


async def test_a_file_is_not_read_again_while_it_is_being_read(tmp_path: Path) -> None:
    fifo = tmp_path / "keys"
    os.mkfifo(fifo)
    keys = PublicKeys(str(fifo), Pace(pause=0, deadline=0.05))
    with pytest.raises(SettingsError):
        await keys.load()

    with capture_logs() as logged:
        await keys.look_again()

    fifo.write_bytes(b"")  # ends the reading
    assert [line["error"] for line in logged] == ["the previous attempt has not ended"]


Follow = Callable[[Client, Callable[[], None]], Awaitable[bool]]


async def ends_a_socket(client: Client, on_follow: Callable[[], None]) -> bool:
    async with client.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": "subscription { orderEvents { id } }"})
        on_follow()
        await socket.wait_closed()
        return socket.close_code == 4403


async def ends_a_stream(client: Client, on_follow: Callable[[], None]) -> bool:
    headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/event-stream"}
    body = {"query": "subscription { orderEvents { id } }"}
    async with client.http.stream("POST", "/graphql", json=body, headers=headers, timeout=PATIENCE_SECONDS) as answer:
        on_follow()
        return b"complete" not in await answer.aread()


@pytest.mark.parametrize("follow", [ends_a_socket, ends_a_stream])
async def test_subscriptions_end_with_the_key_of_their_token(
    database_url: str, database: Database, shop: Shop, key_file: Path, follow: Follow
) -> None:
    settings = Settings(database_url=database_url, jwks=str(key_file))
    async with serving(settings, database, pace=Pace(age=0.02)) as base, asyncio.timeout(PATIENCE_SECONDS):
        client = Client(base, signed(claims(shop=shop.id), ES256, "ES256", kid="es"))

        has_ended = await follow(client, lambda: rewrite(key_file, OTHER))

        await client.http.aclose()
    assert has_ended
