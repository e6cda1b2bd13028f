"""Addresses of PostgreSQL in libpq's format, and connecting to their hosts in turn."""

import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import asyncpg

from domain.rules.urls import ENCODE_PASSWORDS
from domain.storage.engine.faults import reason_of

_ADDRESS = re.compile(
    r"postgres(?:ql(?:\+asyncpg)?)?://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?(?P<host>[^@/?#]*)"
    r"(?:/(?P<dbname>[^@/?#]*))?(?:\?(?P<query>[^@#]*))?"
)
_PARTS = ("user", "password", "host", "dbname")
_HOST = re.compile(r"(?P<folder>/.+)|(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<name>[^\[\]:/]*))(?::(?P<port>[^:]*))?")
_EXAMPLE = "Use postgresql://user:password@host/database."
_REFUSAL = f"{_EXAMPLE} {ENCODE_PASSWORDS}"
# Shared equally by the hosts of an address, unless it sets a connect_timeout, which is for each of them.
_CONNECT_SECONDS = 5.0
_CACHED_STATEMENTS = 100
_PROTOCOLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_SYSTEM = "system"
# The driver takes these only from an address. Files are checked in this order: a key before its certificate.
_FILES = ("passfile", "sslkey", "sslcert", "sslcrl", "sslrootcert")
_OF_DRIVER = {
    *_FILES,
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
}
_CHOICES = {
    "channel_binding": ("prefer", "disable"),
    "client_encoding": ("utf8", "UTF8"),
    "gssencmode": ("prefer", "disable"),
    "load_balance_hosts": ("disable",),
    "ssl_max_protocol_version": _PROTOCOLS,
    "ssl_min_protocol_version": _PROTOCOLS,
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "primary", "read-write"),
}
_REASONS = {
    "channel_binding": "; the driver does not support it, and sslmode=verify-full protects just as well",
    "target_session_attrs": "; Shortship needs to write",
}
_NUMBERS = ("connect_timeout", "prepared_statement_cache_size")
_KNOWN = {*_PARTS, *_OF_DRIVER, *_CHOICES, *_NUMBERS, "application_name", "options", "port"}
# This host does not answer, or is not of the kind asked for; another one may be.
_NOT_THIS_HOST = (
    OSError,
    asyncpg.ClientConfigurationError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TargetServerAttributeNotMatched,
)

_Host = tuple[str | None, int | None]


class PostgresqlAddress:
    """An address in libpq's format; raises ValueError with a sentence that does not quote the password.

    Parts that are not given come from libpq's environment variables, which the driver reads.
    """

    def __init__(self, text: str) -> None:
        parts = _ADDRESS.fullmatch(text)
        if not parts or "\0" in unquote(text):
            raise ValueError(_REFUSAL if text.startswith("postgres") else _EXAMPLE)
        given = {name: parts[name] for name in _PARTS if parts[name]}
        given |= {name: unquote(value) for name, value in given.items() if name != "host"}
        for name, value in _parameters(parts["query"] or ""):
            if name in given:
                raise ValueError(f"The address sets {name} twice.")
            given[name] = value
        _check(given)
        _check_tls(given)
        self._hosts = _hosts(given)
        self._seconds = float(given.get("connect_timeout", 0)) or _CONNECT_SECONDS / len(self._hosts)
        # None: it depends on whether a pooler answers.
        self._cache_size = int(given["prepared_statement_cache_size"]) if _NUMBERS[1] in given else None
        settings = {name: given[name] for name in ("application_name", "options") if name in given}
        self._arguments: dict[str, Any] = {
            "user": given.get("user"),
            "password": given.get("password"),
            "database": given.get("dbname"),
            "target_session_attrs": given.get("target_session_attrs"),
            "server_settings": {"application_name": "shortship"} | settings,
        }
        if given.get("sslrootcert") == _SYSTEM:
            self._arguments["ssl"] = _trusting_the_system()
            del given["sslrootcert"]
            given.pop("sslmode", None)
        of_driver = {name: value for name, value in given.items() if name in _OF_DRIVER}
        self._dsn = f"postgresql://?{urlencode(of_driver, quote_via=quote)}"

    def __str__(self) -> str:
        """The database and its hosts, without user and password."""
        return f"{self._arguments['database'] or 'PGDATABASE'} at {', '.join(map(_place, self._hosts))}"

    async def connect(self, *, command_timeout: float | None = None) -> asyncpg.Connection:
        """Connects to the first host that accepts; raises ConnectionError with every host's reason.

        Starts with the host that accepted last: a silent one takes up its whole share of the time.
        """
        reasons: dict[str, str] = {}
        for host in tuple(self._hosts):
            try:
                connection = await self._connect_to(host, command_timeout)
            except _NOT_THIS_HOST as error:
                reasons[_place(host)] = self._reason(error)
                last = error
            else:
                self._hosts.remove(host)
                self._hosts.insert(0, host)
                return connection
        if len(reasons) == 1:
            raise ConnectionError(*reasons.values()) from last
        raise ConnectionError("; ".join(f"{place}: {reason}" for place, reason in reasons.items())) from last

    async def _connect_to(self, host: _Host, command_timeout: float | None) -> asyncpg.Connection:
        name, port = host
        cache_size = self._cache_size  # another task may change it meanwhile
        connection = await asyncpg.connect(
            self._dsn,
            host=name,
            port=port,
            timeout=self._seconds,
            command_timeout=command_timeout,
            statement_cache_size=_CACHED_STATEMENTS if cache_size is None else cache_size,
            **self._arguments,
        )
        try:
            if cache_size is not None or await is_direct(connection, timeout=self._seconds):
                return connection
        except BaseException:
            connection.terminate()
            raise
        # A pooler's clients share statement names; unless it keeps them apart, it would run another client's statement.
        self._cache_size = 0
        connection.terminate()
        return await self._connect_to(host, command_timeout)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
            return f"it is not {self._arguments['target_session_attrs'] or 'what PGTARGETSESSIONATTRS requires'} now"
        return reason_of(error)


async def is_direct(connection: asyncpg.Connection, *, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - asyncpg's own
    """Whether this is a connection to the server itself, not to a pooler, which may pool transactions.

    A pooler gives its clients process IDs of its own. The query has no parameters, so it needs no prepared statement.
    """
    question = f"SELECT WHERE pg_backend_pid() = {connection.get_server_pid()}"
    found = await connection.execute(question, timeout=timeout)
    return bool(found == "SELECT 1")


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    for each in query.split("&") if query else ():
        name, equals, value = each.partition("=")
        if name not in _KNOWN or not equals:
            # This may be the rest of a password that was not encoded.
            may_be_of_password = "password=" in query or not equals or not re.fullmatch(r"\w+", name)
            raise ValueError(_REFUSAL if may_be_of_password else f"Unknown parameter {name}; remove it.")
        if value:  # an empty value counts as not given
            yield name, unquote(value)


def _check(given: Mapping[str, str]) -> None:
    for name, choices in _CHOICES.items():
        if given.get(name, choices[0]) not in choices:
            raise ValueError(f"{name} must be {' or '.join(choices)}{_REASONS.get(name, '')}.")
    for name in _NUMBERS:
        if not re.fullmatch(r"\d{1,4}", given.get(name, "0"), re.ASCII):
            raise ValueError(f"{name} must be a number below 10000.")


def _check_tls(given: Mapping[str, str]) -> None:
    if given.get("sslrootcert") == _SYSTEM:
        if given.get("sslmode", "verify-full") != "verify-full":
            raise ValueError("sslrootcert=system requires sslmode=verify-full.")
        for name in sorted(given.keys() & _OF_DRIVER - {"passfile", "sslmode", "sslnegotiation", "sslrootcert"}):
            raise ValueError(f"{name} cannot be combined with sslrootcert=system.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in _FILES:
        if name in given and given[name] != _SYSTEM:
            try:
                _try_loading(name, given, context)
            except OSError as error:
                raise ValueError(f"{name} cannot be read from {given[name]}: {error.strerror}.") from error


def _try_loading(name: str, given: Mapping[str, str], context: ssl.SSLContext) -> None:
    """Raises OSError where the driver would when connecting."""
    Path(given[name]).open("rb").close()
    if name in {"sslrootcert", "sslcrl"}:
        context.load_verify_locations(given[name])
    if name == "sslcert" and "sslkey" in given:
        context.load_cert_chain(given[name], given["sslkey"], lambda: given.get("sslpassword", ""))


def _trusting_the_system() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])  # as the driver does, for sslnegotiation=direct
    return context


def _hosts(given: Mapping[str, str]) -> list[_Host]:
    """Hosts with their ports; None for what is not given."""
    parsed = [each for text in given.get("host", "").split(",") if (each := _HOST.fullmatch(text))]
    own_ports = [each["port"] for each in parsed]
    ports = given["port"].split(",") if "port" in given else own_ports
    if len(ports) == 1:
        ports *= len(parsed)
    if (
        len(parsed) != given.get("host", "").count(",") + 1
        or len(ports) != len(parsed)
        or not all(map(_is_port, ports))
    ):
        raise ValueError(_REFUSAL)
    if "port" in given and any(own_ports):
        raise ValueError("The address sets port twice.")
    names = [unquote(each["folder"] or each["ipv6"] or each["name"] or "") or None for each in parsed]
    return [(name, int(port) if port else None) for name, port in zip(names, ports, strict=True)]


def _is_port(text: str | None) -> bool:
    return not text or (text.isascii() and text.isdecimal() and 0 < int(text) < 2**16)


def _place(host: _Host) -> str:
    name, port = host
    return f"{name or 'PGHOST'}:{port}" if port else name or "PGHOST"
