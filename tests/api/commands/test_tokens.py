"""`token`: what it needs, and what it warns about."""

import socket
from pathlib import Path

import pytest

from api.commands import tokens
from tests.api.commands.conftest import Command
from tests.support.calling import no_shop
from tests.support.client import SECRET


def test_a_token_needs_the_secret_and_a_known_scope(command: Command) -> None:
    arguments = ("token", "--shop", "demo", "--scope")

    without = command(*arguments, "orders:read")
    code, out, sentence = command(*arguments, "orders:read orders:all", jwt_secret=SECRET)

    assert without == (2, "", "No secret to sign with: set SHORTSHIP_JWT_SECRET.\n")
    assert (code, out) == (2, "")
    assert sentence.startswith("Unknown scope orders:all; the scopes are orders:read, ")


def test_a_token_for_an_unknown_shop_comes_with_a_warning(command: Command, database_url: str) -> None:
    def token(shop_id: str) -> tuple[int, str, str]:
        arguments = ("--shop", shop_id, "--scope", "orders:read")
        return command("token", *arguments, jwt_secret=SECRET, database_url=database_url)

    command("shop", "create", "demo", "--name", "Demo Shop", database_url=database_url)

    for shop_id, expected in (("demo", ""), ("nobody", f"The token will be refused. {no_shop('nobody')}\n")):
        code, text, warning = token(shop_id)
        assert (code, text.count("."), warning) == (0, 2, expected)


@pytest.mark.parametrize("kind", ["none", "without tables", "unreachable", "silent"])
def test_a_token_needs_no_database(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(tokens, "_LOOK_SECONDS", 0.1)
    (tmp_path / "empty.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = {
            "none": "sqlite:///missing.db",
            "without tables": "sqlite:///empty.db",
            "unreachable": "postgresql://nobody@127.0.0.1:1/none",
            "silent": f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none",
        }[kind]
        code, token, warning = command(
            "token", "--shop", "demo", "--scope", "orders:read", jwt_secret=SECRET, database_url=url
        )

    assert (code, token.count("."), warning) == (0, 2, "")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]
