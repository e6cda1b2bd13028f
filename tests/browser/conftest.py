"""A real browser, and servers started the way users start them."""

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
# Turns off the browser's own traffic, which has nothing to do with our pages.
_QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=30_000)  # generous, for busy machines


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser. Without one, tests are skipped, or fail in CI."""
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        _cannot_run("no browser is installed: apt-get install chromium")
    if not pages.BUILT.is_dir():
        _cannot_run("GraphiQL is not built: make graphiql")
    return found[0]


def _cannot_run(reason: str) -> None:
    if os.environ.get("CI"):  # noqa: TID251 - set by every hosted CI; configures the tests, not the product
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")  # not session: no coroutine can run while it is up
def _launched(chromium: str) -> Iterator[Browser]:
    arguments = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == _ROOT else [])]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def browser(_launched: Browser) -> Iterator[BrowserContext]:
    """A fresh profile, without cookies or storage."""
    # Tall, because the editors only render the lines in view.
    with _launched.new_context(
        viewport={"width": 1400, "height": 2000}, permissions=["clipboard-read", "clipboard-write"]
    ) as context:
        yield context


@pytest.fixture(scope="module")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a demo in which nothing happens but what the tests do."""
    assert Path(chromium).is_file()  # skips before the demo is started
    with started(tmp_path_factory.mktemp("demo"), "demo", "--still") as (_, client):
        yield str(client.base_url)


@pytest.fixture
def window(browser: BrowserContext, demo: str) -> Window:
    return Window(browser.new_page(), demo)
