"""A scripted WebSocket server on loopback, and the two ways to talk to it: sync and async."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 17,
}
CUT = "cut"  # in a script: the connection breaks
BYE = "bye"  # the server closes it in an orderly way
ASKS = ("response.create", "input_audio_buffer.commit", "session.update")


class SocketServer:
    """Answers each message in `ASKS` with the next of `script`, a list of events."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list[list[Any]] = []
        self.received: list[dict[str, Any]] = []

    def handle(self, socket: Any) -> None:
        for message in socket:
            event = json.loads(message)
            self.received.append(event)
            if event["type"] not in ASKS:
                continue
            for answer in self.script.pop(0):
                if answer in (CUT, BYE):
                    socket.close(1011 if answer == CUT else 1000)
                    return
                socket.send(json.dumps(answer))


@contextmanager
def serving() -> Iterator[SocketServer]:
    from websockets.sync.server import serve

    running = SocketServer("")
    with serve(running.handle, "127.0.0.1", 0) as server:
        running.url = f"127.0.0.1:{server.socket.getsockname()[1]}/v1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join(10)


def response(identity: str, status: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "m", "type": "message", "role": "assistant", "content": content}
    return {
        "id": identity,
        "object": "response",
        "model": "gpt-5-mini-2026",
        "status": status,
        "output": [] if text is None else [{**message, "status": "completed"}],
        **more,
    }


def begun(identity: str, **more: Any) -> dict[str, Any]:
    whole = response(identity, "in_progress")
    return {"type": "response.created", "response": whole, "sequence_number": 0, **more}


def delta(text: str, **more: Any) -> dict[str, Any]:
    where = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
    return (
        {"type": "response.output_text.delta", "delta": text, "sequence_number": 1} | where | more
    )


def done(identity: str, text: str, **more: Any) -> dict[str, Any]:
    whole = response(identity, "completed", text, usage=USAGE)
    return {"type": "response.completed", "response": whole, "sequence_number": 2, **more}


def answer(identity: str, text: str, **more: Any) -> list[Any]:
    return [begun(identity, **more), delta(text, **more), done(identity, text, **more)]


Step = tuple[str, Any]
"""("send", event), ("until", event type), ("call", what is done with the connection), or
("raise", an exception): in the order in which the program does them."""


class Seen:
    """What a program got of a connection."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.raised: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seen) and vars(self) == vars(other)

    def note(self, event: Any) -> str:
        self.events.append((type(event).__name__, event.to_dict()))
        return str(event.type)


def talk(connect: Callable[[], Any], steps: list[Step]) -> Seen:
    seen = Seen()
    try:
        with connect() as connection:
            for kind, what in steps:
                if kind == "send":
                    connection.send(what)
                elif kind == "call":
                    what(connection)
                elif kind == "raise":
                    raise what
                else:
                    next((e for e in connection if seen.note(e) == what), None)
    except BaseException as error:  # noqa: BLE001 - whatever the SDK raises
        seen.raised = repr(error)
    return seen


def talk_async(connect: Callable[[], Any], steps: list[Step], close: Any = None) -> Seen:
    seen = Seen()

    async def main() -> None:
        async with connect() as connection:
            for kind, what in steps:
                if kind == "send":
                    await connection.send(what)
                elif kind == "call":
                    await what(connection)
                elif kind == "raise":
                    raise what
                else:
                    async for event in connection:
                        if seen.note(event) == what:
                            break

    async def whole() -> None:
        try:
            await main()
        except BaseException as error:  # noqa: BLE001 - the same
            seen.raised = repr(error)
        if close is not None:
            await close()

    asyncio.run(whole())
    return seen
