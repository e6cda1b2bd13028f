"""Retakes docs/mail.png with Chromium and a Japanese font: `python -m tests.mail.picture chromium`.

`pngquant 64 --ext .png --force docs/mail.png` then shrinks it to a third.
"""

import subprocess
import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mail.samples import MAILS, a_message, html_of

PICTURE = Path(__file__).parents[2] / "docs" / "mail.png"
WIDTH, HEIGHT = 1064, 1150
# Replaces the items' images, so that nothing is fetched.
DRESS = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'%3E%3Crect width='64' height='64' "
    "fill='%23c9d6bd'/%3E%3Cpath d='M25 12h4q3 4 6 0h4l-2 15 8 25H19l8-25z' fill='%236f8f5e'/%3E%3C/svg%3E"
)


def page() -> str:
    """One mail on a desktop in light colours, and another on a phone in dark ones."""
    return f"<!DOCTYPE html><body style='margin:0'>{_frame('part', 'light', 664)}{_frame('gift-ja', 'dark', 400)}"


def _frame(name: str, scheme: str, width: int) -> str:
    html = html_of(a_message(MAILS[name])).replace("https://img.example/dress.jpg", DRESS)
    style = f"width:{width}px;height:{HEIGHT}px;border:0;vertical-align:top;color-scheme:{scheme}"
    return f'<iframe style="{style}" srcdoc="{escape(html)}"></iframe>'


def take(chromium: str) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page(), encoding="utf-8")
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--disable-lcd-text",
            f"--user-data-dir={folder}/profile",
            f"--window-size={WIDTH},{HEIGHT}",
            f"--screenshot={PICTURE}",
            source.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 the browser given by the caller


if __name__ == "__main__":
    take(sys.argv[1])
