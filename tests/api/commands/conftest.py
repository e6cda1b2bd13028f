"""The command, run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api import cli

# Runs a command in the test's folder, with settings; returns its exit code, stdout and stderr.
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs in this process, a hundred times as fast."""

    def run_here(*arguments: str, **settings: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["shortship", *arguments])
            for name, text in settings.items():
                patch.setenv(f"SHORTSHIP_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run_here


@pytest.fixture
def shop_folder(tmp_path: Path, sqlite_url: str, command: Command) -> Path:
    """A folder with a database that has the shop `demo` and no orders."""
    assert sqlite_url == f"sqlite:///{tmp_path / 'shortship.db'}"
    assert command("shop", "create", "demo", "--name", "Demo Shop") == (0, "Created the shop demo.\n", "")
    return tmp_path
