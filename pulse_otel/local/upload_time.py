"""End the requests of clients that are too slow: each holds a connection, and what it sent."""

# The server's own protocol has untyped parts:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""The time in s for the head of a request; a connection is closed after at most twice that."""

BODY_S = 30.0
"""The time in s for the body of a request."""


class HeadInTime(H11Protocol):
    """Closes a connection that waits for the head of a request, or for the rest of one answered.

    The server's own timer ends at the first byte.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._look(None, first=True)

    def _look(self, waiting: object, *, first: bool = False) -> None:
        """Close what waits now, and waited at the last look, for the same request."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle  # None before the first request
        idle = cycle is None or cycle.response_complete
        if idle and cycle is waiting and not first:
            self.transport.close()
            return
        self.loop.call_later(HEAD_S, self._look, cycle if idle else self)


class BodyInTime:
    """Tells the application that the client went away if a body takes longer than `BODY_S`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BODY_S
        read = late = False

        async def receive_in_time() -> Message:
            nonlocal read, late
            if read:  # what follows is the end of the connection, for which some wait
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), deadline - loop.time())
            except asyncio.TimeoutError:
                late = True
                return {"type": "http.disconnect"}
            read = not message.get("more_body", False)
            return message

        async def send_closing(message: Message) -> None:
            if late and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive_in_time, send_closing)
