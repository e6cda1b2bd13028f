"""How many mails a second leave the outbox, for an SMTP server that accepts everything."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from tests.bench.operations import SHOP
from tests.bench.servers import COMMAND, OTHER_CORE, SERVER_CORE, on_core
from tests.bench.table import Row

_LONGEST_SECONDS = 300
_WAITING = "SELECT count(*) FROM outbox WHERE shop_id = $1 AND state = 'QUEUED'"


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Just enough SMTP to accept mail."""
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        command = line[:4].upper()
        if command == b"EHLO":
            writer.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000\r\n")
        elif command == b"DATA":
            writer.write(b"354 go on\r\n")
            while await reader.readline() != b".\r\n":
                pass
            writer.write(b"250 taken\r\n")
        elif command == b"QUIT":
            writer.write(b"221 bye\r\n")
            break
        else:
            writer.write(b"250 ok\r\n")
    writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_talk, "127.0.0.1", port)
    await server.serve_forever()


@contextmanager
def _sink() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    command = [sys.executable, "-m", "tests.bench.mail", str(port)]
    with subprocess.Popen(command, preexec_fn=on_core(OTHER_CORE)) as process:  # noqa: S603, PLW1509 - ours; no threads
        try:
            yield port
        finally:
            process.kill()


def emptied(url: str) -> Row:
    """Drains the outbox with a worker on the server's core."""
    with _sink() as port:
        settings = {
            "SHORTSHIP_DATABASE_URL": url,
            "SHORTSHIP_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
            "SHORTSHIP_MAIL_FROM": "Bench <bench@example.com>",
        }
        command = [COMMAND, "worker"]
        environment = os.environ | settings  # noqa: TID251 - passed on to a process
        with subprocess.Popen(  # noqa: S603 - our own command
            command,
            env=environment,
            stderr=subprocess.DEVNULL,
            preexec_fn=on_core(SERVER_CORE),  # noqa: PLW1509 - the same
        ) as worker:
            try:
                count, seconds = asyncio.run(_until_empty(url))
            finally:
                worker.terminate()
    return Row("mail sent from the outbox", f"{count / seconds:.0f}/s", f"{count} mails", goal="300/s")


async def _until_empty(url: str) -> tuple[int, float]:
    """Mails sent and the seconds they took, from the first one sent; raises TimeoutError."""
    connection = await asyncpg.connect(url)
    before = waiting = await connection.fetchval(_WAITING, SHOP)
    async with asyncio.timeout(_LONGEST_SECONDS):
        while waiting == before:  # the worker is starting
            await asyncio.sleep(0.01)
            waiting = await connection.fetchval(_WAITING, SHOP)
        began, first = time.monotonic(), waiting
        while waiting:
            await asyncio.sleep(0.05)
            waiting = await connection.fetchval(_WAITING, SHOP)
    await connection.close()
    return first, time.monotonic() - began


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
