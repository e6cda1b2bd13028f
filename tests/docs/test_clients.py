"""docs/clients.md has every scope, and for each mutation the one that it needs."""

import re

from graphql import build_schema

from api.auth import Scope
from tests.docs.pages import read, rows

SCOPES = {scope.strip("`"): re.findall(r"`(\w+)`", allows) for scope, allows in rows("docs/clients.md", "Tokens")}


def test_the_page_has_every_scope() -> None:
    assert SCOPES.keys() == {scope.value for scope in Scope}


def test_every_mutation_is_in_the_table_once() -> None:
    mutation = build_schema(read("schema.graphql")).mutation_type
    assert mutation

    assert sorted(name for names in SCOPES.values() for name in names) == sorted(mutation.fields)
