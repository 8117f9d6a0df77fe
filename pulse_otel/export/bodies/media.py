"""Replaces images, audio and files by a note with their type, size and hash."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from pulse_otel.values import MAX_DEPTH, plain

_LEAST = 256  # shorter base64 is not a medium, or not worth a note
_LONGEST_START = 1024  # of a data URL: its type and parameters
_DATA_URL = re.compile(r"\Adata:([\w.+/-]{0,127})(?:;[\w=.+-]{1,127})*;base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}")
# Fields that hold base64 in the APIs' shapes
_DATA_KEYS = frozenset(("data", "b64_json", "file_data"))
_GENERATED = ("result", "image_generation_call")  # field and type of a Responses item
_IMAGE = _GENERATED[1].encode()
_SEMICOLON = ord(";")


def may_hold_media(json: bytes) -> bool:
    """Return whether `without_media` may change the value with this JSON."""
    # One byte is found far faster than more of them, and `find` is faster than `in`, which first
    # tries to read its operand as a number. What is looked for by `in` is so after a hit only.
    if _SEMICOLON in json and b";base64," in json:
        return True
    if json.find(b'data":') >= 0 and (b'"data":' in json or b'"file_data":' in json):
        return True
    return json.find(b'"b64_json":') >= 0 or json.find(_IMAGE) >= 0


_TYPE_KEYS = ("media_type", "mime_type", "mediaType", "format", "modality", "type")


def without_media(value: Any, depth: int = 0) -> Any:
    """Return a copy of `value` with base64 replaced by a note, at most `MAX_DEPTH` deep."""
    if isinstance(value, str):
        return url_note(value) if value.startswith("data:") else value
    if isinstance(value, (dict, list, tuple)) and depth >= MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(key): _field(value, key, item, depth)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_media(item, depth + 1) for item in value]
    return plain(value)  # numbers that JSON cannot express, and other types


def _field(holder: Mapping[Any, Any], key: object, item: Any, depth: int) -> Any:
    if isinstance(item, str) and len(item) < _LEAST:
        return item
    if isinstance(item, str) and _holds_data(holder, key):
        kinds = (holder.get(name) for name in _TYPE_KEYS)
        kind = next((kind for kind in kinds if isinstance(kind, str)), "base64")
        return media_note(kind[:64], item) if _is_base64(item) else without_media(item)
    return without_media(item, depth + 1)


def _holds_data(holder: Mapping[Any, Any], key: object) -> bool:
    return key in _DATA_KEYS or (key, holder.get("type")) == _GENERATED


def _is_base64(text: str) -> bool:
    # With `\s*` at its end, the pattern would try every split of a run of newlines.
    return _BASE64.fullmatch(text.rstrip()) is not None


def url_note(url: str) -> str:
    """Return what stands for a data URL; any other URL is returned as it is."""
    match = _DATA_URL.match(url[:_LONGEST_START])
    return media_note(match[1] or "data", url[match.end() :]) if match else url


def media_note(kind: str, data: str) -> str:
    """Return what stands for base64, such as ``[image/png, 70 bytes, sha256:3f1a...]``."""
    try:
        content = base64.b64decode(data, altchars=b"-_" if "-" in data or "_" in data else None)
    except (binascii.Error, ValueError):  # cut when it was recorded, or not base64
        content = data.encode("utf-8", "replace")
        kind = f"{kind} as recorded"
    digest = hashlib.sha256(content, usedforsecurity=False).hexdigest()
    return f"[{kind}, {len(content)} bytes, sha256:{digest[:16]}]"
