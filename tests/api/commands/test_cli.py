"""The command line: help, version, completion, and how little each command loads."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from api.schema import served
from tests.api.commands.conftest import Command
from tests.support.client import SECRET
from tests.support.command import COMMAND, an_environment, run, said
from tests.support.patience import PATIENCE_SECONDS

LOADED = """
import os, sys
from api import cli

def loaded(names, *arguments):
    sys.argv = ["shortship", *arguments]
    try:
        cli.main()
    except SystemExit:
        print(*[name for name in names if name in sys.modules], sep=",", file=sys.stderr)

for arguments in (["--help"], ["--version"], ["import", "-h"]):
    loaded(["asyncio", "sqlalchemy", "starlette", "strawberry"], *arguments)
os.environ |= {"_SHORTSHIP_COMPLETE": "complete_bash", "COMP_WORDS": "shortship imp", "COMP_CWORD": "1"}
loaded(["asyncio", "sqlalchemy", "starlette", "strawberry"])
del os.environ["_SHORTSHIP_COMPLETE"]
for arguments in (["token", "--shop", "demo", "--scope", "orders:read"], ["shop", "list"], ["check"]):
    loaded(["starlette", "strawberry", "uvicorn"], *arguments)
loaded(["starlette", "strawberry", "uvicorn"], "import", "--shop", "demo", "missing.json")
"""


def test_the_schema_needs_no_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "schema")

    assert said(done) == (0, served.printed(), "")


def test_every_command_has_help_under_both_names(command: Command) -> None:
    for names in ((), ("serve",), ("import",), ("shop",), ("shop", "update")):
        assert command(*names, "-h") == command(*names, "--help")
        assert command(*names, "-h")[0] == 0


def test_the_version_is_that_of_the_package(command: Command) -> None:
    assert command("--version") == (0, f"shortship {metadata.version('shortship')}\n", "")


def test_a_command_loads_no_more_than_it_needs(shop_folder: Path) -> None:
    """Help and completion must be instant, and these libraries are slow to load."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", LOADED],
        cwd=shop_folder,
        env=an_environment({"jwt_secret": SECRET}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    missing = "missing.json cannot be read: No such file or directory."
    assert done.stderr.splitlines() == ["", "", "", "", "", "", "", missing, ""]
    assert "\nimport\n" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    script = """
    eval "$("$0" --show-completion bash)"
    COMP_WORDS=(shortship shop u) COMP_CWORD=2
    _shortship_completion "$0"
    echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(  # noqa: S603 - our own command
        ["bash", "-c", script, COMMAND],  # noqa: S607 - found on the PATH
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert said(done) == (0, "update\n", "")
