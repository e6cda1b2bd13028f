"""The pages of documentation, as far as tests try what stands in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:<!-- tried: (?P<name>[^>]+) -->\n)?^```\w*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^(?: {4}.*)?\n)*^ {4}.*\n", re.MULTILINE)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> dict[str, str]:
    """What a reader would copy, by the name in the comment before it; without one, by its first line."""
    text = read(page)
    fenced = {found["name"] or _first_line(found["text"]): found["text"] for found in _BLOCK.finditer(text)}
    indented = _INDENTED.findall(_BLOCK.sub("", text))
    return fenced | {_first_line(each): each for each in indented}


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def rows(page: str, section: str) -> list[list[str]]:
    """The cells of the first table below a heading that begins so, without its head."""
    [below] = re.findall(rf"^#+ {re.escape(section)}.*\n((?:.|\n)*?)(?=^##|\Z)", read(page), re.MULTILINE)
    lines = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
