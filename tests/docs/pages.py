"""Reads the documentation, for tests that try what it says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:<!-- tried: (?P<name>[^>]+) -->\n)?^```\w*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^(?: {4}.*)?\n)*^ {4}.*\n", re.MULTILINE)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> dict[str, str]:
    """The code blocks, keyed by the name in the comment before them, or by their first line."""
    text = read(page)
    fenced = {found["name"] or _first_line(found["text"]): found["text"] for found in _BLOCK.finditer(text)}
    indented = _INDENTED.findall(_BLOCK.sub("", text))
    return fenced | {_first_line(each): each for each in indented}


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def tables(page: str, section: str) -> list[list[list[str]]]:
    """The tables below the heading that starts with `section`, as rows of cells, without their header rows."""
    [below] = re.findall(rf"^#+ {re.escape(section)}.*\n((?:.|\n)*?)(?=^##|\Z)", read(page), re.MULTILINE)
    found = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)
    return [[_cells(line) for line in table.splitlines()[2:]] for table in found]


def rows(page: str, section: str) -> list[list[str]]:
    """The first table below that heading."""
    return tables(page, section)[0]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
