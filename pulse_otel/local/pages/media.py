"""Describe the media of a conversation, and show images whose bytes were recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages.formatting import as_json

_BASE64 = re.compile("(?:data:([^;,]*)(?:;[^,]*)?,|)([A-Za-z0-9+/_-]{64,}=*)")
_DATA_URL = re.compile("data:([^;,]*)(?:;[^,]*)?,(.*)", re.DOTALL)
_IMAGE_URL = re.compile("data:image/(?:png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/]+=*")
_WHOLE = re.compile("[A-Za-z0-9+/]{64,}=*")
_CUT = "pulse.cut"
# How the bytes of an image begin in base64 -> its type.
_BEGINNINGS: Mapping[str, str] = {
    "iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp",
}  # fmt: skip


def described(value: Json, name: str = "") -> Iterator[str]:
    """Describe media by type and address or size, without the data themselves."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "type":
                yield from described(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from described(item, name)
    elif isinstance(value, str):
        yield _without_data(value)
    elif value is not None:
        yield f"{name} {as_json(value)}"


def _without_data(text: str) -> str:
    """Replace base64 data by their size."""
    found = _DATA_URL.match(text) or _BASE64.match(text)
    if not found:
        return text
    size = "recorded in part" if _CUT in text else f"{len(found[2].rstrip('=')) * 3 // 4:,} bytes"
    return f"{found[1]}, {size}" if found[1] else size


def image_source(value: Json) -> str:
    """Return a data URL of the first image whose bytes are all there; "" if there is none.

    SVG is left out: it is a document rather than an image.
    """
    if isinstance(value, dict):
        sources = (image_source(item) for item in value.values())
        return next((source for source in sources if source), "")
    if not isinstance(value, str):
        return ""
    if _IMAGE_URL.fullmatch(value):
        return value
    kind = next((kind for begin, kind in _BEGINNINGS.items() if value.startswith(begin)), "")
    return f"data:image/{kind};base64,{value}" if kind and _WHOLE.fullmatch(value) else ""
