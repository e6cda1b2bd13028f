"""Bodies, content types and methods that do not make a GraphQL request over HTTP."""

import gzip

from tests.hostile.wire import SHOP, Case, ask, head, operation, post

_BAD = ((400,), ("BAD_USER_INPUT",))
_MEGABYTE = 1024 * 1024
_GOOD = operation(SHOP)
_EVIL = b'{"query": "{ shop { id } }", "variables": {"x": %b}}'
_CANCEL = 'mutation { resendNotification(input: {cancellationId: "x"}) { errors { code } } }'

_NO_REQUEST = {
    "nothing": b"",
    "spaces": b" " * 1000,
    "not UTF-8": b'{"query": "\xff\xfe"}',
    "overlong UTF-8": b'{"query": "\xc0\xaf"}',
    "gzip": gzip.compress(_GOOD),
    "UTF-16": _GOOD.decode().encode("utf-16"),
    "UTF-32": _GOOD.decode().encode("utf-32"),
    "null": b"null",
    "number": b"5",
    "text": b'"{ shop { id } }"',
    "empty list": b"[]",
    "batch of one": b"[" + _GOOD + b"]",
    "batch of many": b"[" + b",".join([_GOOD] * 1000) + b"]",
    "empty object": b"{}",
    "query twice, the last one a number": b'{"query": "{ shop { id } }", "query": 5}',
    "NaN": _EVIL % b"NaN",
    "Infinity": _EVIL % b"-Infinity",
    "integer of 5,000 digits": _EVIL % (b"9" * 5000),
    "1e400": _EVIL % b"1e400",
    "100,000 arrays": b"[" * 100_000,
    "100,000 closed arrays": _EVIL % (b"[" * 100_000 + b"]" * 100_000),
    "20,000 arrays in variables": _EVIL % (b"[" * 20_000 + b"]" * 20_000),
    "20,000 objects in variables": _EVIL % (b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "lone surrogate": rb'{"query": "\ud800"}',
    "lone surrogate in variables": _EVIL % rb'"\udfff"',
    "NUL": b'{"query": "\0"}',
    "NULs": b"\0" * 1000,
    "cut off": _GOOD[:-5],
    "trailing data": _GOOD + b"{}",
    "single quotes": b"{'query': '{ shop { id } }'}",
    "comment": b"/* */" + _GOOD,
    "form": b"query=%7B+shop+%7B+id+%7D+%7D",
    "the document itself": SHOP.encode(),
}

_NO_MEMBER: dict[str, dict[str, object]] = {
    "query is a number": {"query": 5},
    "query is null": {"query": None},
    "query is a list": {"query": [SHOP]},
    "query is an object": {"query": {}},
    "query is missing": {"operationName": "A"},
    "variables are text": {"query": SHOP, "variables": "x"},
    "variables are JSON in text": {"query": SHOP, "variables": "{}"},
    "variables are a list": {"query": SHOP, "variables": []},
    "variables are a number": {"query": SHOP, "variables": 0},
    "variables are false": {"query": SHOP, "variables": False},
    "operationName is a number": {"query": SHOP, "operationName": 5},
    "operationName is a list": {"query": SHOP, "operationName": ["A"]},
    "operationName is an object": {"query": SHOP, "operationName": {}},
    "extensions are text": {"query": SHOP, "extensions": "x"},
    "extensions are a list": {"query": SHOP, "extensions": []},
    "extensions are a number": {"query": SHOP, "extensions": 5},
}

_TYPES: dict[str, str | None] = {
    "none": None,
    "text": "text/plain",
    "text that claims to be JSON": "text/plain; a=application/json",
    "form": "application/x-www-form-urlencoded",
    "upload": "multipart/form-data; boundary=x",
    "patch": "application/json-patch+json",
    "longer name": "application/jsonp",
    "two types": "application/json, text/plain",
    "any type": "*/*",
    "other charset": "application/json; charset=utf-16",
    "document": "application/graphql",
    "type of answers": "application/graphql-response+json",
    "nothing": "",
}
_GOOD_TYPES = {
    "charset": "application/json; charset=utf-8",
    "charset in quotes": 'application/json;charset="UTF-8"',
    "capitals": "APPLICATION/JSON",
    "spaces": "application/json ; charset=utf-8",
}

_ASKED_BY_URL = "/graphql?query=%7B%20shop%20%7B%20id%20%7D%20%7D"
_FOLLOWED_BY_URL = "/graphql?query=subscription%20%7B%20orderEvents%20%7B%20id%20%7D%20%7D"
_CANCELLED_BY_URL = "/graphql?query=mutation%20%7B%20cancelOrder%20%7B%20replayed%20%7D%20%7D"

_METHODS = {
    "mutation by GET": f"GET {_CANCELLED_BY_URL}",
    "PUT": "PUT /graphql",
    "PATCH": "PATCH /graphql",
    "DELETE": "DELETE /graphql",
    "TRACE": "TRACE /graphql",
    "PROPFIND": "PROPFIND /graphql",
    "health by POST": "POST /healthz",
}

_NOT_ACCEPTABLE = {
    "image": "image/png",
    "HTML": "text/html",
    "JSON of another kind": "application/ld+json",
    "the new type, refused": "application/graphql-response+json;q=0",
    "JSON, refused": "application/json;q=0",
    "everything, refused": "*/*;q=0",
    "2,000 images": ", ".join(f"image/x{number}" for number in range(2000)),
}
_ACCEPTABLE = {
    "anything": "*/*",
    "no header": None,
    "both": "application/graphql-response+json, application/json;q=0.9",
    "JSON as a last resort": "text/html, application/json;q=0.001",
    "any application": "application/*",
    "the new type by wildcard": "application/json;q=0, */*",
    "capitals": "Application/JSON",
    "parameters": "application/json;charset=utf-8;profile=x",
}


def _sizes() -> dict[str, Case]:
    large = operation(SHOP, variables={"x": "x" * (_MEGABYTE + 1)})
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    chunked = head("POST /graphql HTTP/1.1", {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    too_large = ((413,), ("PAYLOAD_TOO_LARGE",))
    return {
        "1 MiB and a byte": Case(post(large[: _MEGABYTE + 1]), *too_large),
        "more than 1 MiB": Case(post(large), *too_large),
        "2 MiB": Case(post(operation(SHOP, variables={"x": "x" * 2 * _MEGABYTE})), *too_large),
        "more than 1 MiB in chunks": Case(chunked + chunk * 18 + b"0\r\n\r\n", *too_large),
        "an absurd length": Case(
            post(_GOOD, Content_Length="99999999999999999999"), (400, 413), ("BAD_USER_INPUT", "PAYLOAD_TOO_LARGE")
        ),
        "a length of 10 GB": Case(post(_GOOD, Content_Length="10000000000"), *too_large),
        "just under 1 MiB": Case(ask(SHOP, x="x" * (_MEGABYTE - 200)), (200,)),
        "document of 40 KiB": Case(ask(SHOP + " " * 40 * 1024), *too_large),
        "comment of 1 MB": Case(ask(SHOP + "#" * 1_000_000), *too_large),
        "block string of 1 MB": Case(ask('{ order(id: """' + "x\n" * 500_000 + '""") { id } }'), *too_large),
        "100,000 tokens": Case(ask("{" + " a" * 100_000 + "}"), *too_large),
        "10,000 aliases": Case(ask("{ shop {" + " ".join(f"a{n}: id" for n in range(10_000)) + "} }"), *too_large),
        "10,000 @include": Case(ask("{ shop { id " + "@include(if: true)" * 10_000 + "} }"), *too_large),
    }


BODIES = {
    "bodies": {name: Case(post(body), *_BAD) for name, body in _NO_REQUEST.items()},
    "members": {
        name: Case(post(operation(**{"query": None} | members)), *_BAD) for name, members in _NO_MEMBER.items()
    },
    "sizes": _sizes(),
    "content types": {
        **{
            name: Case(post(_GOOD, Content_Type=kind), (415,), ("UNSUPPORTED_MEDIA_TYPE",))
            for name, kind in _TYPES.items()
        },
        "compressed": Case(post(gzip.compress(_GOOD), Content_Encoding="gzip"), (400, 415), _BAD[1]),
        **{name: Case(post(_GOOD, Content_Type=kind), (200,)) for name, kind in _GOOD_TYPES.items()},
    },
    "methods": {
        **{
            name: Case(head(f"{line} HTTP/1.1", {}), (405,), ("METHOD_NOT_ALLOWED",)) for name, line in _METHODS.items()
        },
        "unknown method": Case(head("BREW /graphql HTTP/1.1", {}), (400, 405), _BAD[1]),
        "mutation by GET with a body": Case(
            head(f"GET {_CANCELLED_BY_URL} HTTP/1.1", {"Content-Length": str(len(_GOOD))}) + _GOOD,
            (405,),
            ("METHOD_NOT_ALLOWED",),
        ),
        "query by GET": Case(head(f"GET {_ASKED_BY_URL} HTTP/1.1", {}), (200,)),
        "subscription by GET": Case(head(f"GET {_FOLLOWED_BY_URL} HTTP/1.1", {}), (200,), _BAD[1]),
        "query by GET without a token": Case(
            head(f"GET {_ASKED_BY_URL} HTTP/1.1", {"Authorization": None}), (401,), ("UNAUTHENTICATED",)
        ),
        "mutation by GET that claims to be a POST": Case(
            head(f"GET {_CANCELLED_BY_URL} HTTP/1.1", {"X-HTTP-Method-Override": "POST"}),
            (405,),
            ("METHOD_NOT_ALLOWED",),
        ),
        "expensive query by GET": Case(
            head(f"GET {_ASKED_BY_URL.replace('id', 'id%20' * 2100)} HTTP/1.1", {}), (200,), _BAD[1]
        ),
        "query in the URL of a POST": Case(
            head(f"POST {_CANCELLED_BY_URL} HTTP/1.1", {"Content-Type": "application/json", "Content-Length": "2"})
            + b"{}",
            *_BAD,
        ),
    },
    "accepted types": {
        **{
            name: Case(post(_GOOD, Accept=accept), (406,), ("NOT_ACCEPTABLE",))
            for name, accept in _NOT_ACCEPTABLE.items()
        },
        **{name: Case(post(_GOOD, Accept=accept), (200,)) for name, accept in _ACCEPTABLE.items()},
        "2,000 images, then JSON": Case(
            post(_GOOD, Accept="image/png, " * 2000 + "application/json"), (200, 406), ("NOT_ACCEPTABLE",)
        ),
        "garbage": Case(post(_GOOD, Accept=";;;,,,/,q=x,\t\xff"), (400, 406), ("NOT_ACCEPTABLE", "BAD_USER_INPUT")),
        "refused before anything is done": Case(
            post(operation(_CANCEL), Accept="image/png"), (406,), ("NOT_ACCEPTABLE",)
        ),
    },
}
