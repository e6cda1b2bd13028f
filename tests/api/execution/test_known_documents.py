"""Known documents: answered like new ones for every caller, and evicted in the end."""

from pathlib import Path

import pytest
from graphql import build_schema, parse

from api.execution.cost import Cost
from api.execution.known_documents import Document, Documents
from api.schema.served import printed
from api.settings import Settings
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.support.client import EVERYTHING, Client, a_token

SCHEMA = build_schema(printed())
PAGES = "query ($n: Int = 7) { orders(first: $n) { totalCount } }"


def a_document(text: str) -> Document:
    node = parse(text)
    return Document(node, Cost(SCHEMA, node, page_limit=100), is_trusted=True)


def of_length(name: str, length: int) -> str:
    return f"{{ {name}: shop {{ name }} }}".ljust(length)


def test_a_known_document_costs_what_its_variables_ask_for() -> None:
    cost = a_document(PAGES).cost

    costs = [cost.of(variables) for variables in ({"n": 3}, {"n": 3}, {"n": 5}, {}, {"n": 3.0}, {"n": None}, {"n": 3})]

    assert costs == [4, 4, 6, 8, 101, 21, 4]


def test_the_most_recently_used_documents_are_kept() -> None:
    documents = Documents()
    texts = [of_length(name, 64 * 1024) for name in "abcde"]
    for text in texts[:4]:
        documents.keep(text, a_document(text))

    documents.find(texts[0])
    documents.keep(texts[4], a_document(texts[4]))

    assert [documents.find(text) is not None for text in texts] == [True, False, True, True, True]


def test_a_document_that_is_kept_twice_counts_once() -> None:
    documents = Documents()
    longer, shorter = of_length("a", 200 * 1024), of_length("b", 50 * 1024)
    documents.keep(shorter, a_document(shorter))

    documents.keep(longer, a_document(longer))
    documents.keep(longer, a_document(longer))

    assert documents.find(shorter)


@on_sqlite
async def test_a_known_document_is_refused_if_its_variables_make_it_too_expensive(
    settings: Settings, database: Database, shop: Shop
) -> None:
    async with serving(settings.model_copy(update={"cost_limit": 10}), database) as base:
        client = Client(base, a_token(shop.id))

        answers = [await client.post(PAGES, n=n) for n in (5, 50, 5)]
        await client.http.aclose()

    assert ["errors" in answer for answer in answers] == [False, True, False]
    assert answers[1]["errors"][0]["message"] == "The document costs 51, and the limit is 10; ask for less."


@on_sqlite
async def test_a_document_sent_by_an_explorer_stays_untrusted(
    settings: Settings, database: Database, shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "name.graphql").write_text("query Name { shop { name } }")
    async with serving(settings.model_copy(update={"trusted_documents": str(tmp_path)}), database) as base:
        explorer = Client(base, a_token(shop.id, f"{EVERYTHING} explore"))
        other = explorer.with_token(a_token(shop.id))

        answers = [await each.post("{ shop { id } }") for each in (explorer, other, explorer)]
        await explorer.http.aclose()

    assert ["errors" in answer for answer in answers] == [False, True, False]


@on_sqlite
@pytest.mark.parametrize("name", ["A", "B"])
async def test_each_operation_of_a_known_document_can_run(client: Client, name: str) -> None:
    body = {"query": "query A { shop { A: name } } query B { shop { B: name } }", "operationName": name}
    headers = {"Authorization": f"Bearer {client.token}"}

    answers = [(await client.http.post("/graphql", json=body, headers=headers)).json() for _ in range(2)]

    assert [[*answer["data"]["shop"]] for answer in answers] == [[name], [name]]
