"""Draw the picture that a made-up customer sends."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator


def _picture(width: int = 240, height: int = 150) -> str:
    """A PNG of a lamp: a yellow circle of light on a wall."""
    rows = b"".join(b"\0" + bytes(_pixels(width, height, y)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixels(width: int, height: int, y: int) -> Iterator[int]:
    for x in range(width):
        near = max(0.0, 1 - (((x - width / 2) ** 2 + (y - height / 3) ** 2) ** 0.5) / 80)
        shade = abs(x - width / 2) < 26 + (y - 40) * 0.5 and 40 < y < 80
        stem = abs(x - width / 2) < 4 and 80 <= y < 135
        base = (60, 66, 82) if not (shade or stem) else (196, 152, 72)
        yield from (
            min(255, int(colour + near * glow))
            for colour, glow in zip(base, (170, 140, 60), strict=True)
        )


LAMP = _picture()
"""A PNG in base64."""
