"""The schema's scalars and enums, and how its descriptions are attached."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from domain.rules.money import decimal
from domain.rules.vocabulary import (
    CancellationErrorCode,
    CancellationReason,
    CancellationScope,
    FeeKind,
    FulfillmentErrorCode,
    ImportNoteCode,
    ImportOutcome,
    NotCancellableReason,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundOutcome,
    RefundStatus,
    ShippingRefundPolicy,
)
from domain.storage.order_list import OrderOrderField

DecimalText = NewType("DecimalText", str)
CurrencyCode = NewType("CurrencyCode", str)


def described(description: str) -> Any:  # a dataclass field's default is of its type
    """A field of a GraphQL type that reads a plain attribute."""
    return strawberry.field(description=description)


def argument(description: str) -> object:
    return strawberry.argument(description=description)


def _parse_time(text: object) -> datetime:
    message = f"{text!r:.60} is not a date and time with an offset, such as 2026-03-01T09:30:00+00:00."
    if not isinstance(text, str):
        raise TypeError(message)
    try:
        time = datetime.fromisoformat(text)
        utc = time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(message) from error
    if time.tzinfo is None:
        raise ValueError(message)
    return utc


def _parse_decimal(text: object) -> str:
    given = str(text) if isinstance(text, int) and not isinstance(text, bool) else text
    if not isinstance(given, str) or decimal(given) is None:
        raise ValueError(f'{text!r:.60} is not a decimal number in a string, such as "12.50".')
    return given


def _parse_currency(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r:.60} is not a currency code in a string, such as USD.")
    return text


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An ISO 8601 date and time with an offset; answers are always in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=datetime.isoformat,
        parse_value=_parse_time,
    ),
    DecimalText: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number in a string, such as "12.34" or "1500"; never a floating-point number.',
        serialize=str,
        parse_value=_parse_decimal,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="An ISO 4217 currency code: three capital letters.",
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
        serialize=str,
        parse_value=_parse_currency,
    ),
}

_ADVICE = "docs/errors.md says what to do in each case."
_ENUMS: Mapping[type[Enum], str] = {
    OrderStatus: "Where an order stands. Units are live until cancelled; packages are live while any of their units "
    "is.",
    PackageStatus: "Where a package stands, and the statuses that updatePackageStatus can give it next.",
    CancellationScope: "How much of an order a cancellation covers.",
    CancellationReason: "Why the seller cancels; cancellationReasons lists the scopes that each reason allows.",
    NotCancellableReason: f"Why something cannot be cancelled. {_ADVICE}",
    CancellationErrorCode: f"Why a cancellation is refused, for programs. {_ADVICE}",
    FulfillmentErrorCode: f"Why a call was refused or an order was not stored, for programs. {_ADVICE}",
    ImportOutcome: "What became of an order in an import.",
    ImportNoteCode: "What a note of an import is about.",
    RefundStatus: "The status of a refund.",
    RefundOutcome: "How a refund went, as the payment system reports it.",
    NotificationStatus: "The delivery status of the buyer's e-mail.",
    ShippingRefundPolicy: "When shipping and fees are refunded.",
    FeeKind: "What a fee is for.",
    OrderOrderField: "The date that a list of orders is sorted by.",
}


def publish_enums() -> None:
    """Turns the domain's enums into GraphQL enums whose members are described by their values."""
    for enum, description in _ENUMS.items():
        strawberry.enum(enum, description=description)
        for member in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by the line above
            member.description = member.value


publish_enums()
