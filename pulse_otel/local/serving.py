"""Run an ASGI application on loopback, in a thread of this process."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0
_LOOPBACK_NAME = re.compile(
    r"(?:(?:[a-z0-9_-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?",
    re.IGNORECASE | re.ASCII,
)
_MISDIRECTED = (
    "421 Misdirected Request: this server answers requests to loopback names only,"
    " with any port: localhost, *.localhost, 127.0.0.0/8, [::1].\n"
)


@contextlib.contextmanager
def serving(app: Any, *, port: int = 0) -> Generator[str]:
    """Serve `app` on 127.0.0.1 while the block runs; yield the base URL, without a final slash.

    It answers requests to loopback names only. `port` 0 takes a free port. Raises OSError if the
    port is taken, RuntimeError if the server does not start.
    """
    listener = socket.create_server((HOST, port))
    # Without this, the body, which is written after the head, waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        _LoopbackNamesOnly(app),
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the server at {url} did not start")
            time.sleep(0.005)
        yield url
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


class _LoopbackNamesOnly:
    """Refuses other names in the Host header, with 421.

    A web page whose name resolves to 127.0.0.1 (DNS rebinding) could otherwise read every prompt.
    Starlette's TrustedHostMiddleware knows neither address ranges nor a message of ours.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and not _names_loopback(Headers(scope=scope).getlist("host")):
            app = PlainTextResponse(_MISDIRECTED, status_code=421)
        await app(scope, receive, send)


def _names_loopback(hosts: list[str]) -> bool:
    return len(hosts) == 1 and _LOOPBACK_NAME.fullmatch(hosts[0]) is not None
