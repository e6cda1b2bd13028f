"""A NATS server for the tests, in its own process."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


class NatsServer:
    """A real server with a user and a password."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = int(listener.getsockname()[1])
        self.url = f"nats://app:p%40ss@127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--addr", "127.0.0.1", "--port", str(self._port), "--user", "app", "--pass", "p@ss"]
        command = [str(Path(sys.executable).parent / "nats-server"), *options]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - our own values
        give_up_at = time.monotonic() + 20
        while time.monotonic() < give_up_at:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self._port)):
                return
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
