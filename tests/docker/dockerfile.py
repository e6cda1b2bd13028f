"""Parses the parts of the Dockerfile format that ours uses, and lists the files that a build would see."""

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Step:
    """One instruction: its name in capitals, its options (`--name=value`) and the rest of its line."""

    name: str
    options: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """The words of the JSON form, or those that a shell would see."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Stage:
    """The steps from one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)


def stages(text: str) -> list[Stage]:
    """The stages in order; the last one is the image."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        step = _step(line)
        if step.name == "FROM":
            base, *alias = step.words
            found.append(Stage(base, alias[1] if alias else ""))
        else:
            found[-1].steps.append(step)
    return found


def _step(line: str) -> Step:
    name, _, text = line.strip().partition(" ")
    options = {}
    while text.startswith("--"):
        option, _, text = text.partition(" ")
        key, _, value = option.removeprefix("--").partition("=")
        options[key] = value
    return Step(name.upper(), options, text.strip())


def context(folder: Path) -> list[Path]:
    """The files that are sent to a build, relative to the folder. The last matching pattern decides.

    Excluded folders are not searched: no pattern can bring a part of one back.
    """
    patterns = [line for line in (folder / ".dockerignore").read_text().splitlines() if line]
    found: list[Path] = []
    for name, folders, files in os.walk(folder):
        here = Path(name).relative_to(folder)
        folders[:] = [each for each in folders if each != ".git" and not _is_ignored(here / each, patterns)]
        found += [here / each for each in files if not _is_ignored(here / each, patterns)]
    return found


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    parts = [str(parent) for parent in (path, *path.parents)]
    decided = False
    for pattern in patterns:
        if any(_matches(part, pattern.removeprefix("!")) for part in parts):
            decided = not pattern.startswith("!")
    return decided


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(PurePosixPath(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)
