"""Make streams as Amazon Bedrock sends them: binary frames with one event of the model each.

A frame: total length, length of the headers, checksum of both, headers, payload, checksum.
"""

from __future__ import annotations

import base64
import dataclasses
import struct
import zlib

from pulse_otel.local.provider.reply import Reply, to_json

_HEADERS = {
    ":event-type": "chunk",
    ":content-type": "application/json",
    ":message-type": "event",
}
_STRING = 7  # the type of a header's value


def bedrock_stream(events: Reply) -> Reply:
    """Turn a stream of server-sent events into one of Bedrock; keep its pauses and cuts."""
    chunks = tuple(
        _frame(line[len(b"data: ") :])
        for chunk in events.chunks or ()
        for line in chunk.splitlines()
        if line.startswith(b"data: ")
    )
    headers = {"content-type": "application/vnd.amazon.eventstream"}
    return dataclasses.replace(events, headers=headers, chunks=chunks)


def _frame(event: bytes) -> bytes:
    payload = to_json({"bytes": base64.b64encode(event).decode("ascii")})
    headers = b"".join(_header(name, value) for name, value in _HEADERS.items())
    total = 12 + len(headers) + len(payload) + 4
    prelude = struct.pack("!II", total, len(headers))
    head = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack("!I", zlib.crc32(head))


def _header(name: str, value: str) -> bytes:
    sizes = struct.pack("!B", len(name)), struct.pack("!BH", _STRING, len(value))
    return sizes[0] + name.encode("ascii") + sizes[1] + value.encode("ascii")
