"""What a copy of a process does that has imported all of the command."""

import gc
import os
import sys
from pathlib import Path

import shortship

gc.freeze()  # or each copy would look through all that was imported for garbage


def run(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], out: Path | None, err: Path) -> None:
    """Runs the command as a process of its own would; None leaves stdout as it is."""
    os.environ.clear()  # noqa: TID251 - a process has those that it is started with
    os.environ.update(environment)  # noqa: TID251 - the same
    os.chdir(folder)
    for descriptor, path in ((1, out), (2, err)):
        if path:
            with path.open("wb") as file:
                os.dup2(file.fileno(), descriptor)
    sys.argv = ["shortship", *arguments]
    shortship.main()
