"""Runs the command in a process forked from one that has imported it."""

import gc
import os
import sys
from pathlib import Path

import shortship

gc.freeze()  # or each copy would scan everything imported for garbage


def run(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], out: Path | None, err: Path) -> None:
    """Runs the command as a new process would; without `out`, stdout stays as it is."""
    os.environ.clear()  # noqa: TID251 - as in a new process
    os.environ.update(environment)  # noqa: TID251 - the same
    os.chdir(folder)
    for descriptor, path in ((1, out), (2, err)):
        if path:
            with path.open("wb") as file:
                os.dup2(file.fileno(), descriptor)
    sys.argv = ["shortship", *arguments]
    shortship.main()
