"""Popular GraphQL clients work with the server: each queries, cancels, and hears about it."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

import orjson
import pytest

from tests.api.conftest import on_sqlite
from tests.clients.conftest import an_environment
from tests.support import node
from tests.support.client import a_token
from tests.support.patience import PATIENCE_SECONDS


async def output(packages: Path, base: str, *arguments: str) -> list[object]:
    """The lines a client prints when it runs against the server."""
    process = await asyncio.create_subprocess_exec(
        node.node(),
        *arguments,
        cwd=packages / "reference",
        env=an_environment(base, a_token()),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, complaint.decode()
    return [orjson.loads(line) for line in said.splitlines()]


@on_sqlite
@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(
    "client", ["graphql-ws.js", "graphql-sse.js", "apollo.js", "urql.js sse", "urql.js ws"], ids=lambda name: name
)
async def test_a_client_queries_cancels_and_hears_about_it(packages: Path, base: str, client: str) -> None:
    found = await output(packages, base, *client.split())

    story = {"cancellable": 30, "refused": ["BAD_USER_INPUT"], "errors": [], "version": 2, "heard": ["1001", 2]}
    assert found == [story]


@on_sqlite
@pytest.mark.usefixtures("order")
async def test_the_server_passes_every_graphql_over_http_audit(packages: Path, base: str) -> None:
    assert await output(packages, base, "audits.js") == []
