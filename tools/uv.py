"""`python tools/uv.py ARGUMENTS` runs the installed uv, or the one that uv.lock names.

It needs nothing but Python: Debian's python3 has no venv and no pip, and a minimal Debian has no certificates.
"""

import hashlib
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
_SECONDS = 60


def main(arguments: Sequence[str]) -> None:
    lock = tomllib.loads((PROJECT / "uv.lock").read_text())
    locked = next(package for package in lock["package"] if package["name"] == "uv")
    uv = _installed(locked["version"]) or _fetched(locked)
    os.execv(uv, ["uv", *arguments])  # noqa: S606 - no shell is needed


def _installed(version: str) -> str | None:
    """The uv on PATH, unless it is older than the locked one."""
    uv = shutil.which("uv")
    if uv is None:
        return None
    version_line = subprocess.run([uv, "--version"], capture_output=True, check=False, text=True)  # noqa: S603 - found above
    return uv if _numbers(version_line.stdout) >= _numbers(version) else None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _fetched(locked: dict[str, Any]) -> Path:
    uv: Path = PROJECT / ".uv" / locked["version"] / "uv"
    if uv.exists():
        return uv
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    wheel = fitting(locked["wheels"], "macosx" if sys.platform == "darwin" else libc, platform.machine())
    if wheel is None:
        sys.exit("uv.lock has no uv for this machine: install uv, then try again.")
    print(f"Fetching uv {locked['version']}, which installs the rest ({wheel['size'] / 1e6:.0f} MB).", flush=True)  # noqa: T201
    content = _download(wheel)
    unfinished = uv.with_name(f"unfinished-{os.getpid()}")
    uv.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(BytesIO(content)) as files:
        unfinished.write_bytes(files.read(f"uv-{locked['version']}.data/scripts/uv"))
    unfinished.chmod(0o755)
    unfinished.replace(uv)
    return uv


def fitting(wheels: Sequence[dict[str, Any]], system: str, machine: str) -> dict[str, Any] | None:
    """The first wheel for this system (macosx, manylinux or musllinux) and machine."""
    for wheel in wheels:
        tags = wheel["url"].removesuffix(".whl").rpartition("-")[2].split(".")
        if any(tag.startswith(system) and tag.endswith(f"_{machine}") for tag in tags):
            return wheel
    return None


def _download(wheel: dict[str, Any]) -> bytes:
    # The hash in the lock file vouches for the content, so the sender's certificate need not.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(wheel["url"], timeout=_SECONDS, context=unverified) as response:  # noqa: S310 - ours
            content: bytes = response.read(wheel["size"])
    except OSError as error:
        reason = getattr(error, "reason", error)
        sys.exit(
            f"uv cannot be downloaded: {reason}. The first run needs a network and, behind a proxy, HTTPS_PROXY. "
            "Fix that or install uv, then try again."
        )
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != wheel["hash"]:
        sys.exit(
            "uv cannot be downloaded: the content does not match the hash in uv.lock. Nothing was installed; try again."
        )
    return content


if __name__ == "__main__":
    main(sys.argv[1:])
