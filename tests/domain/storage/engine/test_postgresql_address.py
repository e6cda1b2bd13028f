"""PostgreSQL addresses as hosting services hand them out: each connects, or is refused with the reason."""

import asyncio
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme

from domain.storage.engine import postgresql_address
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import UnavailableError
from domain.storage.engine.postgresql_address import PostgresqlAddress
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postgresql import SETTINGS, TLS_BINARIES, EmbeddedServer, connected

PASSWORD = "s3cr3t"
ENCODE = "In a password, write @, : and / as %40, %3A and %2F."


async def asked(address: str, question: str) -> Any:  # whatever type the question returns
    """Connects to the address and asks its server."""
    connection = await PostgresqlAddress(address).connect(command_timeout=PATIENCE_SECONDS)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def parts_of(url: str) -> dict[str, str]:
    parts = sa.make_url(url)
    return {
        "user": str(parts.username),
        "password": str(parts.password),
        "host": str(parts.host),
        "port": str(parts.port),
        "database": str(parts.database),
    }


@pytest.mark.parametrize(
    "address",
    [
        "postgres://{user}:{password}@{host}:{port}/{database}",
        "postgresql+asyncpg://{user}:{password}@{host}:{port}/{database}?prepared_statement_cache_size=0",
        "postgresql://{user}:{password}@/{database}?host={host}&port={port}",
        "postgresql:///{database}?host={host}:{port}&user={user}&password={password}",
        "postgresql://?host={host}&port={port}&user={user}&password={password}&dbname={database}&sslmode=",
        "postgresql://{user}:{password}@{host}:{port}/{database}?sslmode=prefer&channel_binding=prefer",
        "postgresql://{user}:{password}@{host}:{port}/{database}?connect_timeout=10&gssencmode=disable",
        "postgresql://{user}:{password}@{host}:{port}/{database}?sslmode=disable&target_session_attrs=read-write",
        "postgresql://{user}:{password}@127.0.0.1:1,{host}:{port}/{database}?target_session_attrs=primary",
        "postgresql://{user}:{password}@[::1]:1,{host}:{port}/{database}?load_balance_hosts=disable",
        "postgresql://{user}:{password}@127.0.0.1,{host}/{database}?port=1,{port}&client_encoding=utf8",
    ],
)
async def test_an_address_leads_to_the_server(postgresql_url: str, address: str) -> None:
    parts = parts_of(postgresql_url)

    assert await asked(address.format(**parts), "SELECT current_database()") == parts["database"]


async def test_session_settings_in_the_address_take_effect(postgresql_url: str) -> None:
    named = f"{postgresql_url}?application_name=the%20shop%2B&options=-c%20work_mem%3D123kB"

    assert await asked(postgresql_url, "SHOW application_name") == "shortship"
    assert await asked(named, "SHOW application_name") == "the shop+"
    assert await asked(named, "SHOW work_mem") == "123kB"


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ("?channel_binding=require", "channel_binding must be prefer or disable; the driver does not support it"),
        ("?gssencmode=require", "gssencmode must be prefer or disable."),
        ("?sslmode=on", "sslmode must be disable or allow or prefer or require or verify-ca or verify-full."),
        (
            "?target_session_attrs=standby",
            "target_session_attrs must be any or primary or read-write; Shortship needs to write.",
        ),
        ("?ssl_min_protocol_version=SSLv3", "ssl_min_protocol_version must be TLSv1 or"),
        ("?connect_timeout=soon", "connect_timeout must be a number below 10000."),
        ("?prepared_statement_cache_size=-1", "prepared_statement_cache_size must be a number below 10000."),
        ("?keepalives_idle=30", "Unknown parameter keepalives_idle; remove it."),
        ("?statement_timeout=0", "Unknown parameter statement_timeout; remove it."),
        ("?sslmode=require&pgbouncer=true", "Unknown parameter pgbouncer; remove it."),
        ("?sslmode=require&sslmode=disable", "The address sets sslmode twice."),
        ("?user=other", "The address sets user twice."),
        ("?host=other", "The address sets host twice."),
        ("?port=1", "The address sets port twice."),
        ("?sslrootcert=/nowhere/ca.pem", "sslrootcert cannot be read from /nowhere/ca.pem: No such file or directory."),
        (f"?sslcrl={__file__}", "no certificate or crl found"),
        ("?passfile=/nowhere/pass", "passfile cannot be read from /nowhere/pass: No such file or directory."),
        (f"?sslcert={__file__}&sslkey=/nowhere/key", "sslkey cannot be read from /nowhere/key: No such file"),
        (f"?sslcert={__file__}&sslkey={__file__}", f"sslcert cannot be read from {__file__}: "),
        ("?sslrootcert=system&sslmode=require", "sslrootcert=system requires sslmode=verify-full."),
        (f"?sslrootcert=system&sslcert={__file__}", "sslcert cannot be combined with sslrootcert=system."),
        ("?sslmode", ENCODE),
        ("#?sslmode=require", ENCODE),
        ("/more", ENCODE),
        ("%00", ENCODE),
        (f"?password={PASSWORD}", "The address sets password twice."),
        (f"?{PASSWORD}%=x", ENCODE),
        (f"?user=a@{PASSWORD}", ENCODE),
    ],
)
def test_an_unsupported_part_of_an_address_is_refused_by_name(rest: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        Database(f"postgresql://user:{PASSWORD}@127.0.0.1:5432/shortship{rest}")

    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    "hosts", ["h:0", "h:65536", "h:x", "[::1", "::1", "[::1]x", "h:1:2", "h/x,y", "a,b:c"], ids=lambda hosts: hosts
)
def test_malformed_hosts_are_refused(hosts: str) -> None:
    with pytest.raises(ValueError, match="Use postgresql://user:password@host/database"):
        Database(f"postgresql://user:{PASSWORD}@{hosts}/shortship")


@pytest.mark.parametrize("ports", ["1,2,3", "x", "70000"])
def test_ports_that_do_not_fit_the_hosts_are_refused(ports: str) -> None:
    with pytest.raises(ValueError, match="Use postgresql://user:password@host/database"):
        Database(f"postgresql://user:{PASSWORD}@one,two/shortship?port={ports}")


def test_a_parameter_that_may_be_part_of_a_password_is_not_named() -> None:
    with pytest.raises(ValueError, match="In a password") as refused:
        Database(f"postgresql://host/shortship?user=user&password=pass&{PASSWORD}=word")

    assert PASSWORD not in str(refused.value)


async def test_the_password_is_in_no_exception_of_the_chain(postgresql_url: str) -> None:
    url = str(sa.make_url(postgresql_url).set(host="127.0.0.1", port=1))
    url = url.replace("***", PASSWORD)
    database = Database(url)

    with pytest.raises(UnavailableError) as raised:
        async with database.reading(EVERY_SHOP):
            pass
    await database.close()

    causes: list[BaseException] = [raised.value]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    assert str(causes[0]).endswith(" at 127.0.0.1:1 cannot be used: Connection refused.")
    assert not [cause for cause in causes if PASSWORD in f"{cause!r} {cause} {vars(cause)}"]


# Several hosts


class Silent:
    """A host that accepts connections but never answers, like a halted one; it counts them."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Silent"]:
        async with await asyncio.start_server(self._accept, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.read()
        writer.close()


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    async with Silent().listening() as silent:
        yield silent


async def test_each_host_gets_its_share_of_the_time_and_the_one_that_answered_is_tried_first(
    silent: Silent, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_address, "_CONNECT_SECONDS", 2)
    address = PostgresqlAddress(postgresql_url.replace("@", f"@127.0.0.1:{silent.port},"))

    for _ in range(2):
        await (await address.connect()).close()

    assert silent.connections == 1


async def test_the_error_says_what_happened_with_each_host(silent: Silent) -> None:
    hosts = f"127.0.0.1:{silent.port},127.0.0.1:1,nowhere.invalid"
    address = PostgresqlAddress(f"postgresql://user:{PASSWORD}@{hosts}/shortship?connect_timeout=1")

    with pytest.raises(ConnectionError) as raised:
        await address.connect()

    one, two, three = str(raised.value).split("; ")
    assert one == f"127.0.0.1:{silent.port}: it does not answer"
    assert two == "127.0.0.1:1: Connection refused"
    assert three.startswith("nowhere.invalid: ")
    assert "Errno" not in three


READ_ONLY = "target_session_attrs=read-write&options=-c%20default_transaction_read_only%3Don"


async def test_without_a_writable_server_the_database_is_unavailable(postgresql_url: str) -> None:
    """As between the loss of the primary and the promotion of a standby."""
    database = Database(f"{postgresql_url}?{READ_ONLY}")

    with pytest.raises(UnavailableError) as raised:
        async with database.reading(EVERY_SHOP):
            pass
    await database.close()

    assert str(raised.value).endswith(" cannot be used: it is not read-write now.")


# TLS, on a server of its own


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_folder(authority: trustme.CA) -> Iterator[Path]:
    """A folder for certificates and the server's socket, whose path has to be short."""
    folder = Path(tempfile.mkdtemp(prefix="shortship-tls-"))
    folder.chmod(0o777)
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    authority.cert_pem.write_to_path(str(folder / "right.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "wrong.pem"))
    (folder / "key.pem").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(folder / "key.pem", pwd.getpwnam("nobody").pw_uid, -1)  # whom the server runs as
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def tls_server(tls_folder: Path) -> Iterator[EmbeddedServer]:
    if not TLS_BINARIES and not os.environ.get("CI"):  # noqa: TID251 - as everywhere
        pytest.skip("needs a PostgreSQL with TLS")
    settings = {
        "ssl": "on",
        "ssl_cert_file": str(tls_folder / "certificate.pem"),
        "ssl_key_file": str(tls_folder / "key.pem"),
        "unix_socket_directories": str(tls_folder),
    }
    server = EmbeddedServer(SETTINGS | settings, binaries=TLS_BINARIES)
    asyncio.run(_close(server.url))
    yield server
    server.stop()


async def _close(url: str) -> None:
    await (await connected(url)).close()


IS_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.mark.parametrize(
    ("host", "query", "is_encrypted"),
    [
        ("127.0.0.1", "sslmode=disable", False),
        ("127.0.0.1", "sslmode=prefer&sslrootcert={folder}/wrong.pem", True),
        ("127.0.0.1", "sslmode=require", True),
        ("127.0.0.1", "sslmode=require&sslrootcert={folder}/right.pem", True),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert={folder}/right.pem", True),
        ("localhost", "sslmode=verify-full&sslrootcert={folder}/right.pem", True),
        ("localhost", "sslrootcert=system", True),
        ("localhost", "sslrootcert=system&sslmode=verify-full&sslnegotiation=postgres", True),
        ("", "host={folder}&port={port}&sslmode=require", False),
        ("{quoted}", "port={port}", False),
    ],
)
async def test_the_right_server_is_connected_to(
    tls_server: EmbeddedServer,
    tls_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    query: str,
    is_encrypted: bool,  # noqa: FBT001 - a case
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_folder / "right.pem"))  # the system's authorities

    assert await asked(address_of(tls_server, tls_folder, host, query), IS_ENCRYPTED) is is_encrypted


@pytest.mark.parametrize(
    ("host", "query", "reason"),
    [
        ("127.0.0.1", "sslmode=verify-full&sslrootcert={folder}/right.pem", "IP address mismatch"),
        ("localhost", "sslmode=verify-full&sslrootcert={folder}/wrong.pem", "certificate"),
        ("localhost", "sslmode=verify-ca&sslrootcert={folder}/wrong.pem", "certificate"),
        ("localhost", "sslmode=require&sslrootcert={folder}/wrong.pem", "certificate"),
        ("localhost", "sslrootcert=system", "certificate"),
        ("127.0.0.1", "sslmode=require&sslcrl={folder}/wrong.pem&sslrootcert={folder}/right.pem", "unable to get"),
    ],
)
async def test_a_server_with_the_wrong_certificate_is_refused(
    tls_server: EmbeddedServer, tls_folder: Path, host: str, query: str, reason: str
) -> None:
    with pytest.raises(ConnectionError, match=f"its certificate is not trusted: .*{reason}"):
        await asked(address_of(tls_server, tls_folder, host, query), IS_ENCRYPTED)


async def test_a_server_without_tls_is_refused(postgresql_url: str) -> None:
    with pytest.raises(ConnectionError, match="rejected SSL upgrade"):
        await asked(f"{postgresql_url}?sslmode=require", IS_ENCRYPTED)


def address_of(server: EmbeddedServer, folder: Path, host: str, query: str) -> str:
    parts = parts_of(server.url)
    port = "" if not host or "{port}" in query else f":{parts['port']}"
    host, query = (
        text.format(folder=folder, port=parts["port"], quoted=str(folder).replace("/", "%2F")) for text in (host, query)
    )
    return f"postgresql://{parts['user']}:{parts['password']}@{host}{port}/{parts['database']}?{query}"
