"""Who may use a server on loopback: programs of this machine, and its own pages."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK_NAME = re.compile(
    r"(?:(?:[a-z0-9_-]+\.)*localhost|127(?:\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}"
    r"|\[::1\])(?::[0-9]{1,5})?",
    re.IGNORECASE | re.ASCII,
)
_MISDIRECTED = PlainTextResponse(
    "421 Misdirected Request: this server answers requests to loopback names only,"
    " with any port: localhost, *.localhost, 127.0.0.0/8, [::1].\n",
    status_code=421,
)
_FOREIGN = PlainTextResponse(
    "403 Forbidden: this server answers programs and its own pages,"
    " and no web page of another origin.\n",
    status_code=403,
)
_OWN_SITE = ("same-origin", "none")  # none: typed in, a bookmark, a link in a terminal
_ANSWER_HEADERS = {
    # For browsers that do not say where a request comes from: no other page embeds an answer, or
    # holds on to a window of ours.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class LocalClientsOnly:
    """Refuse other names in the Host header with 421, and web pages of other origins with 403.

    A web page whose name resolves to 127.0.0.1 (DNS rebinding) could otherwise read every prompt,
    and any page could send forms and plain text. Programs send neither Origin nor Sec-Fetch-Site;
    browsers send one of them with everything that a page can do, except opening a link.
    Starlette's TrustedHostMiddleware knows neither address ranges nor a message of ours.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        app = self._app
        if not _names_loopback(headers.getlist("host")):
            app = _MISDIRECTED
        elif not (_of_own_origin(headers) and (_of_own_site(headers) or _opens(scope, headers))):
            app = _FOREIGN

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_ANSWER_HEADERS)
            await send(message)

        await app(scope, receive, send_guarded)


def _names_loopback(hosts: list[str]) -> bool:
    return len(hosts) == 1 and _LOOPBACK_NAME.fullmatch(hosts[0]) is not None


def _of_own_origin(headers: Headers) -> bool:
    own = f"http://{headers['host']}".lower()
    return all(origin.lower() == own for origin in headers.getlist("origin"))


def _of_own_site(headers: Headers) -> bool:
    # Another port of localhost is the same site and another origin.
    return all(site in _OWN_SITE for site in headers.getlist("sec-fetch-site"))


def _opens(scope: Scope, headers: Headers) -> bool:
    """Whether a link elsewhere is opened in a window of its own, which no other page can read."""
    document = headers.get("sec-fetch-mode") == "navigate"
    document = document and headers.get("sec-fetch-dest") == "document"
    return document and scope["method"] in ("GET", "HEAD")
