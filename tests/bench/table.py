"""The results, as a printed table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(slots=True)
class Row:
    """One line: medians, their ratio, noise and the goal."""

    name: str
    measured: str
    beside: str = ""
    ratio: str = ""
    noise: str = ""
    goal: str = ""


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The range, such as `0.48 to 0.52`."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def ratio_row(name: str, unit: str, ours: Sequence[float], others: Sequence[float], **more: str) -> Row:
    """Two sets of rates measured in turns, with the median of the ratios of each turn."""
    ratios = [mine / other for mine, other in zip(ours, others, strict=True)]
    measured, beside = f"{median(ours):.0f}{unit}", f"{median(others):.0f}{unit}"
    return Row(name, measured, beside, f"{median(ratios):.2f}", spread(ratios), **more)


def show(rows: Sequence[Row]) -> None:
    table = Table(title="Medians. Beside: hand-written endpoints in alternating turns, or the smallest data set.")
    for column in ("what", "measured", "beside", "ratio", "noise", "goal"):
        table.add_column(column)
    for row in rows:
        table.add_row(row.name, row.measured, row.beside, row.ratio, row.noise, row.goal)
    Console(width=160).print(table)
