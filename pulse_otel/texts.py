"""Text that the service takes: without NUL and lone surrogates, which its database refuses.

Bytes are counted in UTF-8 (contract §2.3, §3.6).
"""

from __future__ import annotations

from enum import Enum
from typing import cast

from pulse_otel.kinds import stored

REPLACEMENT = b"\xef\xbf\xbd"  # U+FFFD


def as_text(value: object) -> str:
    """Return the text that an encoder writes for `value`: of an enumeration's member, its value."""
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(cast("str", value))
    return as_text(stored(value, "_value_")) if issubclass(kind, Enum) else str(value)


def scrub(text: str) -> str:
    """Return `text` with U+FFFD in place of each NUL and lone surrogate."""
    if type(text) is not str:
        text = as_text(text)
    if "\x00" not in text and (text.isascii() or encodable(text)):
        return text  # nearly always; a search in a long text takes far longer than to encode it
    text = text.replace("\x00", "\ufffd")
    return text if encodable(text) else utf8(text).decode()


def encodable(text: str) -> bool:
    """Return whether `text` has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def utf8(text: str) -> bytes:
    """Return `text`, which has no NUL, in UTF-8, with U+FFFD in place of each lone surrogate.

    The codec writes a question mark for each, a hundred times as fast as a pattern replaces them.
    """
    marked = text.replace("?", "\x00").encode("utf-8", "replace")
    return marked.replace(b"?", REPLACEMENT).replace(b"\x00", b"?")


def clip(text: str, limit_bytes: int, unread_bytes: int = 0, about: str = "") -> str:
    """Return `text` cut to at most `limit_bytes`, with a marker that says how much was cut.

    `unread_bytes` were cut from its end before; `about` says how well that is known.
    """
    size = size_bytes(text) + unread_bytes
    if size <= limit_bytes:
        return text
    marker = f"… [{about}{size - limit_bytes} bytes cut]"
    keep = max(0, limit_bytes - len(marker.encode()))
    return text.encode("utf-8", "replace")[:keep].decode("utf-8", "ignore") + marker


def size_bytes(text: str) -> int:
    """Return the length of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
