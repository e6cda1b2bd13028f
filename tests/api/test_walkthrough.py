"""docs/walk-through.md does what it says in a real terminal, and leaves nothing behind."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
# The promised mail and events take a moment to arrive.
RESULTS = """
for try in {1..600}; do
  grep -q AWAITING_COLLECTION events.txt && grep -q "END MESSAGE" mails.txt && break
  sleep 0.05
done
cat events.txt mails.txt
exit
"""

pytestmark = pytest.mark.skipif(
    not shutil.which("curl") and not os.environ.get("CI"),  # noqa: TID251
    reason="needs curl",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout after `make install`."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("api", "docs"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@contextmanager
def shell(checkout: Path, *, api_port: int, mail_port: int) -> Iterator[subprocess.Popen[str]]:
    """The walk-through's shell in a terminal; when it has ended, no process and no file of it may be left."""
    temporary = checkout.parent / "temporary"
    temporary.mkdir()
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251
        "TMPDIR": str(temporary),
        "TERM": "dumb",
        "API_PORT": str(api_port),
        "MAIL_PORT": str(mail_port),
        "SHORTSHIP_DATABASE_URL": "sqlite:////of/the/caller.db",
    }
    command = [sys.executable, "-c", TERMINAL, "bash", "--init-file", "docs/walk-through.sh"]
    # Every process holds the writing end, so the reading end closes once none is left.
    reader, writer = os.pipe()
    with (
        os.fdopen(reader, "rb") as processes,
        subprocess.Popen(  # noqa: S603 - our own page
            command,
            cwd=checkout,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[writer],
        ) as terminal,
    ):
        os.close(writer)
        try:
            yield terminal
        finally:
            terminal.kill()
        assert select.select([processes], [], [], PATIENCE_SECONDS)[0], "a process is left"
        assert not list(temporary.iterdir())


def paste(terminal: subprocess.Popen[str], text: str) -> str:
    """Everything the terminal shows until the shell ends."""
    return terminal.communicate(text, timeout=5 * PATIENCE_SECONDS)[0].replace("\r\n", "\n")


def test_the_walkthrough_does_what_it_says(checkout: Path) -> None:
    page = (ROOT / "docs" / "walk-through.md").read_text()
    set_up, cancel = re.findall(r"<!-- walk-through: .*? -->\n```bash\n(.*?)```", page, re.DOTALL)

    with shell(checkout, api_port=_free_port(), mail_port=_free_port()) as terminal:
        shown = paste(terminal, f"{set_up}{cancel}{RESULTS}")

    assert "created 60, updated 0, unchanged 0, rejected 0\n" in shown
    [last_line] = re.findall(r"last line is\n`([^`]*)`", page)
    assert f"{last_line}\n" in shown
    order, preview, cancelled, refused = (
        json.loads(line)["data"] for line in re.findall(r'^{"data".*$', shown, re.MULTILINE)
    )
    assert order["orderByNumber"]["version"] == 1
    assert preview["previewCancelItems"]["orderStatusAfter"] == "AWAITING_COLLECTION"
    assert preview["previewCancelItems"]["refundBreakdown"]["total"]["formatted"] == "$75.56"
    assert cancelled["cancelItems"]["cancellation"]["refundBreakdown"]["total"]["formatted"] == "$75.56"
    assert cancelled["cancelItems"]["order"] == {"status": "AWAITING_COLLECTION", "version": 2}
    problems = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert refused["cancelItems"]["errors"] == [json.loads(problem) for problem in problems]
    assert '"from":"PARTIALLY_SHIPPING","to":"AWAITING_COLLECTION"' in shown
    assert "\nTo: Ana Ruiz <ana.ruiz@example.com>\n" in shown
    assert "$75.56" in shown.partition("\nTo: Ana Ruiz")[2]


@pytest.mark.parametrize("taken", ["api_port", "mail_port"])
def test_a_taken_port_ends_it_at_once(checkout: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = {"api_port": _free_port(), "mail_port": _free_port()} | {taken: port}
        with shell(checkout, **ports) as terminal:
            shown = paste(terminal, "")

    assert terminal.returncode == 1
    assert f"Port {port} is taken. Choose others: API_PORT=" in shown


def test_a_server_that_does_not_start_says_why_and_ends_it(checkout: Path) -> None:
    with shell(checkout, api_port=_free_port(), mail_port=_free_port()) as terminal:
        shown = paste(terminal, "sleep 600 &\nshortship serve 2> log.txt &\nready\n")

    assert terminal.returncode == 1
    assert "No keys to verify tokens" in shown


def test_a_terminal_that_is_closed_ends_it(checkout: Path) -> None:
    with shell(checkout, api_port=_free_port(), mail_port=_free_port()) as terminal:
        assert terminal.stdin
        assert terminal.stdout
        terminal.stdin.write("sleep 600 > started.txt &\necho sta''rted\n")
        terminal.stdin.flush()
        assert "started\n" in terminal.stdout


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
