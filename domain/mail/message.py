"""Composes the e-mail: text and HTML in one message. Templates are read on import; the rest is pure.

We write the headers ourselves because the library parses its input: it decodes whatever looks like an encoded word,
which lets names become headers and addresses, and it loses spaces when it folds (Python 3.11 to 3.13).
"""

import re
from binascii import b2a_qp
from collections.abc import Sequence
from email.charset import Charset
from email.errors import MultipartInvariantViolationDefect
from email.parser import HeaderParser
from email.utils import format_datetime, formataddr
from functools import partial
from itertools import chain, groupby, repeat
from textwrap import wrap

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from domain.mail.address import Address, address_fault, wire_address
from domain.mail.content import CancellationMail
from domain.mail.letter import letter
from domain.mail.sending import OutgoingMessage
from domain.rules.masks import is_masked_name
from domain.rules.texts import without_control_characters

# Every server on the way accepts seven bits and CRLF.
_LINE_END = "\r\n"
_LONGEST_LINE = 78
_LONGEST_ENCODED_WORD = 75
# The first word has to fit behind the longest name of a header.
_LONGEST_FIRST_WORD = _LONGEST_LINE - len("Reply-To: ")
_ASCII = "ascii"
_UTF_8 = Charset("utf-8")
_wrap = partial(wrap, width=_LONGEST_LINE, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
# Text that readers may show differently, or servers may break.
_ODD_SPACES = re.compile(r"^ |  | $")
_NEEDS_ENCODING = re.compile(rf"[^ -~]|=\?|[^ ]{{60}}|{_ODD_SPACES.pattern}")
# A word that needs no quotes (RFC 5322, section 3.2.3).
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")

_environment = Environment(
    loader=PackageLoader("domain.mail"),
    autoescape=select_autoescape(["html"]),
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_text = _environment.get_template("cancellation.txt")
_html = _environment.get_template("cancellation.html")


def compose(mail: CancellationMail, *, sender: Address, reply_to: Address | None) -> OutgoingMessage:
    """The message, identical each time; ValueError if the buyer's address is not usable."""
    fault, recipient = address_fault(mail.buyer.email), wire_address(mail.buyer.email)
    if fault or recipient is None:
        raise ValueError(fault)
    content = letter(mail)
    # Quoted-printable never contains "=_".
    boundary = f"=_{mail.cancellation_id.hex}"
    headers = {
        "From": _mailbox(sender),
        **({"Reply-To": _mailbox(reply_to)} if reply_to else {}),
        "To": _mailbox(Address("" if is_masked_name(mail.buyer.name) else mail.buyer.name, recipient)),
        "Subject": _verbatim(content.subject),
        "Date": format_datetime(mail.created_at),
        "Message-ID": f"<cancellation-{mail.cancellation_id.hex}@{sender.domain}>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{boundary}"',
    }
    head = _LINE_END.join(_folded(name, text) for name, text in headers.items())
    check_head(head, [*headers])
    parts = (_part("plain", _text.render(letter=content)), _part("html", _html.render(letter=content)))
    body = "".join(f"--{boundary}{_LINE_END}{part}{_LINE_END}" for part in parts)
    wire = f"{head}{_LINE_END * 2}{body}--{boundary}--{_LINE_END}"
    return OutgoingMessage(sender.spec, recipient, wire.encode(_ASCII))


def check_head(head: str, names: Sequence[str]) -> None:
    """Raises AssertionError unless the head of a message parses as exactly these headers."""
    read = HeaderParser().parsestr(head)
    # Some versions of Python report the parts that a head announces as missing.
    defects = [defect for defect in read.defects if not isinstance(defect, MultipartInvariantViolationDefect)]
    if read.keys() != [*names] or defects or read.get_payload():
        raise AssertionError("the message has an unexpected header")


def _mailbox(address: Address) -> str:
    """Uses as few encoded words as possible: in names, some readers, Python included, show a space between two."""
    name = address.name
    if not _NEEDS_ENCODING.search(name):
        return formataddr((name, address.spec))
    if _ODD_SPACES.search(name):
        return f"{_encoded(name)} <{address.spec}>"
    runs = ((is_plain, " ".join(words)) for is_plain, words in groupby(name.split(" "), key=_is_atom))
    return " ".join([*(run if is_plain else _encoded(run) for is_plain, run in runs), f"<{address.spec}>"])


def _verbatim(text: str) -> str:
    """The text itself, or encoded words where some reader would show it differently."""
    return _encoded(text) if _NEEDS_ENCODING.search(text) else text


def _encoded(text: str) -> str:
    lengths = chain([_LONGEST_FIRST_WORD], repeat(_LONGEST_ENCODED_WORD))
    words = _UTF_8.header_encode_lines(without_control_characters(text), lengths)
    return " ".join(word for word in words if word)


def _is_atom(word: str) -> bool:
    return _ATOM.fullmatch(word) is not None and not _NEEDS_ENCODING.search(word)


def _folded(name: str, text: str) -> str:
    """The header, folded only at single spaces, which every reader keeps."""
    return _LINE_END.join(_wrap(text, initial_indent=f"{name}: "))


def _part(kind: str, text: str) -> str:
    """Uses the C encoder for quoted-printable: the email package's own takes a third of the time for a message."""
    head = f'Content-Type: text/{kind}; charset="utf-8"{_LINE_END}Content-Transfer-Encoding: quoted-printable'
    lines = b2a_qp(text.encode()).decode(_ASCII).split("\n")
    return f"{head}{_LINE_END * 2}{_LINE_END.join(lines)}"
