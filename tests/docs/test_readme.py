"""README.md shows calls that work, folders that exist and commands that run."""

import json
import re
import subprocess
from pathlib import PurePosixPath

import pytest

from api.settings import Settings
from domain import ingestion
from domain.rules import ids
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.docs.pages import ROOT, read
from tests.support.client import SECRET, Client, a_token
from tests.support.stored import NOW, a_shop, stored

PAGE = "README.md"
PAGES = [PAGE, "CONTRIBUTING.md", "SECURITY.md", *(f"docs/{page.name}" for page in sorted(ROOT.glob("docs/*.md")))]
SPLIT_ORDER = "57640007880000001"
PARTS = ("api", "domain", "tests")


def mapped() -> set[str]:
    """The folders of the map, each with the one that it is in."""
    [block] = re.findall(r"\n\n((?: {4}.*\n)+)\n## Change a rule", read(PAGE))
    found, inside = set(), ""
    for line in block.splitlines():
        names = line.strip().partition("  ")[0].split()
        if not line.startswith(" " * 6):
            inside = ""
        found |= {inside + name.removesuffix("/") for name in names}
        inside = inside or names[0]
    return found


def test_the_map_has_every_folder_and_no_other() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607 - git, wherever it is
    folders = {PurePosixPath(file).parent.parts for file in listed.splitlines() if "/" in file}

    top = {parts[0] for parts in folders if not parts[0].startswith(".")}
    below = {"/".join(parts[:2]) for parts in folders if parts[0] in PARTS and len(parts) > 1}

    assert mapped() == top | below


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    named = re.findall(r"(?<![\w/.-])(?:api|domain|tests|docs|tools)/[\w./-]*\w", read(page))

    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", read(page))

    targets = [((ROOT / page).parent / path if path else ROOT / page, heading) for path, heading in links]

    assert [path for path, _ in targets if not path.is_file()] == []
    assert [heading for path, heading in targets if heading and heading not in anchors(path.read_text())] == []


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.MULTILINE))

    assert set(re.findall(r"(?:`|^ {4})make ([\w-]+)", read(page), re.MULTILINE)) <= targets


@on_sqlite
async def test_the_cancellation_and_the_refusal_are_answered_as_shown(database: Database, database_url: str) -> None:
    [mutation] = re.findall(r"```graphql\n(.*?)```", read(PAGE), re.DOTALL)
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", read(PAGE), re.DOTALL)]
    shop = await a_shop(database)
    sample = ROOT / "api" / "demo" / "samples" / "orders-tiktok.json"
    async for _ in ingestion.import_file(database, shop, sample, actor="import", clock=lambda: NOW):
        pass
    order = await stored(database, shop, SPLIT_ORDER)
    variables = {"order": ids.of_order(order.id), "dress": ids.of_item(order.id, 1)}

    async with serving(Settings(database_url=database_url, jwt_secret=SECRET), database) as base:
        client = Client(base, a_token(shop.id))
        calls = [mutation, mutation.replace("shelf-check-1", "shelf-check-2")]
        answers = [(await client.data(call, **variables))["cancelItems"] for call in calls]
        again = (await client.data(mutation, **variables))["cancelItems"]
        await client.http.aclose()

    assert answers == shown
    assert again == shown[0]
