"""Names and addresses that the marketplace has masked are not used."""

from email import message_from_bytes
from email.policy import compat32

import pytest

from domain.mail.address import Address, address_fault, parse_address
from domain.mail.message import compose
from domain.rules.order import Buyer
from tests.mail.samples import a_mail, a_message, html_of, received, text_of


@pytest.mark.parametrize(
    "address",
    [
        "v***@chat.seller-us.example",
        "*@example.com",
        "ada*@example.com",
        " *da@example.com ",
        '"a*a"@example.com',
        "v*..@example.com",
        "v***@no domain",
    ],
)
def test_a_masked_address_is_no_usable_one_and_gets_no_message(address: str) -> None:
    mail = a_mail(buyer=Buyer("Ada", address, "en_US"))

    assert address_fault(address) == "The buyer's e-mail address is masked."
    with pytest.raises(ValueError, match=r"^The buyer's e-mail address is masked\.$"):
        a_message(mail)


def test_a_domain_with_an_asterisk_is_no_domain() -> None:
    assert address_fault("ada@*.example") == "The buyer has no usable e-mail address."


def test_the_sellers_own_address_may_have_an_asterisk() -> None:
    sender = parse_address("Sage * Linen <orders*@shop.example>")

    message = compose(a_mail(), sender=sender, reply_to=sender)

    assert sender == Address("Sage * Linen", "orders*@shop.example")
    assert message.sender == "orders*@shop.example"
    assert received(message)["From"] == received(message)["Reply-To"] == "Sage * Linen <orders*@shop.example>"


@pytest.mark.parametrize("name", ["A*** E***", "*", "n***n v** t***h", "山*子", " A* "])
def test_a_masked_name_is_neither_in_the_greeting_nor_in_a_header(name: str) -> None:
    message = a_message(a_mail(buyer=Buyer(name, "ada@example.com", "en_US")))

    head = message_from_bytes(message.content, policy=compat32)
    assert head["To"] == "ada@example.com"
    assert "*" not in str(head.items())
    assert "\nHello,\n" in text_of(message)
    assert "*" not in text_of(message)
    assert ">Hello,</td>" in html_of(message)


def test_an_asterisk_in_any_other_name_is_just_a_character() -> None:
    mail = a_mail(buyer=Buyer("Ada", "ada@example.com", "en_US"), shop_name="Best * Shop", order_number="1*1")

    message = a_message(mail)

    assert received(message)["Subject"] == "Best * Shop: part of your order 1*1 was cancelled"
    assert "Best * Shop has cancelled the items below from your order 1*1." in text_of(message)
