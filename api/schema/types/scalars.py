"""The scalars of the schema, and how its descriptions are attached."""

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
    """A field of a GraphQL type that is a plain attribute."""
    return strawberry.field(description=description)


def argument(description: str) -> object:
    return strawberry.argument(description=description)


def _parse_time(text: object) -> datetime:
    message = f"{text!r:.60} is no date and time with an offset, such as 2026-03-01T09:30:00+00:00."
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
        raise ValueError(f'{text!r:.60} is no decimal number in a string, such as "12.50".')
    return given


def _parse_currency(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r:.60} is no currency code in a string, such as USD.")
    return text


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A date and time in ISO 8601 with its offset; answers are always in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=datetime.isoformat,
        parse_value=_parse_time,
    ),
    DecimalText: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number in a string, such as "12.34" or "1500"; never a floating point number.',
        serialize=str,
        parse_value=_parse_decimal,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="A currency's three capital letters as in ISO 4217.",
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
        serialize=str,
        parse_value=_parse_currency,
    ),
}

_ADVICE = "docs/errors.md says of each what to do."
_ENUMS: Mapping[type[Enum], str] = {
    OrderStatus: "Where an order is on its way.",
    PackageStatus: "Where a package is on its way.",
    CancellationScope: "How much of an order one cancellation takes.",
    CancellationReason: "Why something is cancelled.",
    NotCancellableReason: f"Why something cannot be cancelled. {_ADVICE}",
    CancellationErrorCode: f"What is wrong with a cancellation, for programs. {_ADVICE}",
    FulfillmentErrorCode: f"Why something was not done or an order not stored, for programs. {_ADVICE}",
    ImportOutcome: "What became of an order that came in.",
    RefundStatus: "How far a refund is.",
    RefundOutcome: "How a refund went.",
    NotificationStatus: "How far the buyer's e-mail is.",
    ShippingRefundPolicy: "When shipping and fees are given back.",
    FeeKind: "What a fee is for.",
    OrderOrderField: "What a list of orders is sorted by.",
}


def publish_enums() -> None:
    """Makes the domain's enums GraphQL enums; a member's value is its description."""
    for enum, description in _ENUMS.items():
        strawberry.enum(enum, description=description)
        for member in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by the line above
            member.description = member.value


publish_enums()
