"""Documents that are invalid, blow up in size, or ask for far too much."""

from graphql import get_introspection_query

from tests.hostile.wire import Case, ask, operation, post

_BAD = ("BAD_USER_INPUT",)
_DEAR = ("TOO_EXPENSIVE",)
_EITHER = ("BAD_USER_INPUT", "TOO_EXPENSIVE")
_OK = (200,)


def _bomb(fragments: int, selection: str) -> str:
    """Each fragment spreads the next one twice, so a few hundred characters expand to 2 ** fragments fields."""
    spread = [
        f"fragment F{n} on Order {{ {selection % {'next': f'...F{n + 1} ...F{n + 1}'}} }}" for n in range(fragments)
    ]
    return " ".join(['{ order(id: "x") { ...F0 } }', *spread, f"fragment F{fragments} on Order {{ id }}"])


def _cycle(length: int) -> str:
    spread = [f"fragment F{n} on Order {{ ...F{(n + 1) % length} }}" for n in range(length)]
    return " ".join(['{ order(id: "x") { ...F0 } }', *spread])


def _nested(opening: str, depth: int, closing: str, inside: str = "") -> str:
    return opening * depth + inside + closing * depth


def _overlapping(fragments: int) -> str:
    """Fragments that all overlap each other, on several levels."""
    fields = 'order(id: "x") { items { order { items { id sku } } } }'
    spread = [f"fragment F{n} on Query {{ {fields} }}" for n in range(fragments)]
    return " ".join(["{" + " ".join(f"...F{n}" for n in range(fragments)) + "}", *spread])


_CONFLICTS = " ".join(
    [
        "{" + " ".join(f"...F{n}" for n in range(30)) + "}",
        *(f"fragment F{n} on Query {{ shop {{ a: {'id' if n % 2 else 'name'} }} }}" for n in range(30)),
    ]
)
_INTROSPECTION = get_introspection_query(input_value_deprecation=True)
_OPERATIONS = [f"query A{n} {{ shop {{ id }} }}" for n in range(1000)]

_WRONG = {
    "only a comment": "# nothing",
    "syntax": "{ shop { id }",
    "unknown field": "{ nothing }",
    "600 unknown fields beside a known name": "{ " + " ".join(f"order{'s' * (n % 90)}x" for n in range(600)) + " }",
    "long unknown names": "{ " + " ".join(f"orderByNumber{'r' * 2000}{n}" for n in range(15)) + " }",
    "3,000 equal fields": "{ shop { " + "id " * 3000 + "} }",
    "400 fields with aliases and arguments": "{ " + 'a: order(id: "x") { id } ' * 400 + "}",
    "fragment that spreads itself": _cycle(1),
    "cycle of fragments": _cycle(40),
    "fragments in conflict": _CONFLICTS,
    "fragment on nothing": "{ shop { ...F } } fragment F on Nothing { id }",
    "missing fragment": "{ shop { ...F } }",
    "unused fragment": "{ shop { id } } fragment F on Shop { id }",
    "only a fragment": "fragment F on Shop { id }",
    "two fragments of the same name": "{ shop { ...F } } fragment F on Shop { id } fragment F on Shop { name }",
    "type definition": "type A { id: ID }",
    "schema extension": "extend type Query { x: Int }",
    "@defer": "{ shop { id ... @defer { name } } }",
    "@stream": '{ order(id: "x") { items @stream { id } } }',
    "unknown directive": "{ shop @nothing { id } }",
    "@deprecated in a document": "{ shop @deprecated { id } }",
    "integer of 5,000 digits": "{ orders(first: " + "9" * 5000 + ") { totalCount } }",
    "integer of 5,000 digits as a default": "query ($n: Int = " + "9" * 5000 + ") { orders(first: $n) { totalCount } }",
    "integer above 32 bits": "{ orders(first: 2147483648) { totalCount } }",
    "1e400": "{ orders(first: 1e400) { totalCount } }",
    "invalid escape": r'{ order(id: "\q") { id } }',
    "escape beyond Unicode": r'{ order(id: "\u{110000}") { id } }',
    "escape of a lone surrogate": r'{ order(id: "\ud800") { id } }',
    "unterminated string": '{ order(id: "x',
    "unterminated block string": '{ order(id: """x',
    "NUL": "{ shop \0 { id } }",
    "not ASCII": "{ sh\N{LATIN SMALL LETTER O WITH DIAERESIS}p { id } }",
    "two anonymous operations": "{ shop { id } } { shop { name } }",
    "several operations without a name": "query A { shop { id } } query B { shop { id } }",
    "two operations of the same name": "query A { shop { id } } query A { shop { id } }",
    "two mutations": """mutation { a: resendNotification(input: {cancellationId: "x"}) { errors { code } }
      b: resendNotification(input: {cancellationId: "y"}) { errors { code } } }""",
    "two mutations by fragments": """mutation { ...F ...G }
      fragment F on Mutation { a: resendNotification(input: {cancellationId: "x"}) { errors { code } } }
      fragment G on Mutation { b: resendNotification(input: {cancellationId: "x"}) { errors { code } } }""",
    "unknown value": "{ orders(filter: {statuses: [LOST]}) { totalCount } }",
    "unknown member": "{ orders(filter: {nothing: 1}) { totalCount } }",
    "wrong type": "{ orders(first: {}) { totalCount } }",
    "missing argument": "{ order { id } }",
    "missing selection": "{ shop }",
    "selection on a scalar": "{ shop { id { x } } }",
    "unused variable": "query ($a: Int) { shop { id } }",
    "undefined variable": "{ orders(first: $a) { totalCount } }",
    "variable of an unknown type": "query ($a: Nothing) { orders(first: $a) { totalCount } }",
    "variable of an output type": "query ($a: Order) { shop { id } }",
    "variable twice": "query ($a: Int, $a: Int) { orders(first: $a) { totalCount } }",
}

_DEEP = {
    "900 selections": _nested("{ order { items ", 450, "} }", "{ id }"),
    "900 unknown selections": _nested("{ a", 900, "}"),
    "900 lists": "{ nodes(ids: " + _nested("[", 900, "]") + ") { id } }",
    "900 lists in a variable's type": "query ($a: " + _nested("[", 900, "]", "Int") + ") { shop { id } }",
    "400 objects": "{ orders(filter: " + _nested("{a: ", 400, "}", "1") + ") { totalCount } }",
    "900 inline fragments": "{ shop " + _nested("{ ... ", 900, "}", "{ id }") + " }",
    "200 lists in a default": "query ($a: [Int] = " + _nested("[", 200, "]") + ") { shop { id } }",
}

_LARGEST = 'orderByNumber(number: "5000")'
_ALL_TYPES = "__schema { types { name fields { name args { name type { name } } type { name ofType { name } } } } }"
_LARGE = {
    "items of items": f"{{ {_LARGEST} {{ items {{ order {{ items {{ sku total {{ formatted }} }} }} }} }} }}",
    "items of items of items": f"{{ {_LARGEST} {{ " + _nested("items { order { ", 3, "} }", "items { id }") + " } }",
    "1,990 equal fields": "{ shop { " + "id " * 1990 + "} }",
    "390 equal objects": "{ " + "shop { id }" * 390 + " }",
    "nested fields, each a hundred times": "{ "
    + 'order(id: "x") { items { id sku order { id number } } } ' * 100
    + " }",
    "15 levels of orders": '{ order(id: "x") { ' + _nested("items { order { ", 7, "} }", "id") + " } }",
    "200 @include": "{ shop { " + "id @include(if: true) " * 200 + "} }",
    "600 aliases": "{ shop { " + " ".join(f"a{n}: id" for n in range(600)) + " } }",
    "31 aliases of a root field": "{ " + " ".join(f"a{n}: shop {{ id }}" for n in range(31)) + " }",
    "51 fragments": "{ shop { "
    + " ".join(f"...F{n}" for n in range(51))
    + " } } "
    + " ".join(f"fragment F{n} on Shop {{ id }}" for n in range(51)),
    "fragment bomb": _bomb(16, "%(next)s"),
    "fragment bomb of 45": _bomb(45, "%(next)s"),
    "fragment bomb that nests": _bomb(16, "items { order { %(next)s } }"),
    "bomb of inline fragments": _bomb(20, "... on Node { ... on Order { %(next)s } }"),
    "__type in __type": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "interfaces in types": '{ __type(name: "Node") { possibleTypes { interfaces { possibleTypes { name } } } } }',
    "the whole schema 40 times": "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(40)) + " }",
    "all events of all orders": "{ orders(first: 100) { edges { node { "
    "events(first: 100) { edges { node { id } } } } } } }",
    "all events of all orders by aliases": "{ orders(first: 100) { edges { node { "
    + " ".join(f"a{n}: events(first: 100) {{ edges {{ node {{ id }} }} }}" for n in range(25))
    + " } } } }",
    "all events of all orders of all events": "{ orderEvents(first: 100) { edges { node { order { "
    "events(first: 100) { edges { node { order { number } } } } } } } } }",
    "all events of all orders by fragments": """{ orders(first: 100) { ...A } }
      fragment A on OrderConnection { edges { node { ...B } } }
      fragment B on Order { events(first: 100) { edges { node { id } } } }""",
}

_FINE = {
    "overlapping fragments": _overlapping(40),
    "block string of 30 kB": '{ order(id: """' + " x\n" * 10_000 + '""") { id } }',
    "comment of 30 kB": "{ shop { id } } #" + "x" * 30_000,
    "the schema 30 times": "{ " + " ".join(f"a{n}: {_ALL_TYPES}" for n in range(30)) + " }",
    "the standard introspection": _INTROSPECTION,
}

_ORDERS = "query ($n: Int) { orders(first: $n) { totalCount } }"
_NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
_STATUSES = "query ($all: [OrderStatus!]) { orders(filter: {statuses: $all}) { totalCount } }"
_EXPECT = "mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) { replayed } }"
_EVENTS = "query ($n: Int) { orders(first: 100) { edges { node { events(first: $n) { edges { node { id } } } } } } }"


def _expecting(total: object) -> bytes:
    given = {"orderId": "x", "reason": "OTHER", "idempotencyKey": "k", "expect": {"refundTotal": total}}
    return ask(_EXPECT, input=given)


_VARIABLES = {
    "missing": Case(ask("query ($id: ID!) { order(id: $id) { id } }"), _OK, _BAD),
    "string for a number": Case(ask(_ORDERS, n="5"), _OK, _BAD),
    "fraction": Case(ask(_ORDERS, n=1.5), _OK, _BAD),
    "huge float": Case(ask(_ORDERS, n=1e300), _OK, _BAD),
    "huge integer": Case(ask(_ORDERS, n=2**63), _OK, _BAD),
    "boolean for a number": Case(ask(_ORDERS, n=True), _OK, _BAD),
    "object for a list": Case(ask(_NODES, ids={"a": 1}), _OK, _BAD),
    "null in a list": Case(ask(_NODES, ids=[None]), _OK, _BAD),
    "50,000 ids": Case(ask(_NODES, ids=["order_" + "0" * 8] * 50_000), _OK, _EITHER),
    "50,000 invalid statuses": Case(ask(_STATUSES, all=["X"] * 50_000), _OK, _BAD),
    "50,000 statuses": Case(ask(_STATUSES, all=["ON_HOLD"] * 50_000), _OK, ("BAD_USER_INPUT", "")),
    "50,000 unknown members": Case(ask(_EXPECT, input={f"x{number}": number for number in range(50_000)}), _OK, _BAD),
    "50,000 unknown variables": Case(post(operation(_ORDERS, variables={f"x{n}": n for n in range(50_000)})), _OK),
    "amount that is not a number": Case(_expecting("NaN"), _OK, _BAD),
    "infinite amount": Case(_expecting("Infinity"), _OK, _BAD),
    "amount of 1e400": Case(_expecting("1e400"), _OK, _BAD),
    "amount of 1e999999999": Case(_expecting("1e999999999"), _OK, _BAD),
    "amount of 100,000 digits": Case(_expecting("1" * 100_000), _OK, _BAD),
    "amount that is a list": Case(_expecting([]), _OK, _BAD),
    "page of a hundred by a variable": Case(ask(_EVENTS, n=100), _OK, _DEAR),
    "page of a hundred by a default": Case(ask(_EVENTS.replace("$n: Int", "$n: Int = 100")), _OK, _DEAR),
}

DOCUMENTS = {
    "wrong documents": {name: Case(ask(text), _OK, _BAD) for name, text in _WRONG.items()},
    "deep documents": {name: Case(ask(text), _OK, _EITHER) for name, text in _DEEP.items()},
    "large documents": {
        **{name: Case(ask(text), _OK, _DEAR) for name, text in _LARGE.items()},
        "200 operations": Case(post(operation(" ".join(_OPERATIONS[:200]), operationName="A1")), _OK, _DEAR),
        "1,000 operations": Case(post(operation(" ".join(_OPERATIONS), operationName="A1")), _OK, _BAD),
        "missing operation": Case(post(operation(_OPERATIONS[0], operationName="B")), _OK, _BAD),
        "subscription in a plain POST": Case(ask("subscription { orderEvents { id } }"), _OK, _BAD),
    },
    "documents at the limits": {name: Case(ask(text), _OK) for name, text in _FINE.items()},
    "variables": _VARIABLES,
}
