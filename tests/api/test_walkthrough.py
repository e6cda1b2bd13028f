"""The README's walk-through does what the README says."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Runs after the README's last line: what it promises takes a moment to arrive.
WAIT = """
for try in $(seq 200); do
  grep -q AWAITING_COLLECTION events.txt && grep -q Message-ID mails.txt && break
  sleep 0.05
done
kill $(jobs -p)
wait
"""


@pytest.mark.skipif(not shutil.which("curl") and not os.environ.get("CI"), reason="needs curl")  # noqa: TID251
def test_walkthrough_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "domain").symlink_to(ROOT / "domain")
    readme = (ROOT / "README.md").read_text()
    set_up, cancel = re.findall(r"<!-- walk-through: .*? -->\n```bash\n(.*?)```", readme, re.DOTALL)
    script = f"{set_up}\nuntil curl -sf http://127.0.0.1:8000/readyz; do sleep 0.05; done\n{cancel}\n{WAIT}"
    script = script.replace("make install", ":").replace('"$PWD/.venv/bin', f'"{Path(sys.executable).parent}')
    port = _free_port()
    script = script.replace(":8000", f":{port}").replace("8025", str(_free_port()))
    script = f"export SHORTSHIP_PORT={port}\n{script}"

    done = subprocess.run(  # noqa: S603 - our own README
        ["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert "created 60, unchanged 0, rejected 0" in done.stdout, done.stderr
    assert done.stdout.count('"formatted":"$75.56"') == 2, done.stdout
    assert '"orderStatusAfter":"AWAITING_COLLECTION"' in done.stdout
    assert '"order":{"status":"AWAITING_COLLECTION","version":2}' in done.stdout
    assert '"code":"NOT_CANCELLABLE","notCancellableReason":"AWAITING_COLLECTION"' in done.stdout
    assert '"from":"PARTIALLY_SHIPPING","to":"AWAITING_COLLECTION"' in (tmp_path / "events.txt").read_text()
    mail = (tmp_path / "mails.txt").read_text()
    assert "To: Ana Ruiz <ana.ruiz@example.com>" in mail
    assert "$75.56" in mail


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
