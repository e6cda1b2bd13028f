"""The trusted public keys, refreshed by age and when a token matches none of them."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import orjson
import structlog
from joserfc.jwk import JWKRegistry, Key

from api.settings import SettingsError

log = structlog.get_logger(__name__)

ALGORITHMS = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}  # and their key types
_MOST_BYTES = 1024 * 1024

_Identity = tuple[object, ...]


@dataclass(frozen=True)
class Pace:
    """When keys are fetched again: at `age`, or on demand after a `pause`; a fetch may take `deadline`. In seconds."""

    age: float = 600
    pause: float = 30
    deadline: float = 5
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, eq=False)
class TrustedKey:
    """A key whose tokens are accepted until `withdrawn` is set."""

    key: Key
    withdrawn: asyncio.Event = field(default_factory=asyncio.Event)


class UnreadableError(Exception):
    """The keys cannot be read; the message does not contain the address."""


class PublicKeys:
    """The keys of a file or an https address; the last good set is kept. A token whose key is known never waits."""

    def __init__(self, source: str, pace: Pace) -> None:
        self._source = source
        self._pace = pace
        self._read = _reader(source, pace.deadline)
        self._trusted: dict[_Identity, TrustedKey] = {}
        self._looked_at = -math.inf
        self._due = -math.inf
        self._looking: asyncio.Task[bool] | None = None
        self._reading: Future[dict[_Identity, Key]] | None = None

    async def load(self) -> None:
        """Raises SettingsError for a file without keys; an address without keys is tried again later."""
        if self._source.startswith("https://"):
            await self._look()
            return
        message = f"SHORTSHIP_JWKS: {self._source} is not a file with a JSON Web Key Set."
        try:
            self._trust(await self._fetch())
        except UnreadableError as error:
            raise SettingsError(message) from error
        if not self._trusted:
            raise SettingsError(message)

    def candidates(self, algorithm: str, kid: str | None) -> list[TrustedKey]:
        """The keys for the algorithm: those with this id, then those without one; all of them if `kid` is None."""
        fitting = [trusted for trusted in self._trusted.values() if trusted.key.key_type == ALGORITHMS[algorithm]]
        if kid is None:
            return fitting
        named = [trusted for trusted in fitting if trusted.key.kid == kid]
        return named + [trusted for trusted in fitting if trusted.key.kid is None]

    async def look_again(self) -> bool:
        """Whether the keys have changed; fetches at most once per pause."""
        is_looking = self._looking and not self._looking.done()
        if not is_looking and self._pace.clock() < self._looked_at + self._pace.pause:
            return False
        return await self._look()

    async def keep_fresh(self) -> NoReturn:
        """Refreshes by age, so that a withdrawn key ends even without requests."""
        while True:
            await asyncio.sleep(max(self._due - self._pace.clock(), 0))
            if self._due <= self._pace.clock():
                await self._look()

    async def close(self) -> None:
        if self._looking:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look(self) -> bool:
        """Whether the keys have changed. Concurrent callers share one fetch, which none of them can cancel."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._refetch())
        looking = self._looking
        await asyncio.wait([looking])
        return not looking.cancelled() and looking.result()

    async def _refetch(self) -> bool:
        try:
            found = await self._fetch()
        except Exception as error:  # noqa: BLE001 - no error may prevent later fetches
            # Other errors may quote the address.
            reason = str(error) if isinstance(error, UnreadableError) else type(error).__name__
            log.warning("jwks.unavailable", error=reason)
            return False
        if not found:
            log.warning("jwks.no_keys")
        return self._trust(found)

    def _trust(self, found: dict[_Identity, Key]) -> bool:
        """Whether they have changed. An empty set is accepted: that is how an issuer withdraws its only key."""
        self._due = self._looked_at + self._pace.age
        known = self._trusted
        self._trusted = {identity: known.get(identity) or TrustedKey(key) for identity, key in found.items()}
        for identity in known.keys() - found.keys():
            known[identity].withdrawn.set()
        return known.keys() != found.keys()

    async def _fetch(self) -> dict[_Identity, Key]:
        """Reads in a daemon thread: reading a file may never return."""
        self._looked_at = self._pace.clock()
        self._due = self._looked_at + self._pace.pause
        if self._reading and not self._reading.done():
            raise UnreadableError("the previous attempt has not ended")
        self._reading = Future()
        Thread(target=_settle, args=(self._reading, self._read), name="jwks", daemon=True).start()
        try:
            async with asyncio.timeout(self._pace.deadline):
                return await asyncio.wrap_future(self._reading)
        except TimeoutError as error:
            raise UnreadableError(f"timed out after {self._pace.deadline:g} seconds") from error


def _settle(found: Future[dict[_Identity, Key]], read: Callable[[], bytes]) -> None:
    found.set_running_or_notify_cancel()  # can no longer be cancelled, so setting it never fails
    try:
        found.set_result(_keys_of(read()))
    except Exception as error:  # noqa: BLE001 - raised where it is awaited
        found.set_exception(error)


def _keys_of(content: bytes) -> dict[_Identity, Key]:
    """Raises UnreadableError for anything but a JSON Web Key Set. Unusable keys are skipped if others are usable."""
    if len(content) > _MOST_BYTES:
        raise UnreadableError(f"more than {_MOST_BYTES} bytes")
    try:
        given = orjson.loads(content)["keys"]
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableError("not a JSON Web Key Set") from error
    if not isinstance(given, list):
        raise UnreadableError("not a JSON Web Key Set")
    keys = [key for key in map(_import, given) if key and key.key_type in ALGORITHMS.values()]
    if given and not keys:  # an empty set withdraws the last key
        raise UnreadableError("no usable key")
    return {_identity(key): key for key in keys}


def _import(jwk: Any) -> Key | None:  # any JSON
    try:
        return JWKRegistry.import_key(jwk) if isinstance(jwk, dict) else None
    except Exception:  # noqa: BLE001 - libraries raise all kinds of errors for keys they do not accept
        return None


def _identity(key: Key) -> _Identity:
    """Everything that decides which tokens the key verifies."""
    return key.thumbprint(), key.kid, *(orjson.dumps(key.get(name)) for name in ("alg", "use", "key_ops"))


def _reader(source: str, deadline: float) -> Callable[[], bytes]:
    if not source.startswith("https://"):
        return partial(_read_file, Path(source))
    # Its import takes time that a server with a key file need not spend.
    from api.download import DownloadError, download  # noqa: PLC0415

    def read() -> bytes:
        try:
            return download(source, most_bytes=_MOST_BYTES, seconds=deadline)
        except DownloadError as error:
            raise UnreadableError(str(error)) from error

    return read


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadableError("not a readable file") from error
