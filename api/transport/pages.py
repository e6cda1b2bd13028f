"""GraphiQL as it is built from `api/graphiql`: a page and its assets, of which nothing comes from elsewhere."""

import asyncio
import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

BUILT = Path(__file__).parents[1] / "static" / "graphiql"
_MISSING = "GraphiQL is not built: run `make graphiql`.\n"
_WELCOME = "This is Shortship, a GraphQL API: POST operations to /graphql, with `Authorization: Bearer <token>`.\n"
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "connect-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # the editor writes styles as it runs
    "font-src 'self' data:",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
_SECURITY = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Not left to what the machine thinks of names.
_MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".ttf": "font/ttf"}
_REFUSED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def routes(*, is_on: bool) -> list[BaseRoute]:
    """What leads to the page, and where it is on what it loads.

    The demo answers / and /graphiql/config.json itself, with its steps, its token and its tabs.
    """
    leading = [Route(path, _lead) for path in ("/graphiql", "/graphiql/")]
    if not is_on:
        return [Route("/", _welcome), *leading]
    loaded = [Route("/graphiql/config.json", _config), Route("/graphiql/assets/{name}", _asset)]
    return [Route("/", _lead), *leading, *loaded]


async def page(request: Request) -> Response:
    """GraphiQL, or how to build it."""
    built = BUILT / "index.html"
    if await asyncio.to_thread(built.is_file):
        response = _file(built, request, caching="no-cache")
        response.headers.add_vary_header("Accept")  # to others the same address answers with JSON
        return response
    return PlainTextResponse(_MISSING, 404)


def config(**settings: object) -> Response:
    """What the page has to know: the headers that it begins with, and tabs if there are any."""
    return JSONResponse(settings, headers=_SECURITY | {"Cache-Control": "no-store"})


async def _welcome(_request: Request) -> Response:
    return PlainTextResponse(_WELCOME)


async def _lead(_request: Request) -> Response:
    """To the page, or to what it says where it is off; without the host, for a request may name any."""
    return RedirectResponse("/graphql", 303)


async def _config(_request: Request) -> Response:
    return config(headers={"Authorization": "Bearer "})


def _asset(request: Request) -> Response:  # outside the event loop
    name = request.path_params["name"]
    # Compared with what there is: no name leads out of the folder.
    asset = next((path for path in BUILT.glob("assets/*") if path.name == name), None)
    if asset is None or asset.suffix not in _MEDIA_TYPES:
        raise HTTPException(404)
    return _file(asset, request, caching="public, max-age=31536000, immutable")  # the name has a hash of it


def _file(path: Path, request: Request, *, caching: str) -> Response:
    headers = _SECURITY | {"Cache-Control": caching, "Vary": "Accept-Encoding"}
    sent = path
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        sent = path.with_name(f"{path.name}.gz")
    return FileResponse(sent, headers=headers, media_type=_MEDIA_TYPES[path.suffix])


def _takes_gzip(accept_encoding: str) -> bool:
    codings = (coding.partition(";") for coding in accept_encoding.lower().split(","))
    taken = {name.strip(): not _REFUSED.fullmatch(weight) for name, _, weight in codings}
    return taken.get("gzip", taken.get("*", False))
