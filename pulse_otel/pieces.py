"""JSON in pieces, which are copied once, at the end, however deep a piece lies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeAlias

from pulse_otel.values import to_json_bytes

PIECES = 16  # a sequence is encoded in so many pieces; the one that does not fit, in as many again
_TEXT_PIECE = 1 << 14  # a shorter text is encoded at once, as most fit


class Pieces:
    """JSON in pieces; its length is in bytes."""

    __slots__ = ("_size", "parts")

    def __init__(self, parts: list[bytes]) -> None:
        """Count the bytes of `parts`."""
        self.parts = parts
        self._size = sum(map(len, parts))

    def __len__(self) -> int:
        """Return the bytes of all pieces."""
        return self._size


Json: TypeAlias = "bytes | Pieces"


def in_one(text: Json) -> bytes:
    """Return `text` in one piece."""
    return text if isinstance(text, bytes) else b"".join(text.parts)


def inner(value: object) -> bytes:
    """Return the JSON of `value` without its first and last byte: quotes, brackets or braces."""
    return to_json_bytes(value)[1:-1]


def inner_object(fields: Sequence[tuple[Any, Any]]) -> bytes:
    """Return the JSON of an object of `fields` without its braces."""
    return inner(dict(fields))


def joined(brackets: bytes, texts: Iterable[Json]) -> Pieces:
    """Return a list or an object of `texts`."""
    parts = [brackets[:1]]
    for text in texts:
        parts += (text, b",") if isinstance(text, bytes) else (*text.parts, b",")
    parts[-1] = brackets[1:]
    return Pieces(parts)


def fitting(
    values: Any, room: int, comma: int, encoded: Callable[[Any], bytes], last: bool = False
) -> tuple[list[bytes], int]:
    """Encode the first or last of `values`, as many as fit; return the pieces and their number.

    Each piece takes `comma` bytes more.
    """
    pieces: list[bytes] = []
    count, most = 0, len(values)
    step = max(most // PIECES, _TEXT_PIECE if isinstance(values, str) else 1)
    while count < most:
        until = min(count + step, most)
        piece = encoded(values[most - until : most - count] if last else values[count:until])
        if len(piece) + comma <= room:
            pieces.append(piece)
            room -= len(piece) + comma
            count = until
        elif step == 1:
            break
        else:
            step = max(1, step // PIECES)
    return (pieces[::-1] if last else pieces), count


def size(texts: Collection[Json]) -> int:
    """Return the bytes that `texts` take in a list or an object."""
    return sum(map(len, texts)) + len(texts)
