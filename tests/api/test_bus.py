"""The setting for the bus that carries hints."""

import sys
from pathlib import Path

import pytest

from api.settings import Settings, SettingsError
from api.wiring import database_of
from tests.support.client import SECRET
from tests.support.command import run


@pytest.mark.usefixtures("sqlite_url")
def test_an_invalid_address_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", jwt_secret=SECRET, nats_url="nats:4222")

    sentence = "SHORTSHIP_NATS_URL: must be an address such as nats://127.0.0.1:4222\n"
    assert (done.returncode, done.stderr) == (2, sentence)


def test_without_its_library_the_error_says_what_to_install(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "domain.storage.engine.nats_hints", None)  # as if its import failed
    settings = Settings(database_url=sqlite_url, jwt_secret=SECRET, nats_url="nats://127.0.0.1:4222")

    with pytest.raises(SettingsError, match=r"needs the libraries of `shortship\[nats\]`"):
        database_of(settings)
