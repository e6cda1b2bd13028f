"""A token in, a Principal out (specification, section 8)."""

import asyncio
import ssl
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, KeySet, OctKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry

from api.settings import Settings, SettingsError
from domain.database import EVERY_SHOP, Database
from domain.order import Shop
from domain.queries import shops
from domain.texts import text_faults

log = structlog.get_logger(__name__)

LEEWAY_SECONDS = 30
_SHARED_ALGORITHM = "HS256"
_PUBLIC_ALGORITHMS = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}  # and the type of their keys
# Other claims are the issuer's business.
_CHECKED_CLAIMS = frozenset({"sub", "shop", "exp", "nbf", "iss", "aud"})
_REFETCH_SECONDS = 60
_REMEMBERED = 10_000
# What a token that is none can make the parsing of its parts raise.
_BAD_TOKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Scope(Enum):
    ORDERS_READ = "orders:read"
    ORDERS_CANCEL = "orders:cancel"
    ORDERS_IMPORT = "orders:import"
    FULFILLMENT_WRITE = "fulfillment:write"
    REFUNDS_SETTLE = "refunds:settle"
    EXPLORE = "explore"  # any document, where a server is limited to trusted ones


class UnauthenticatedError(Exception):
    """The token is missing or bad, or its shop does not exist; the message may be shown."""


@dataclass(frozen=True)
class Principal:
    """Who calls: the token's subject, for one shop; `expires_at` is in Unix seconds."""

    shop: Shop
    subject: str
    scopes: frozenset[Scope]
    expires_at: float


def mint(secret: str, *, shop_id: str, subject: str, scopes: Sequence[str], seconds: int, now: float) -> str:
    """A token signed with the shared secret."""
    claims = {"sub": subject, "shop": shop_id, "scope": " ".join(scopes), "iat": int(now), "exp": int(now) + seconds}
    return jwt.encode({"alg": _SHARED_ALGORITHM, "typ": "JWT"}, claims, OctKey.import_key(secret))


class Authenticator:
    """Checks tokens against the keys of the settings; call `load_keys` before the first."""

    def __init__(self, settings: Settings, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._secret = OctKey.import_key(settings.jwt_secret) if settings.jwt_secret else None
        self._jwks = _Jwks(settings.jwks, clock) if settings.jwks else None
        # A header that we do not know is no reason to refuse a token, says RFC 7515.
        self._registry = JWSRegistry(algorithms=[_SHARED_ALGORITHM, *_PUBLIC_ALGORITHMS], strict_check_header=False)
        self._claims: dict[str, ClaimsOption] = {
            "sub": {"essential": True},
            "shop": {"essential": True},
            "exp": {"essential": True},
        }
        if settings.jwt_issuer:
            self._claims["iss"] = {"essential": True, "value": settings.jwt_issuer}
        if settings.jwt_audience:
            self._claims["aud"] = {"essential": True, "value": settings.jwt_audience}
        self._known: dict[str, Principal] = {}

    async def load_keys(self) -> None:
        """Raises SettingsError when there is a key file that has no keys."""
        if self._jwks:
            await self._jwks.load()

    async def authenticate(self, authorization: str) -> Principal:
        """The caller behind `Bearer <token>`; raises UnauthenticatedError."""
        kind, _, token = authorization.partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            raise UnauthenticatedError("Send a token: Authorization: Bearer <token>.")
        principal = self._known.get(token)
        if principal is None:
            principal = await self._verify(token)
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[token] = principal
        if principal.expires_at + LEEWAY_SECONDS <= self._clock():
            self._known.pop(token, None)
            raise UnauthenticatedError("The token has expired.")
        return principal

    async def _verify(self, token: str) -> Principal:
        try:
            keys = await self._keys_for(token)
            claims = self._decode(token, keys)
            registry = JWTClaimsRegistry(now=int(self._clock()), leeway=LEEWAY_SECONDS, **self._claims)
            registry.validate({name: claim for name, claim in claims.items() if name in _CHECKED_CLAIMS})
            expires_at = float(claims["exp"])
        except _BAD_TOKEN as error:
            raise UnauthenticatedError("The token is not valid.") from error
        subject, shop_id, scope = claims["sub"], claims["shop"], claims.get("scope", "")
        if not all(isinstance(text, str) for text in (subject, shop_id, scope)) or text_faults(subject):
            raise UnauthenticatedError("The token is not valid.")
        shop = await self._find_shop(shop_id)
        known = {scope.value: scope for scope in Scope}
        scopes = frozenset(known[word] for word in scope.split() if word in known)
        return Principal(shop, subject, scopes, expires_at)

    def _decode(self, token: str, keys: Sequence[Key]) -> dict[str, Any]:  # any JSON
        """What the token says, if one of the keys has signed it; raises ValueError."""
        with warnings.catch_warnings():
            # RFC 9864 gives EdDSA with this curve a name of its own; issuers go on with the old one.
            warnings.simplefilter("ignore", SecurityWarning)
            for key in keys:
                with suppress(JoseError):
                    return jwt.decode(token, key, registry=self._registry).claims
        raise ValueError("signed with another key")

    async def _keys_for(self, token: str) -> Sequence[Key]:
        """The keys that go with the token's algorithm: never a public key as a shared secret."""
        header = jws.extract_compact(token.encode()).headers()
        algorithm = header.get("alg")
        if algorithm == _SHARED_ALGORITHM and self._secret:
            return [self._secret]
        if algorithm in _PUBLIC_ALGORITHMS and self._jwks:
            keys = await self._jwks.keys(header.get("kid"))
            return [key for key in keys if key.key_type == _PUBLIC_ALGORITHMS[algorithm]]
        raise ValueError("no key for this algorithm")

    async def _find_shop(self, shop_id: str) -> Shop:
        async with self._database.reading(EVERY_SHOP) as connection:
            shop = await shops.find_shop(connection, shop_id)
        if shop is None:
            raise UnauthenticatedError("The token is not valid.")
        return shop


class _Jwks:
    """The public keys of a file or an https address; the last good ones are kept."""

    def __init__(self, source: str, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._loaded_at = 0.0
        self._turn = asyncio.Lock()
        self._keys: KeySet | None = None

    async def load(self) -> None:
        """Raises SettingsError for a file that has no keys; an address that gives none is asked again later."""
        self._loaded_at = self._clock()
        try:
            self._keys = _key_set(await asyncio.to_thread(_read, self._source))
        except (OSError, ValueError) as error:
            if self._keys is None and not self._source.startswith("https://"):
                message = f"SHORTSHIP_JWKS: {self._source} is no file with a JSON Web Key Set."
                raise SettingsError(message) from error
            log.warning("jwks.unavailable", error=str(error))

    async def keys(self, kid: object) -> Sequence[Key]:
        """Those with this id, all without one; looks again, at most once a minute, for a key that is not known yet."""
        async with self._turn:
            if not self._known(kid) and self._loaded_at + _REFETCH_SECONDS <= self._clock():
                await self.load()
        return self._known(kid)

    def _known(self, kid: object) -> Sequence[Key]:
        keys = self._keys.keys if self._keys else []
        return [key for key in keys if kid is None or key.kid == kid]


def _key_set(content: bytes) -> KeySet:
    """Raises ValueError for anything that is no JSON Web Key Set."""
    try:
        return KeySet.import_key_set(orjson.loads(content))
    except (JoseError, TypeError, KeyError, AttributeError) as error:
        raise ValueError("no JSON Web Key Set") from error


def _read(source: str) -> bytes:
    if not source.startswith("https://"):
        return Path(source).read_bytes()
    context = ssl.create_default_context()
    with urlopen(source, timeout=5, context=context) as answer:  # noqa: S310 - only https gets here
        if not answer.url.startswith("https://"):
            raise OSError("redirected away from https")
        return bytes(answer.read())
