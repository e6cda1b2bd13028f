"""Tables with a row for every member of an enum."""

from domain.rules.table import table
from domain.rules.vocabulary import CancellationScope


def test_a_table_has_a_row_for_every_member_in_their_order() -> None:
    rows = table(CancellationScope)(lambda scope: scope.name.lower())

    assert list(rows.items()) == [
        (CancellationScope.ITEMS, "items"),
        (CancellationScope.PACKAGE, "package"),
        (CancellationScope.ORDER, "order"),
    ]
