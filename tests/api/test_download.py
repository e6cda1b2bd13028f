"""Downloads delay neither the exit of a process, nor the start of one that downloads nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_SECONDS

NEVER_READY = {
    "a file": "import os; os.mkfifo('keys')\nsource = 'keys'",
    "a name": "import socket, time\nsocket.getaddrinfo = lambda *_, **__: time.sleep(600)\nsource = 'https://issuer/keys'",
}
LOADING = """
import asyncio
from api.keys import Pace, PublicKeys
from api.settings import SettingsError

async def load():
    try:
        await PublicKeys(source, Pace(deadline=0.5)).load()
    except SettingsError:
        pass

asyncio.run(load())
"""


@pytest.mark.parametrize("source", NEVER_READY.values(), ids=NEVER_READY)
def test_a_download_that_hangs_does_not_keep_the_process_alive(tmp_path: Path, source: str) -> None:
    command = [sys.executable, "-c", source + LOADING]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}  # noqa: TID251 - handed on to a process

    done = subprocess.run(command, cwd=tmp_path, env=environment, timeout=PATIENCE_SECONDS, check=False)  # noqa: S603 - our own

    assert done.returncode == 0


def test_a_server_with_a_key_file_does_not_import_the_downloader() -> None:
    script = "import sys, api.cli; print([name for name in ('httpx', 'api.download') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - our own

    assert done.stdout.strip() == "[]"
