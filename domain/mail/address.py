"""E-mail addresses: which ones mail can go to or come from, and how they stand in it. Pure."""

import re
from contextlib import suppress

from email_validator import EmailNotValidError, validate_email

from domain.rules.order import value
from domain.rules.texts import has_control_characters

# What a message that cannot be sent for this reason has as its error.
NO_USABLE_ADDRESS = "The buyer has no usable e-mail address."
# RFC 5322's atoms with dots anywhere between them.
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_NAMED = re.compile(r"([^<>]*?) *<([^<>]*)>")
_LONGEST_LOCAL_PART = 64  # its quotes included


@value
class Address:
    """`spec` is as in `wire_address`; `name` is any text, empty where there is none."""

    name: str
    spec: str

    @property
    def domain(self) -> str:
        return self.spec.rpartition("@")[2]


def wire_address(text: str) -> str | None:
    """The address as every server takes it: its domain in ASCII, its local part in quotes where its dots demand them.

    None where no mail can go, or only with SMTPUTF8, which few offer; nobody is asked whether the address exists.
    """
    given = text.strip()
    local, _, domain = given.rpartition("@")
    for written in (given, f'"{local}"@{domain}'):  # some carriers gave out a..b@ and a.@
        with suppress(EmailNotValidError):
            # "test" is the top-level domain of staging systems; no buyer's address can end in it.
            valid = validate_email(
                written,
                check_deliverability=False,
                allow_smtputf8=False,
                allow_quoted_local=True,
                test_environment=True,
            ).ascii_email
            return valid if valid and _is_read_as_it_stands(valid) else None
    return None


def usable_address(text: str) -> bool:
    """Whether an e-mail can be sent to this address at all."""
    return wire_address(text) is not None


def parse_address(text: str) -> Address:
    """The one address in a text such as "Shop name <orders@example.com>"; ValueError if it is not that.

    The name is any text, in quotes or not; it is not decoded.
    """
    match = _NAMED.fullmatch(text.strip())
    name, spec = match.groups() if match else ("", text)
    if has_control_characters(text) or (valid := wire_address(spec)) is None:
        raise ValueError("is not an address such as Shop name <orders@example.com>")
    is_quoted = len(name) > 1 and name.startswith('"') and name.endswith('"')
    return Address(re.sub(r"\\(.)", r"\1", name[1:-1]) if is_quoted else name, valid)


def _is_read_as_it_stands(spec: str) -> bool:
    """Whether no server cuts it, and nobody takes part of it for another address or, as some do, an encoded word."""
    local = spec.rpartition("@")[0]
    return len(local) <= _LONGEST_LOCAL_PART and bool(_ATOMS.fullmatch(local.strip('"'))) and "=?" not in local
