"""`shop create`, `shop update` and `shop list`."""

from domain.rules.ids import SHOP_ID_RULE
from tests.api.commands.conftest import Command
from tests.support.calling import no_shop


def test_a_database_and_a_shop_are_created_once(command: Command) -> None:
    too_early = command("shop", "create", "demo", "--name", "Demo Shop")
    migrated = command("migrate")
    created = command("shop", "create", "demo", "--name", "Demo Shop", "--shipping-refund-policy", "NEVER")
    twice = command("shop", "create", "demo", "--name", "Demo Shop")
    odd = command("shop", "create", "odd", "--name", "Odd Shop", "--shipping-refund-policy", "SOMETIMES")
    bad = command("shop", "create", "Bad Id!", "--name", "Odd Shop")

    missing = "The database shortship.db does not exist: run `shortship migrate`.\n"
    assert too_early == (2, "", missing)
    assert migrated == (0, "The database is up to date.\n", "")
    assert created == (0, "Created the shop demo.\n", "")
    assert twice == (2, "", "The shop demo already exists.\n")
    policies = "ON_FULL_CANCELLATION, PROPORTIONAL, NEVER"
    assert odd == (2, "", f"Unknown policy SOMETIMES; use one of {policies}.\n")
    assert bad == (2, "", f"{SHOP_ID_RULE}\n")


def test_shops_are_listed_and_changed(command: Command, database_url: str) -> None:
    def shop(*arguments: str) -> tuple[int, str, str]:
        return command("shop", *arguments, database_url=database_url)

    none = shop("list")
    shop("create", "two", "--name", "Two")
    shop("create", "one", "--name", "Ada's Läden", "--shipping-refund-policy", "NEVER")
    listed = shop("list")
    renamed = shop("update", "one", "--name", "One")
    changed = shop("update", "two", "--shipping-refund-policy", "PROPORTIONAL")

    assert none == (0, "", "")
    assert listed == (0, "one\tNEVER\tAda's Läden\ntwo\tON_FULL_CANCELLATION\tTwo\n", "")
    assert (renamed, changed) == ((0, "Updated the shop one.\n", ""), (0, "Updated the shop two.\n", ""))
    assert shop("list") == (0, "one\tNEVER\tOne\ntwo\tPROPORTIONAL\tTwo\n", "")
    assert shop("update", "one") == (2, "", "Nothing to change: give --name or --shipping-refund-policy.\n")
    assert shop("update", "three", "--name", "Three") == (2, "", f"{no_shop('three')}\n")
    assert shop("update", "one", "--name", " ")[:2] == (2, "")
