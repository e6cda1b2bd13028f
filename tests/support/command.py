"""Runs the `shortship` command in separate processes.

Importing all of it takes a second, so most processes are forked from one that has; tests of startup use COMMAND.
"""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import httpx
import pytest

from tests.support import copies
from tests.support.patience import PATIENCE_SECONDS

COMMAND = Path(sys.executable).with_name("shortship")
_FORKSERVER = multiprocessing.get_context("forkserver")
# Everything that any command imports.
_FORKSERVER.set_forkserver_preload(
    [
        "api.cli",
        "api.commands.demo",
        "api.commands.importing",
        "api.commands.serve",
        "api.commands.shops",
        "api.commands.tokens",
        "api.commands.worker",
        "uvicorn.loops.uvloop",
        "tests.support.copies",
    ]
)


class Process(Protocol):
    """The methods that Popen and Copy share."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Copy:
    """A forked process that runs the command, with Popen's methods."""

    def __init__(
        self, *arguments: str, folder: Path, environment: dict[str, str], err: Path, out: Path | None = None
    ) -> None:
        self._process = _FORKSERVER.Process(target=copies.run, args=(arguments, folder, environment, out, err))
        # Under coverage a server is half as fast, and coverage's greenlet support sometimes hangs when a thread ends.
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
            self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        assert code is not None, "the process is still running"
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def an_environment(settings: dict[str, str]) -> dict[str, str]:
    """The caller's environment, which has no settings of ours, plus these."""
    ours = {f"SHORTSHIP_{name.upper()}": text for name, text in settings.items()}
    return {**os.environ, **ours}  # noqa: TID251 - handed on to a process


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end, and captures its output."""
    with TemporaryDirectory() as outputs:
        out, err = Path(outputs, "out"), Path(outputs, "err")
        process = Copy(*arguments, folder=folder, environment=an_environment(settings), out=out, err=err)
        try:
            code = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


@contextmanager
def started(folder: Path, *arguments: str, **settings: str) -> Iterator[tuple[Process, httpx.Client]]:
    """A running server and a client for it; its stderr goes to the file `log`."""
    with started_in(an_environment(settings), folder, *arguments) as (process, client):
        yield process, client


@contextmanager
def begun(folder: Path, *arguments: str, **settings: str) -> Iterator[tuple[Process, httpx.Client]]:
    """The same, started the way users start it."""
    with started_in(an_environment(settings), folder, *arguments, command=COMMAND) as (process, client):
        yield process, client


@contextmanager
def started_in(
    environment: dict[str, str], folder: Path, *arguments: str, command: Path | None = None
) -> Iterator[tuple[Process, httpx.Client]]:
    """The same in this environment, plus a free port unless it names one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = environment.get("SHORTSHIP_PORT", str(listener.getsockname()[1]))
    environment = environment | {"SHORTSHIP_PORT": port}
    log = folder / "log"
    process: Process
    if command:
        with log.open("wb") as err:
            process = subprocess.Popen([command, *arguments], cwd=folder, env=environment, stderr=err)  # noqa: S603
    else:
        process = Copy(*arguments, folder=folder, environment=environment, err=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as client:
            _wait_until_it_answers(process, client)
            yield process, client
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(process: Process, client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has exited"
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server does not answer")
