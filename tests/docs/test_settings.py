"""docs/settings.md lists every setting, with its default."""

import re

from api.settings import Settings
from tests.docs.pages import rows

PREFIX = "SHORTSHIP_"
NOTHING = {"none", "any", "off", "system's"}  # how the page writes an empty default


def documented() -> dict[str, str]:
    """The default of each setting as the page writes it; a row may hold several settings."""
    found: dict[str, str] = {}
    for first, second, *_ in rows("docs/settings.md", "Settings"):
        names = re.findall(rf"`{PREFIX}(\w+)`", first)
        defaults = second.replace("`", "").split(", ")
        found |= dict(zip(names, defaults * (len(names) // len(defaults)), strict=True))
    return found


def test_the_page_lists_every_setting_with_its_default() -> None:
    told = documented()

    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert told.keys() == defaults.keys()
    assert [name for name in told if not _says(name, told[name], defaults[name])] == []


def _says(name: str, text: str, default: object) -> bool:
    if default in ((), None) or default is False:
        return text in NOTHING
    field = name.lower()
    return bool(getattr(Settings.model_validate({field: text.partition(" ")[0]}), field) == default)
