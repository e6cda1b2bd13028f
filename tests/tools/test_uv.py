"""tools/uv.py fetches uv with Python alone, and only the one in the lock file."""

import hashlib
import platform
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.issuing import a_certificate
from tools.uv import PROJECT, fitting

WHEEL = "uv-9.10.0-py3-none-{tag}.whl"
SYSTEM = "macosx_11_0" if sys.platform == "darwin" else "manylinux_2_17.musllinux_1_1"
OURS = WHEEL.format(tag=".".join(f"{each}_{platform.machine()}" for each in SYSTEM.split(".")))
PLATFORMS = [
    ("manylinux", "x86_64"),
    ("manylinux", "aarch64"),
    ("musllinux", "x86_64"),
    ("musllinux", "aarch64"),
    ("macosx", "x86_64"),
    ("macosx", "arm64"),
]


class Project:
    """A folder with just the script and a lock file, and a server with an untrusted certificate."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.served = folder / "served"
        self._address = address
        (folder / "tools").mkdir(parents=True)
        self.served.mkdir()
        shutil.copy(PROJECT / "tools" / "uv.py", folder / "tools")

    def publish(self, name: str = OURS) -> bytes:
        """Publishes a wheel whose uv prints its arguments, and puts it into the lock file."""
        with zipfile.ZipFile(self.served / name, "w") as wheel:
            wheel.writestr("uv-9.10.0.data/scripts/uv", _saying("fetched"))
        content = (self.served / name).read_bytes()
        self._lock(name, content)
        return content

    def _lock(self, name: str, content: bytes) -> None:
        digest, url = hashlib.sha256(content).hexdigest(), f"{self._address}/{name}"
        (self.folder / "uv.lock").write_text(
            '[[package]]\nname = "other"\n\n[[package]]\nname = "uv"\nversion = "9.10.0"\n'
            f'wheels = [{{ url = "{url}", hash = "sha256:{digest}", size = {len(content)} }}]\n'
        )

    def run(self, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "tools/uv.py", "sync", "--locked"]
        environment = {"PATH": str(path or self.folder / "empty")}
        return subprocess.run(  # noqa: S603 - our own script
            command, cwd=self.folder, env=environment, capture_output=True, check=False, text=True
        )

    @property
    def fetched(self) -> list[Path]:
        return [path for path in (self.folder / ".uv").rglob("*") if path.is_file()]


def _saying(who: str) -> str:
    return f'#!/bin/sh\nif [ "$1" = --version ]; then echo "uv {who}"; else echo "{who}: $@"; fi\n'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    context, _ = a_certificate(tmp_path)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Project(folder, f"https://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def test_the_locked_uv_is_fetched_once(project: Project) -> None:
    project.publish()

    first = project.run()
    shutil.rmtree(project.served)
    second = project.run()

    assert first.stdout.splitlines()[-1] == "fetched: sync --locked", first.stderr
    assert first.stdout.startswith("Fetching uv 9.10.0")
    assert second.stdout == "fetched: sync --locked\n", second.stderr


@pytest.mark.parametrize("other", [b"", b"PK\x03\x04", b"#" * 10_000], ids=["nothing", "shorter", "longer"])
def test_any_other_content_is_refused_and_not_kept(project: Project, other: bytes) -> None:
    project.publish()
    (project.served / OURS).write_bytes(other)

    done = project.run()

    assert done.returncode == 1
    assert "the content does not match the hash in uv.lock" in done.stderr
    assert not project.fetched


def test_without_a_network_it_says_what_to_do(project: Project) -> None:
    project.publish()
    (project.served / OURS).unlink()

    done = project.run()

    assert done.returncode == 1
    assert done.stderr.startswith("uv cannot be downloaded: File not found. The first run needs a network")
    assert "install uv, then try again" in done.stderr
    assert "Traceback" not in done.stderr
    assert not project.fetched


def test_where_no_wheel_fits_it_says_what_to_do(project: Project) -> None:
    project.publish(WHEEL.format(tag="plan9_mips"))

    done = project.run()

    assert done.returncode == 1
    assert done.stderr == "uv.lock has no uv for this machine: install uv, then try again.\n"


@pytest.mark.parametrize(
    ("installed", "taken"), [("9.10.0", "9.10.0"), ("9.11.1", "9.11.1"), ("9.9.3", "fetched"), ("broken", "fetched")]
)
def test_an_installed_uv_is_used_unless_it_is_older(project: Project, installed: str, taken: str) -> None:
    project.publish()
    path = project.folder / "bin"
    path.mkdir()
    (path / "uv").write_text(_saying(installed))
    (path / "uv").chmod(0o755)

    assert project.run(path).stdout.splitlines()[-1] == f"{taken}: sync --locked"


def test_the_lock_file_has_a_wheel_for_each_platform() -> None:
    packages = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]
    wheels = next(package["wheels"] for package in packages if package["name"] == "uv")

    for system, machine in PLATFORMS:
        wheel = fitting(wheels, system, machine)
        assert wheel is not None, (system, machine)
        assert system in wheel["url"]
        assert machine in wheel["url"]


def test_make_without_a_recent_python_says_so_and_creates_nothing(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        (tmp_path / name).symlink_to(PROJECT / name)
    before = set(tmp_path.iterdir())

    command = ["make", "--no-print-directory", "serve", "PYTHON=false"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True)  # noqa: S603 - our own Makefile

    assert done.returncode == 2
    assert "needs Python 3.11 or later" in done.stderr
    assert not done.stdout
    assert set(tmp_path.iterdir()) == before
