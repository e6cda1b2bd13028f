"""A real browser, on servers that run as users start them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from api.transport import pages
from tests.browser.window import Window
from tests.support.command import started

_ROOT = 0
# What the browser would ask of its maker is none of the pages' business.
_QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=30_000)  # a busy machine is no reason to fail


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is; the test is skipped where there is none."""
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        _cannot_run("no browser is installed: apt-get install chromium")
    if not pages.BUILT.is_dir():
        _cannot_run("GraphiQL is not built: make graphiql")
    return found[0]


def _cannot_run(reason: str) -> None:
    if os.environ.get("CI"):  # noqa: TID251 - what every hosted CI sets; a setting of the tests, not of the code
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")  # not longer: while it is there, no coroutine can be run beside it
def _launched(chromium: str) -> Iterator[Browser]:
    arguments = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == _ROOT else [])]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def browser(_launched: Browser) -> Iterator[BrowserContext]:
    """One person's browser, which has been nowhere yet."""
    # Tall, because the editors draw the lines that are in sight and no others.
    with _launched.new_context(
        viewport={"width": 1400, "height": 2000}, permissions=["clipboard-read", "clipboard-write"]
    ) as context:
        yield context


@pytest.fixture(scope="module")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the demo, in which nothing happens but what the tests do."""
    assert Path(chromium).is_file()  # or it need not start
    with started(tmp_path_factory.mktemp("demo"), "demo", "--still") as (_, client):
        yield str(client.base_url)


@pytest.fixture
def window(browser: BrowserContext, demo: str) -> Window:
    return Window(browser.new_page(), demo)
