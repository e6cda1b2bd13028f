"""The command's entry point, in a package whose name is unique: `api` and `domain` may be anybody's."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

_OURS = ("api", "domain")


def main() -> None:
    """Runs the command; refuses in one sentence if another package shadows one of ours."""
    beside = Path(__file__).resolve().parents[1]
    for name in _OURS:
        spec = find_spec(name)
        if spec and spec.origin and Path(spec.origin).resolve() != beside / name / "__init__.py":
            _refuse(name, spec.origin)
    try:
        from api.cli import main as run  # noqa: PLC0415 - a package that is not ours must not run

        run()
    except ImportError as error:
        # Two packages of one name installed into one folder are mixed: some files are the other's.
        name = (error.name or "").partition(".")[0]
        if name not in _OURS:
            raise
        _refuse(name, error.msg)


def _refuse(name: str, found: str) -> NoReturn:
    sys.stderr.write(
        f"Another package `{name}` is in the way of Shortship's: {found}. "
        "Install Shortship into an environment of its own, with `uv tool` or `pipx`, and unset PYTHONPATH.\n"
    )
    raise SystemExit(2)
