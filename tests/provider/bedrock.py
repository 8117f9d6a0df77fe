"""Make streams as Amazon Bedrock sends them: binary frames with one event of the model each.

A frame: total length, length of the headers, checksum of both, headers, payload, checksum.
"""

from __future__ import annotations

import base64
import dataclasses
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from pulse_otel.local.provider.reply import Reply, to_json

_HEADERS = {":content-type": "application/json", ":message-type": "event"}
_CONTENT = {"content-type": "application/vnd.amazon.eventstream"}
_STRING = 7  # the type of a header's value


def bedrock_stream(events: Reply) -> Reply:
    """Turn a stream of server-sent events into one of Bedrock; keep its pauses and cuts."""
    chunks = tuple(
        _frame(line[len(b"data: ") :])
        for chunk in events.chunks or ()
        for line in chunk.splitlines()
        if line.startswith(b"data: ")
    )
    return dataclasses.replace(events, headers=_CONTENT, chunks=chunks)


def converse_stream(events: Sequence[tuple[str, Mapping[str, Any]]]) -> Reply:
    """Make a stream of Bedrock's own Converse API, of the types and contents of its events."""
    frames = tuple(_typed_frame(kind, to_json(event)) for kind, event in events)
    return Reply(headers=_CONTENT, chunks=frames)


def _frame(event: bytes) -> bytes:
    return _typed_frame("chunk", to_json({"bytes": base64.b64encode(event).decode("ascii")}))


def _typed_frame(kind: str, payload: bytes) -> bytes:
    named = {":event-type": kind, **_HEADERS}
    headers = b"".join(_header(name, value) for name, value in named.items())
    total = 12 + len(headers) + len(payload) + 4
    prelude = struct.pack("!II", total, len(headers))
    head = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack("!I", zlib.crc32(head))


def _header(name: str, value: str) -> bytes:
    sizes = struct.pack("!B", len(name)), struct.pack("!BH", _STRING, len(value))
    return sizes[0] + name.encode("ascii") + sizes[1] + value.encode("ascii")
