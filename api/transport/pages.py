"""Serves GraphiQL, as built from `api/graphiql`: a page and its assets, nothing from other sites."""

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
    "style-src 'self' 'unsafe-inline'",  # the editor adds styles at run time
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
# Fixed here, since the machine's own table may differ.
_MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".ttf": "font/ttf"}
_REFUSED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def routes(*, is_on: bool) -> list[BaseRoute]:
    """The redirects to the page, and its assets if it is on.

    The demo answers / and /graphiql/config.json itself, with its steps, token and tabs.
    """
    leading = [Route(path, _lead) for path in ("/graphiql", "/graphiql/")]
    if not is_on:
        return [Route("/", _welcome), *leading]
    loaded = [Route("/graphiql/config.json", _config), Route("/graphiql/assets/{name}", _asset)]
    return [Route("/", _lead), *leading, *loaded]


async def page(request: Request) -> Response:
    """GraphiQL, or how to build it if it is missing."""
    built = BUILT / "index.html"
    if await asyncio.to_thread(built.is_file):
        response = _file(built, request, caching="no-cache")
        response.headers.add_vary_header("Accept")  # other clients get JSON at this address
        return response
    return PlainTextResponse(_MISSING, 404)


def config(**settings: object) -> Response:
    """The page's configuration: its initial headers, and its tabs if there are any."""
    return JSONResponse(settings, headers=_SECURITY | {"Cache-Control": "no-store"})


async def _welcome(_request: Request) -> Response:
    return PlainTextResponse(_WELCOME)


async def _lead(_request: Request) -> Response:
    """Redirects to the page, or to the hint that it is off; without a host, since requests may name any."""
    return RedirectResponse("/graphql", 303)


async def _config(_request: Request) -> Response:
    return config(headers={"Authorization": "Bearer "})


def _asset(request: Request) -> Response:  # runs outside the event loop
    name = request.path_params["name"]
    # Compared with existing files, so no name leads out of the folder.
    asset = next((path for path in BUILT.glob("assets/*") if path.name == name), None)
    if asset is None or asset.suffix not in _MEDIA_TYPES:
        raise HTTPException(404)
    return _file(asset, request, caching="public, max-age=31536000, immutable")  # the name contains a hash


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
