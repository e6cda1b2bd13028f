"""docs/monitoring, for Prometheus and Grafana: alerts that fire when they should, on metrics that exist."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from ruamel.yaml import YAML

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.telemetry.scraping import Scrape, scrape
from tests.api.telemetry.test_metrics import CANCEL, FOLLOW, a_request
from tests.support.cancelling import a_small_order
from tests.support.client import Client

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
RULES = DOCS / "monitoring" / "rules.yml"
# Grafana's variables, with values for the test.
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
# Labels that Prometheus adds.
GIVEN = {"job", "instance"}

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool") and not os.environ.get("CI"),  # noqa: TID251 - a setting of the tests
    reason="needs promtool, of the package prometheus",
)


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert done.returncode == 0, done.stdout + done.stderr


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((DOCS / "monitoring" / "dashboard.json").read_bytes())
    return found


def queries() -> list[str]:
    """The dashboard's queries, as Grafana sends them."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    for name, text in VARIABLES.items():
        found = [query.replace(name, text) for query in found]
    return found


def rules() -> list[dict[str, Any]]:
    [group] = YAML(typ="safe").load(RULES)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@needs_promtool
def test_prometheus_accepts_the_rules_and_the_dashboards_queries(tmp_path: Path) -> None:
    file = tmp_path / "queries.yml"
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    YAML().dump({"groups": [{"name": "dashboard", "rules": recorded}]}, file)

    promtool("check", "rules", RULES, file)


@needs_promtool
def test_alerts_fire_only_when_something_is_wrong() -> None:
    promtool("test", "rules", Path(__file__).with_name("alerts.yml"))


def test_every_alert_waits_and_has_a_severity_and_advice() -> None:
    for rule in rules():
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["alert"] in Path(__file__).with_name("alerts.yml").read_text()


@on_sqlite
async def test_alerts_dashboard_and_table_name_existing_metrics_and_labels(
    client: Client, database: Database, shop: Shop
) -> None:
    order = await a_small_order(database, shop)
    async with client.subscription(FOLLOW) as results:
        await client.data(CANCEL, input=a_request(order))
        await anext(results)

    found = await scrape(client.http)

    series = dict(_labels(found))
    families = set(re.findall(r"^# TYPE (\S+)", found.text, re.MULTILINE))
    for query in [*queries(), *(rule["expr"] for rule in rules())]:
        used = set(re.findall(r"shortship_\w+", query))
        assert used <= series.keys(), query
        assert _labels_in(query) <= GIVEN.union(*(series[name] for name in used)), query
    table = re.findall(r"^\| `(shortship_\w+)` \|", (DOCS / "operations.md").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(families)


def _labels(found: Scrape) -> Iterator[tuple[str, set[str]]]:
    """The labels of each series."""
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", found.text, re.MULTILINE):
        yield name, set(re.findall(r'(\w+)="', labels))


def _labels_in(query: str) -> set[str]:
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", query)
    return {*re.findall(r"(\w+)(?:=~|!=|=)\"", query), *re.findall(r"\w+", " ".join(grouped))}


def test_panels_of_the_dashboard_query_the_chosen_source_and_do_not_overlap() -> None:
    board = dashboard()
    source = {"type": "prometheus", "uid": "${datasource}"}
    panels = board["panels"]

    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    asked = [panel["datasource"] for panel in panels] + [each["datasource"] for p in panels for each in p["targets"]]
    assert board["templating"]["list"][0]["type"] == "datasource"
    assert all(each == source for each in asked)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
