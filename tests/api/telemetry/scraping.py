"""A server's metrics, read as Prometheus reads them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.patience import PATIENCE_SECONDS


class Scrape:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = text_string_to_metric_families(text)
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __getitem__(self, name: str) -> float | None:
        """The sample without labels."""
        return self.of(name)

    def of(self, name: str, **labels: str) -> float | None:
        """None if nothing was counted."""
        return self._samples.get((f"shortship_{name}", frozenset(labels.items())))

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """All samples of the name, keyed by the values of these labels."""
        found = [(dict(given), value) for (each, given), value in self._samples.items() if each == f"shortship_{name}"]
        return {tuple(given[label] for label in labels): value for given, value in found}


async def scrape(http: httpx.AsyncClient) -> Scrape:
    answer = await http.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    return Scrape(answer.text)


async def scrape_until(http: httpx.AsyncClient, is_so: Callable[[Scrape], bool]) -> Scrape:
    """Scrapes until `is_so`: some samples are set by tasks of their own, and killed processes are replaced later."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(httpx.TransportError):
                if is_so(found := await scrape(http)):
                    return found
            await asyncio.sleep(0.02)
