"""Parses e-mail addresses and decides which ones can send or receive mail."""

import re
from contextlib import suppress

from email_validator import EmailNotValidError, validate_email

from domain.rules.masks import is_masked_address
from domain.rules.order import value
from domain.rules.texts import has_control_characters

# The errors stored with a message that cannot be addressed.
NO_USABLE_ADDRESS = "The buyer has no usable e-mail address."
MASKED_ADDRESS = "The buyer's e-mail address is masked."
# RFC 5322 atoms, with dots anywhere, and quotes around them.
_ATOMS = re.compile(r"\"?[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+\"?")
_LOCAL_PART = re.compile(r"(.*)@")
_NAMED = re.compile(r"([^<>]*?) *<([^<>]*)>")
_QUOTED = re.compile(r"\"(.*)\"")
_LONGEST_LOCAL_PART = 64  # including its quotes


@value
class Address:
    """`spec` has the form of `wire_address`; `name` is any text, possibly empty."""

    name: str
    spec: str

    @property
    def domain(self) -> str:
        return self.spec.rpartition("@")[2]


def wire_address(text: str) -> str | None:
    """The address in the form that every server accepts: an ASCII domain, and quotes where misplaced dots need them.

    None if the address is invalid or needs SMTPUTF8, which few servers offer. The network is not asked.
    """
    given = text.strip()
    for written in (given, _LOCAL_PART.sub(r'"\1"@', given)):  # some mobile carriers issued a..b@ and a.@
        with suppress(EmailNotValidError):
            # Asks no DNS, and allows the top-level domain "test" of staging systems, in which no real address ends.
            valid = validate_email(written, allow_quoted_local=True, test_environment=True).ascii_email
            return valid if valid and _is_read_as_it_stands(valid) else None
    return None


def address_fault(text: str) -> str | None:
    """Why no mail can be sent to a buyer's address, as a sentence; None if it can.

    A masked address is a valid one, but nobody reads what arrives there.
    """
    if is_masked_address(text):
        return MASKED_ADDRESS
    return None if wire_address(text) else NO_USABLE_ADDRESS


def parse_address(text: str) -> Address:
    """The address in a text such as "Shop name <orders@example.com>"; ValueError for anything else.

    The name is any text, quoted or not, and is not decoded.
    """
    match = _NAMED.fullmatch(text.strip())
    name, spec = match.groups() if match else ("", text)
    if has_control_characters(text) or (valid := wire_address(spec)) is None:
        raise ValueError("is not an address such as Shop name <orders@example.com>")
    quoted = _QUOTED.fullmatch(name)
    return Address(re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name, valid)


def _is_read_as_it_stands(spec: str) -> bool:
    """True if no server truncates it, and no reader sees another address or an encoded word in it."""
    local = spec.rpartition("@")[0]
    return len(local) <= _LONGEST_LOCAL_PART and bool(_ATOMS.fullmatch(local)) and "=?" not in local
