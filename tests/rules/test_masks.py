"""Names and addresses that a marketplace has masked."""

import pytest

from domain.rules.masks import is_masked_address, is_masked_name

NAMES = {"Ada Buyer": False, "A*** B***": True, "Ada B*": True, "": False}
ADDRESSES = {
    "ada@example.com": False,
    "a***@example.com": True,
    "ada@*.example.com": False,
    '"a@*"@example.com': True,
    "": False,
    "*": False,
}


@pytest.mark.parametrize(("name", "is_masked"), NAMES.items())
def test_a_name_with_a_star_is_masked(name: str, *, is_masked: bool) -> None:
    assert is_masked_name(name) is is_masked


@pytest.mark.parametrize(("address", "is_masked"), ADDRESSES.items())
def test_an_address_with_a_star_in_its_local_part_is_masked(address: str, *, is_masked: bool) -> None:
    assert is_masked_address(address) is is_masked
