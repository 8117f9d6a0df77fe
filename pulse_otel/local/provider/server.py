"""Run a scripted provider on loopback, for the demo and for tests."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import itertools
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from types import TracebackType
from typing import Any, Final

from pulse_otel.local.provider.endpoints import ENDPOINTS, Endpoints, default_reply
from pulse_otel.local.provider.received import Received
from pulse_otel.local.provider.reply import Reply
from pulse_otel.local.serving import serving

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON: Final = "application/json"


class ScriptedProvider:
    """Answer like the OpenAI and the Anthropic API: with the enqueued replies, else by default.

    Point the SDK clients at `openai_url` and `anthropic_url`. `endpoints` adds to the table of
    default replies, or replaces entries of it. `delay_s` and `chunk_delay_s` slow down the default
    replies, so that a demo shows believable latencies.
    """

    def __init__(
        self,
        endpoints: Endpoints | None = None,
        *,
        delay_s: float = 0.0,
        chunk_delay_s: float = 0.0,
    ) -> None:
        self._endpoints = {**ENDPOINTS, **(endpoints or {})}
        self._delay_s = delay_s
        self._chunk_delay_s = chunk_delay_s
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._script: collections.deque[Reply] = collections.deque()
        self._run = secrets.token_hex(4)
        self._serial = itertools.count(1)
        self._stack = contextlib.ExitStack()
        self._url: str | None = None

    def __enter__(self) -> ScriptedProvider:
        with contextlib.ExitStack() as stack:
            self._url = stack.enter_context(serving(self._serve))
            stack.enter_context(_quiet_cuts())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The root of the provider, without a final slash; remains known after it has stopped."""
        if self._url is None:
            msg = "the provider is not running: use it as a context manager"
            raise RuntimeError(msg)
        return self._url

    @property
    def openai_url(self) -> str:
        """The `base_url` for an openai client."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The `base_url` for an anthropic client."""
        return self.url

    @property
    def requests(self) -> list[Received]:
        """A copy of the requests received so far, in order."""
        with self._lock:
            return list(self._received)

    def enqueue(self, *replies: Reply) -> None:
        """Answer the next requests with these replies, in order."""
        with self._lock:
            self._script.extend(replies)

    async def _serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve as an ASGI application, without a framework: none can drop a connection."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        body = await _read(receive)
        reply = self._take(Received(scope["method"], scope["path"], headers, body))
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        await _send(reply, f"req_{self._run}{next(self._serial):08d}", send)

    def _take(self, received: Received) -> Reply:
        with self._lock:
            self._received.append(received)
            if self._script:
                return self._script.popleft()
        reply = default_reply(received, self._endpoints)
        reply = dataclasses.replace(reply, chunk_delay_s=self._chunk_delay_s)
        return dataclasses.replace(reply, delay_s=self._delay_s) if self._delay_s else reply


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(reply: Reply, request_id: str, send: Send) -> None:
    headers = {"x-request-id": request_id, "request-id": request_id, "content-type": _JSON}
    headers.update({name.lower(): value for name, value in reply.headers.items()})
    if reply.chunks is None and not reply.cut:
        headers["content-length"] = str(len(reply.body))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    chunks = (reply.body,) if reply.chunks is None else reply.chunks
    for index, chunk in enumerate(chunks):
        if index and reply.chunk_delay_s:
            await asyncio.sleep(reply.chunk_delay_s)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    # Without an end of the body, the server drops the connection.
    if not reply.cut:
        await send({"type": "http.response.body", "body": b""})


class _CutFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing response" not in record.getMessage()


@contextlib.contextmanager
def _quiet_cuts() -> Generator[None]:
    """Keep the server from logging scripted cuts as errors."""
    logger, cuts = logging.getLogger("uvicorn.error"), _CutFilter()
    logger.addFilter(cuts)
    try:
        yield
    finally:
        logger.removeFilter(cuts)
