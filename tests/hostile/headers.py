"""Headers, paths and framing that no decent client sends, and requests for things that do not exist."""

from tests.hostile.wire import BEARER, SHOP, TOKEN, Case, ask, head, operation, post
from tests.support.client import a_token

_GOOD = operation(SHOP)
_OK = (200,)
_JSON = {"Content-Type": "application/json"}
_CHUNKED = _JSON | {"Transfer-Encoding": "chunked"}
_LENGTH = _JSON | {"Content-Length": str(len(_GOOD))}
_POST = "POST /graphql HTTP/1.1"
_UNFIT = ((400,), ("BAD_USER_INPUT",))
_LOST = ((404,), ("NOT_FOUND",))
_LARGE_HEAD = ((400, 431), ("BAD_USER_INPUT", "PAYLOAD_TOO_LARGE"))

NO_TOKENS: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "no scheme": TOKEN,
    "only a scheme": "Bearer",
    "scheme and spaces": "Bearer     ",
    "other scheme": "Basic dGVzdGVyOnNlY3JldA==",
    "two tokens": f"{BEARER} {TOKEN}",
    "two tokens with a comma": f"{BEARER}, {BEARER}",
    "token in quotes": f'Bearer "{TOKEN}"',
    "token cut off": BEARER[:-3],
    "token without a signature": BEARER.rpartition(".")[0] + ".",
    "not ASCII": "Bearer \xff\xfe.\xe4.\xf6",
    "percent signs": f"Bearer {TOKEN.replace('.', '%2E')}",
    "100 parts": "Bearer " + "a." * 100,
    "8 kB": "Bearer " + "a" * 8000,
    "expired": "Bearer " + a_token(seconds=-3600),
    "shop that does not exist": "Bearer " + a_token("nowhere", seconds=86_400),
    "shop that is an SQL injection": "Bearer " + a_token("demo' OR 'a'='a", seconds=86_400),
    "shop with a NUL": "Bearer " + a_token("demo\0", seconds=86_400),
}

_PATHS = {
    "trailing slash": "/graphql/",
    "double slash": "//graphql",
    "up": "/graphql/..",
    "encoded up": "/%2e%2e/graphql",
    "up to a file": "/../../../../etc/passwd",
    "encoded up to a file": "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "traversal from the page": "/graphiql/..%2f..%2f..%2fpyproject.toml",
    "traversal from the page, encoded twice": "/graphiql/%252e%252e%252fpyproject.toml",
    "traversal from the page by backslashes": "/graphiql/..\\..\\pyproject.toml",
    "folder of the page's assets": "/graphiql/assets/",
    "NUL": "/graphql%00",
    "line breaks": "/graphql%0d%0aSet-Cookie:%20a=b",
    "capitals": "/GRAPHQL",
    "hidden file": "/.env",
    "long": "/" + "a" * 8000,
}

_ORDERS = "query ($f: Int, $a: String, $l: Int, $b: String) { orders(first: $f, after: $a, last: $l, before: $b) "
_ORDERS += "{ edges { cursor } } }"
_FEED = "query ($a: String) { orderEvents(after: $a, first: 1) { edges { cursor } } }"
_CANCELLED = "query ($a: String) { cancellations(after: $a) { edges { cursor } } }"
_OF_ANOTHER_LIST = "eyJhIjoxfQ=="

_BAD_PAGES = {
    "first 0": ask(_ORDERS, f=0),
    "first -1": ask(_ORDERS, f=-1),
    "first 101": ask(_ORDERS, f=101),
    "first 2147483647": ask(_ORDERS, f=2**31 - 1),
    "last 0": ask(_ORDERS, l=0),
    "last 101": ask(_ORDERS, l=101),
    "first and last": ask(_ORDERS, f=1, l=1),
    "forged cursor": ask(_ORDERS, a="forged"),
    "empty cursor": ask(_ORDERS, a=""),
    "cursor in base64": ask(_ORDERS, a=_OF_ANOTHER_LIST),
    "cursor with a NUL": ask(_ORDERS, a="\0"),
    "cursor of 100 kB": ask(_ORDERS, a="A" * 100_000),
    "cursor that is not ASCII": ask(_ORDERS, b="\N{SNOWMAN}"),
    "cursor of SQL": ask(_ORDERS, b="' OR 1=1 --"),
    "forged cursor of the feed": ask(_FEED, a="forged"),
    "empty cursor of the feed": ask(_FEED, a=""),
    "cursor of the feed in base64": ask(_FEED, a=_OF_ANOTHER_LIST),
    "forged cursor of cancellations": ask(_CANCELLED, a="forged"),
}

_IDS = ("", "x", "\0", "order_", "order_x", "order_" + "0" * 32, "order_" + "g" * 32, "' OR 1=1 --", "x" * 100_000)
_NODE = "query ($id: ID!) { node(id: $id) { id } order(id: $id) { id } nodes(ids: [$id]) { id } }"
_RESEND = "mutation ($id: ID!) { resendNotification(input: {cancellationId: $id}) { errors { code } } }"

_SAID = operation(SHOP).join([b"%x\r\n" % len(_GOOD), b"\r\n"])

HEADERS = {
    "tokens": {
        name: Case(post(_GOOD, Authorization=text), (401,), ("UNAUTHENTICATED",)) for name, text in NO_TOKENS.items()
    },
    "tokens over SSE": {
        name: Case(
            post(_GOOD, Authorization=text, Accept="text/event-stream"),
            (401,),
            ("UNAUTHENTICATED",),
        )
        for name, text in NO_TOKENS.items()
    },
    "paths": {name: Case(head(f"POST {path} HTTP/1.1", _LENGTH) + _GOOD, *_LOST) for name, path in _PATHS.items()},
    "pages": {name: Case(request, _OK, _UNFIT[1]) for name, request in _BAD_PAGES.items()},
    "ids": {
        f"{kind} {number}: {text[:20]!r}": Case(ask(query, id=text), _OK)
        for kind, query in (("reading", _NODE), ("resending", _RESEND))
        for number, text in enumerate(_IDS)
    },
    "headers": {
        "200 headers": Case(
            post(_GOOD, **{f"X_{number}": "x" for number in range(200)}), (200, 400, 431), _LARGE_HEAD[1]
        ),
        "10,000 headers": Case(post(_GOOD, **{f"X_{number}": "x" for number in range(10_000)}), *_LARGE_HEAD),
        "header of 100 kB": Case(post(_GOOD, X_Long="x" * 100_000), *_LARGE_HEAD),
        "header of 5 MB": Case(post(_GOOD, X_Long="x" * 5_000_000), *_LARGE_HEAD),
        "10,000 accepted types": Case(
            post(_GOOD, Accept="a/b," * 10_000), (400, 406, 431), ("NOT_ACCEPTABLE", *_LARGE_HEAD[1])
        ),
        "10,000 languages": Case(post(_GOOD, Accept_Language="de;q=0.1," * 1_000), _OK),
        "malformed languages": Case(post(_GOOD, Accept_Language=";;q=,*,\xff"), _OK),
        "malformed cookies": Case(post(_GOOD, Cookie="=;\xff=" * 100), _OK),
        "origin of another site": Case(post(_GOOD, Origin="https://evil.example"), (200, 403), ("FORBIDDEN",)),
        "request id of 10 kB": Case(post(_GOOD, X_Request_ID="x" * 10_000), _OK),
        "request id with control characters": Case(post(_GOOD, X_Request_ID="a\x01\x1b[31m"), (200, 400), _UNFIT[1]),
        "header without a name": Case(post(_GOOD, **{"": "x"}), *_UNFIT),
        "header with a space in its name": Case(post(_GOOD, **{"X Y": "x"}), *_UNFIT),
        "header with a NUL": Case(post(_GOOD, X_Y="\0"), *_UNFIT),
        "header on two lines": Case(post(_GOOD, X_Y="a\r\n b"), (200, 400), _UNFIT[1]),
        "host twice": Case(post(_GOOD, X_Y="a\r\nHost: evil.example"), (200, 400), _UNFIT[1]),
        "token twice": Case(post(_GOOD, X_Y=f"a\r\nAuthorization: {BEARER}x"), (200, 400, 401), ("UNAUTHENTICATED",)),
        "continue": Case(post(_GOOD, Expect="100-continue"), _OK),
        "other expectations": Case(post(_GOOD, Expect="miracles"), (200, 417), _UNFIT[1]),
        "upgrade to HTTP/2": Case(
            post(_GOOD, Connection="Upgrade, HTTP2-Settings", Upgrade="h2c"), (200, 400), _UNFIT[1]
        ),
        "upgrade to a socket by POST": Case(
            post(_GOOD, Connection="Upgrade", Upgrade="websocket"), (0, 200, 400, 405), _UNFIT[1]
        ),
    },
    "framing": {
        "length and chunks": Case(
            head(_POST, _CHUNKED | {"Content-Length": "5"}) + _SAID + b"0\r\n\r\n", (400,), _UNFIT[1]
        ),
        "two lengths": Case(post(_GOOD, X_Y="a\r\nContent-Length: 3"), *_UNFIT),
        "negative length": Case(post(_GOOD, Content_Length="-1"), *_UNFIT),
        "length that is not a number": Case(post(_GOOD, Content_Length="5x"), *_UNFIT),
        "hexadecimal length": Case(post(_GOOD, Content_Length="0x10"), *_UNFIT),
        "length too short": Case(post(_GOOD, Content_Length="5"), *_UNFIT),
        "chunk without a size": Case(head(_POST, _CHUNKED) + b"x\r\n" + _GOOD, *_UNFIT),
        "chunk with a huge size": Case(head(_POST, _CHUNKED) + b"f" * 32 + b"\r\n" + _GOOD, (400, 413), _LARGE_HEAD[1]),
        "chunk with a negative size": Case(head(_POST, _CHUNKED) + b"-5\r\n" + _GOOD, *_UNFIT),
        "chunk longer than its size": Case(head(_POST, _CHUNKED) + b"5\r\n" + _GOOD + b"\r\n0\r\n\r\n", *_UNFIT),
        "other encoding": Case(post(_GOOD, Transfer_Encoding="gzip"), (400, 501), _UNFIT[1]),
        "chunks": Case(head(_POST, _CHUNKED) + _SAID + b"0\r\n\r\n", _OK),
        "one byte per chunk": Case(
            head(_POST, _CHUNKED) + b"".join(b"1\r\n%c\r\n" % byte for byte in _GOOD) + b"0\r\n\r\n", _OK
        ),
        "HTTP/1.0": Case(head("POST /graphql HTTP/1.0", _LENGTH) + _GOOD, _OK),
        "no version": Case(b"GET /graphql\r\n\r\n", (0, 400, 401), (*_UNFIT[1], "UNAUTHENTICATED")),
        "HTTP/9.9": Case(head("POST /graphql HTTP/9.9", _LENGTH) + _GOOD, *_UNFIT),
        "HTTP/2": Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", *_UNFIT),
        "TLS": Case(bytes.fromhex("160301008f0100008b0303") + bytes(range(128)), (0, 400), _UNFIT[1]),
        "noise": Case(bytes(range(256)) * 40, (0, 400), _UNFIT[1]),
        "bare line feeds": Case(
            b"POST /graphql HTTP/1.1\nHost: x\n\n", (400, 401, 415), (*_UNFIT[1], "UNAUTHENTICATED")
        ),
        "absolute target": Case(
            head("POST http://evil.example/graphql HTTP/1.1", _LENGTH) + _GOOD, (200, 400), _UNFIT[1]
        ),
        "authority as the target": Case(
            head("CONNECT evil.example:443 HTTP/1.1", {}),
            (400, 404, 405),
            ("BAD_USER_INPUT", "METHOD_NOT_ALLOWED", "NOT_FOUND"),
        ),
        "star as the target": Case(
            head("OPTIONS * HTTP/1.1", {}), (400, 404, 405), ("BAD_USER_INPUT", "METHOD_NOT_ALLOWED", "NOT_FOUND")
        ),
        "line break in the target": Case(head("POST /graphql\rX: y HTTP/1.1", _LENGTH), *_UNFIT),
        "target that is not ASCII": Case(
            head("POST /graphql\xff HTTP/1.1", _LENGTH) + _GOOD, (400, 404), ("BAD_USER_INPUT", "NOT_FOUND")
        ),
        "target of 100 kB": Case(
            head(f"POST /{'a' * 100_000} HTTP/1.1", _LENGTH) + _GOOD,
            (400, 404, 414, 431),
            (*_LARGE_HEAD[1], "NOT_FOUND"),
        ),
        "no host": Case(head(_POST, _LENGTH | {"Host": None}) + _GOOD, (200, 400), _UNFIT[1]),
    },
}
