"""Authentication: turns a bearer token into a Principal."""

import asyncio
import json
import time
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any, NoReturn

import structlog
from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, MissingClaimError, SecurityWarning
from joserfc.jwk import OctKey
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from api.keys import ALGORITHMS, Pace, PublicKeys, TrustedKey
from api.settings import Settings
from domain.rules.order import Shop
from domain.rules.texts import text_faults
from domain.storage import shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database

log = structlog.get_logger(__name__)

_LEEWAY_SECONDS = 30
# How often to recheck the clock while waiting for a token to expire, since the clock may be set meanwhile.
_LOOK_SECONDS = 10.0
_EXPIRED = "The token has expired."
_NOT_VALID = "The token is not valid."
_SHARED_ALGORITHM = "HS256"
# Other claims are left to the issuer.
_CHECKED_CLAIMS = frozenset({"sub", "shop", "exp", "nbf", "iss", "aud"})
_REMEMBERED = 10_000  # at most about 3 KB each, as a token's texts have at most 500 characters
# After that the shop is looked up again, since its name and policy may change.
_REMEMBERED_SECONDS = 60
# What parsing a malformed token may raise.
_BAD_TOKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Scope(Enum):
    ORDERS_READ = "orders:read"
    ORDERS_CANCEL = "orders:cancel"
    ORDERS_IMPORT = "orders:import"
    FULFILLMENT_WRITE = "fulfillment:write"
    REFUNDS_SETTLE = "refunds:settle"
    EXPLORE = "explore"  # any document, on a server limited to trusted ones


class UnauthenticatedError(Exception):
    """The token is missing or bad, or its shop does not exist; clients see the message, and the details are logged.

    Neither repeats any text of a token that no trusted key has verified.
    """

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.details = details


class _UntrustedError(ValueError):
    """No key verifies the token; the message says whether any key was tried."""


@dataclass(frozen=True)
class Principal:
    """The caller: the token's subject, acting for one shop. Times are in Unix seconds.

    `withdrawn` is set once the key that verified the token is no longer trusted.
    """

    shop: Shop
    subject: str
    scopes: frozenset[Scope]
    expires_at: float
    verified_at: float
    withdrawn: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    def seconds_left(self, now: float) -> float:
        """How long the token is still accepted; 0 or less once it has expired."""
        return self.expires_at + _LEEWAY_SECONDS - now

    async def ended(self, clock: Callable[[], datetime], *, look_seconds: float = _LOOK_SECONDS) -> None:
        """Waits until the token expires by the clock, even one that is set meanwhile, or is `withdrawn`."""
        while not self.withdrawn.is_set() and (left := self.seconds_left(clock().timestamp())) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, look_seconds)):
                    await self.withdrawn.wait()


def mint(secret: str, *, shop_id: str, subject: str, scopes: Sequence[str], seconds: int, now: float) -> str:
    """A token signed with the shared secret."""
    claims = {"sub": subject, "shop": shop_id, "scope": " ".join(scopes), "iat": int(now), "exp": int(now) + seconds}
    return jwt.encode({"alg": _SHARED_ALGORITHM, "typ": "JWT"}, claims, OctKey.import_key(secret))


class Authenticator:
    """Checks tokens against the configured keys; first call `load_keys` or enter `fresh_keys`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._secret = TrustedKey(OctKey.import_key(settings.jwt_secret)) if settings.jwt_secret else None
        self._public = PublicKeys(settings.jwks, pace or Pace()) if settings.jwks else None
        # RFC 7515 requires that unknown header parameters be ignored.
        self._registry = JWSRegistry(algorithms=[_SHARED_ALGORITHM, *ALGORITHMS], strict_check_header=False)
        # Without a setting for it, issuer and audience may be missing, but not empty.
        self._claims: dict[str, ClaimsOption] = {
            "sub": {"essential": True},
            "shop": {"essential": True},
            "exp": {"essential": True},
            "iss": {"essential": False},
            "aud": {"essential": False},
        }
        if settings.jwt_issuer is not None:
            self._claims["iss"] = {"essential": True, "value": settings.jwt_issuer}
        if settings.jwt_audience is not None:
            self._claims["aud"] = {"essential": True, "value": settings.jwt_audience}
        # Keyed by digest: a token may be longer than its Principal.
        self._remembered: dict[bytes, Principal] = {}

    async def load_keys(self) -> None:
        """Raises SettingsError if a key file has no keys."""
        if self._public:
            await self._public.load()

    @asynccontextmanager
    async def fresh_keys(self) -> AsyncIterator[None]:
        """Loads the keys as `load_keys` does, and refreshes them until the block ends."""
        await self.load_keys()
        if self._public is None:
            yield
            return
        looking = asyncio.create_task(self._public.keep_fresh())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])
            await self._public.close()

    async def authenticate(self, authorization: str) -> Principal:
        """The caller behind `Bearer <token>`; raises UnauthenticatedError, and logs why."""
        try:
            return await self._authenticate(authorization)
        except UnauthenticatedError as error:
            log.info("token.refused", **error.details)
            raise

    async def _authenticate(self, authorization: str) -> Principal:
        kind, _, token = authorization.partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            raise UnauthenticatedError("Send a token: Authorization: Bearer <token>.", reason="missing")
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        principal = self._remembered.pop(digest, None)
        if principal is None or principal.withdrawn.is_set() or self._is_old(principal):
            principal = await self._verify(token)
        if principal.withdrawn.is_set():  # while it was verified
            raise UnauthenticatedError(_NOT_VALID, reason="key withdrawn")
        if principal.seconds_left(self._clock()) <= 0:
            raise UnauthenticatedError(_EXPIRED, reason="expired")
        self._remember(digest, principal)
        return principal

    def _is_old(self, principal: Principal) -> bool:
        # True also after the clock was set back.
        return not 0 <= self._clock() - principal.verified_at < _REMEMBERED_SECONDS

    def _remember(self, digest: bytes, principal: Principal) -> None:
        """Evicts the least recently used."""
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.pop(next(iter(self._remembered)))
        self._remembered[digest] = principal

    async def _verify(self, token: str) -> Principal:
        try:
            signed = jws.extract_compact(token.encode())
            trusted = await self._key_of(signed)
            claims = _json_object(signed.payload)
            registry = JWTClaimsRegistry(now=int(self._clock()), leeway=_LEEWAY_SECONDS, **self._claims)
            registry.validate({name: claim for name, claim in claims.items() if name in _CHECKED_CLAIMS})
            expires_at = float(claims["exp"])
        except _BAD_TOKEN as error:
            raise _refusal(error) from error
        subject, shop_id, scope = claims["sub"], claims["shop"], claims.get("scope", "")
        if not all(isinstance(text, str) for text in (subject, shop_id, scope)) or any(
            map(text_faults, (subject, shop_id))
        ):
            raise UnauthenticatedError(_NOT_VALID, reason="malformed")
        shop = await self._find_shop(shop_id)
        known = {scope.value: scope for scope in Scope}
        scopes = frozenset(known[word] for word in scope.split() if word in known)
        return Principal(shop, subject, scopes, expires_at, self._clock(), trusted.withdrawn)

    async def _key_of(self, signed: CompactSignature) -> TrustedKey:
        """The key that verifies it; raises _UntrustedError if none does, even after refreshing the public keys."""
        algorithm, kid = _algorithm_and_kid(signed)
        found = self._verifying(signed, self._candidates(algorithm, kid))
        if found is None and self._public and algorithm in ALGORITHMS and await self._public.look_again():
            found = self._verifying(signed, self._candidates(algorithm, kid))
        if found is None:
            raise _UntrustedError("wrong signature" if self._candidates(algorithm, kid) else "unknown key")
        return found

    def _candidates(self, algorithm: str, kid: str | None) -> Sequence[TrustedKey]:
        """The keys for the token's algorithm: a public key is never used as a shared secret."""
        if algorithm == _SHARED_ALGORITHM and self._secret:
            return [self._secret]
        return self._public.candidates(algorithm, kid) if algorithm in ALGORITHMS and self._public else []

    def _verifying(self, signed: CompactSignature, candidates: Sequence[TrustedKey]) -> TrustedKey | None:
        with warnings.catch_warnings():
            # RFC 9864 renames EdDSA with this curve; issuers still use the old name.
            warnings.simplefilter("ignore", SecurityWarning)
            for trusted in candidates:
                with suppress(*_BAD_TOKEN):
                    if jws.validate_compact(signed, trusted.key, registry=self._registry):
                        return trusted
        return None

    async def _find_shop(self, shop_id: str) -> Shop:
        async with self._database.reading(EVERY_SHOP) as connection:
            shop = await shops.find_shop(connection, shop_id)
        if shop is None:
            message = "The token is not valid: its shop does not exist."
            raise UnauthenticatedError(message, reason="unknown shop", shop=shop_id)
        return shop


def _refusal(error: Exception) -> UnauthenticatedError:
    """The refusal for an error; claims are named, as they are checked only after the signature."""
    if isinstance(error, ExpiredTokenError):
        return UnauthenticatedError(_EXPIRED, reason="expired")
    if isinstance(error, MissingClaimError):
        return UnauthenticatedError(f"The token is not valid: it has no {error.claim}.", reason=f"no {error.claim}")
    if isinstance(error, ClaimError):
        message = f"The token is not valid: its {error.claim} is not accepted here."
        return UnauthenticatedError(message, reason=f"wrong {error.claim}")
    return UnauthenticatedError(_NOT_VALID, reason=str(error) if isinstance(error, _UntrustedError) else "malformed")


def _algorithm_and_kid(signed: CompactSignature) -> tuple[str, str | None]:
    """The key id is None if absent. Raises one of _BAD_TOKEN for a header with critical parameters."""
    header = _json_object(urlsafe_b64decode(signed.segments["header"]))
    algorithm, kid = header["alg"], header.get("kid", "")
    # No critical parameter is supported, and an empty list of them is malformed (RFC 7515, 4.1.11).
    if "crit" in header or header.get("b64", True) is not True:
        raise ValueError("critical parameters")
    if not isinstance(algorithm, str) or not isinstance(kid, str):
        raise TypeError("not a string")
    return algorithm, kid if "kid" in header else None


def _json_object(content: bytes) -> dict[str, Any]:  # any JSON
    """Raises one of _BAD_TOKEN, also for duplicate members and for numbers outside JSON such as NaN."""
    value = json.loads(content.decode(), object_pairs_hook=_members, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # any JSON
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
