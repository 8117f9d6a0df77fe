"""Define a reply, and what the replies of all APIs share."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

DEFAULT_TEXT: Final = "Hello! Paris is sunny."

_serial = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Reply:
    """The answer to one request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    delay_s: float = 0.0
    """Pause before the status line and the headers."""
    chunks: tuple[bytes, ...] | None = None
    """A streamed body, sent in these pieces, in place of `body`."""
    chunk_delay_s: float = 0.0
    """Pause before each chunk but the first."""
    cut: bool = False
    """Drop the connection after the last byte, without ending the body."""

    def cut_after(self, count: int) -> Reply:
        """Return the same stream, dropped after its first `count` chunks."""
        return dataclasses.replace(self, chunks=(self.chunks or ())[:count], cut=True)


@dataclasses.dataclass(frozen=True)
class ToolCall:
    """A tool call that the model asks for."""

    name: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    id: str | None = None


def new_id(prefix: str) -> str:
    """Return an identifier that no other reply of this process has."""
    return f"{prefix}_{next(_serial):08d}"


def to_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def streamed(chunks: Iterable[bytes], chunk_delay_s: float) -> Reply:
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    return Reply(headers=headers, chunks=tuple(chunks), chunk_delay_s=chunk_delay_s)


def pieces(text: str | None) -> list[str]:
    """Split `text` into words, as models stream it; joined, they are the same text."""
    words = (text or "").split(" ")
    return [word if index == 0 else f" {word}" for index, word in enumerate(words) if word or index]


def text_beside_tools(text: str | None, tool_calls: Sequence[ToolCall]) -> str | None:
    """Leave out the default text beside tool calls: a model that calls tools rarely adds text."""
    return None if tool_calls and text == DEFAULT_TEXT else text
