"""Shared fixtures: fresh databases on SQLite and PostgreSQL."""

import asyncio
import gc
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import settings

from domain.storage.engine.database import Database
from domain.storage.migrations import runner
from tests.support import trying
from tests.support.nats_server import NatsServer
from tests.support.postgresql import Databases, EmbeddedServer, GivenServer, memory

settings.load_profile(trying.PROFILE)

_GIVEN_URL = os.environ.pop("SHORTSHIP_TEST_POSTGRESQL", None)  # noqa: TID251 - a setting of the tests, not of the code
_WAITING = {"faults", "hostile"}
_SERVER = pytest.StashKey[EmbeddedServer | GivenServer]()


class _Compiled(dict[Any, Any]):
    """Statements compiled by any engine. SQLAlchemy's keys begin with the dialect; each engine has its own."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


_COMPILED = defaultdict[str, _Compiled](_Compiled)


@sa.event.listens_for(sa.Engine, "engine_connect")
def _share_compiled(connection: sa.Connection) -> None:
    """Shares one cache: each test has its own engines, and compiling statements takes longer than running them."""
    connection.execution_options(compiled_cache=_COMPILED[connection.dialect.name])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--model-examples", type=int, help="how many random histories to try (tests/domain/test_model.py)")
    parser.addoption("--fuzz-examples", type=int, help="how many random requests to try (tests/hostile/test_fuzz.py)")
    parser.addoption(
        "--completion-examples",
        type=int,
        help="how many random operations to try (tests/api/execution/test_executor.py)",
    )
    parser.addoption("--fault-seed", type=int, help="the random seed of tests/faults")
    parser.addoption(
        "--fault-rounds", type=int, default=1, help="how often tests/faults repeats what depends on chance"
    )


def pytest_configure() -> None:
    """Hides the caller's settings from the tests, and puts their files in memory, where commits are fast."""
    for name in [name for name in os.environ if name.startswith("SHORTSHIP_")]:  # noqa: TID251 - cleared, not read
        del os.environ[name]  # noqa: TID251 - the same
    # By default asyncpg asks each server for TLS first, and complains if it is cancelled just then.
    os.environ.setdefault("PGSSLMODE", "disable")  # noqa: TID251 - a setting of the tests' server
    # By default structlog colours the source in each traceback, which takes longer than the code that failed.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure([structlog.processors.add_log_level, plain])
    if folder := memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))  # noqa: TID251 - a setting of pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Turns the garbage collector off: what is made here stays, and each scan of it takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starts with the tests that wait longest, beside others that compute; last, they would hold up the whole run."""
    items.sort(key=lambda item: not _WAITING.intersection(item.path.parts))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More workers than processors, because many tests wait: a ten-second timeout takes ten seconds to show."""
    return 2 * (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # xdist names its type in a private module
    """Starts one server for all xdist workers, which collect meanwhile."""
    node.workerinput["postgresql"] = _address(node.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests/faults counted, and the seeds that repeat its runs."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for report in sorted(reports, key=lambda report: report.nodeid):
        if report.when == "call" and report.user_properties:
            counted = ", ".join(f"{name} {count}" for name, count in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid}: {counted}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()


def _address(config: pytest.Config) -> tuple[str, str]:
    """The server's URL and the name of the template database; the first call starts the server."""
    if _SERVER not in config.stash:
        config.stash[_SERVER] = GivenServer(_GIVEN_URL) if _GIVEN_URL else EmbeddedServer()
    server = config.stash[_SERVER]
    return server.url, server.template


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def _postgresql_databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    workerinput = getattr(request.config, "workerinput", None)
    databases = Databases(*(workerinput["postgresql"] if workerinput else _address(request.config)))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = tmp_path_factory.mktemp("sqlite") / "template.db"

    async def migrate() -> None:
        database = Database(f"sqlite:///{template}")
        await runner.migrate(database)
        await database.close()

    asyncio.run(migrate())
    return template


@pytest.fixture
def postgresql_url(_postgresql_databases: Databases) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database."""
    with _postgresql_databases.fresh() as url:
        yield url


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite database."""
    return f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'shortship.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Runs the test twice: on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def as_owner(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Turns a database's URL into that of its tables' owner, who bypasses row-level security."""

    def owner_url(url: str) -> str:
        if url.startswith("sqlite"):
            return url
        databases: Databases = request.getfixturevalue("_postgresql_databases")
        return databases.owner_url(url)

    return owner_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AbstractContextManager[str]]:
    """For a test that needs many databases: each call makes one that lasts until its block ends."""
    if request.param == "postgresql":
        databases: Databases = request.getfixturevalue("_postgresql_databases")
        return databases.fresh
    template: Path = request.getfixturevalue("_sqlite_template")

    @contextmanager
    def fresh() -> Iterator[str]:
        path = tmp_path / f"{uuid4()}.db"
        yield f"sqlite:///{shutil.copy(template, path)}"
        path.unlink()

    return fresh


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    server = NatsServer()
    server.start()
    yield server
    server.kill()
