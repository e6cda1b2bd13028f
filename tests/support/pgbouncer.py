"""PgBouncer in front of a test database: a few sessions, pooled by transaction."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")  # noqa: TID251 - where programs are
_SETTINGS = """
[databases]
{database} = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {sessions}
server_round_robin = 1
"""


@contextmanager
def pooling(url: str, folder: Path, *, sessions: int = 3) -> Iterator[str]:
    """The URL of the same database behind a pooler that hands out its sessions round-robin."""
    assert PGBOUNCER
    target = sa.make_url(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    settings = _SETTINGS.format(
        database=target.database, host=target.host, port=target.port, own_port=port, folder=folder, sessions=sessions
    )
    (folder / "pgbouncer.ini").write_text(settings)
    (folder / "users").write_text(f'"{target.username}" "{target.password}"\n')
    command = [PGBOUNCER, str(folder / "pgbouncer.ini"), *(["--user", "nobody"] if os.geteuid() == 0 else [])]
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)  # noqa: S603 - our own settings
    try:
        _wait_until_it_listens(process, port)
        yield target.set(port=port, host="127.0.0.1").render_as_string(hide_password=False)
    finally:
        process.kill()
        process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError("PgBouncer has exited")
