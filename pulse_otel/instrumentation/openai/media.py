"""Describe images and audio by their type and size, never by their bytes."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping
from typing import Any

from pulse_otel.instrumentation.reading import integer, items, present, read, text

_LEAST = 256  # shorter data is kept


def base64_bytes(data: str) -> int:
    """Return the number of bytes that base64 text encodes."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def described(modality: str, mime_type: str | None, size: int | None) -> dict[str, Any]:
    """Return a part that describes a medium, such as ``{"type": "image", "bytes": 1234, ...}``."""
    return present(type=modality, mime_type=mime_type, bytes=size)


def image(picture: Any, image_format: str | None) -> dict[str, Any]:
    """Return a generated image as a part: its address, or its description."""
    url = text(read(picture, "url"))
    if url and not url.startswith("data:"):
        return {"type": "uri", "modality": "image", "uri": url}
    data = text(read(picture, "b64_json")) or (url or "").partition(",")[2]
    return described("image", f"image/{image_format or 'png'}", base64_bytes(data))


def without_data(value: Any) -> Any:
    """Return `value`, plain data, with long ``data:`` URLs replaced by a note."""
    if isinstance(value, str):
        return _note(value) if value.startswith("data:") and len(value) > _LEAST else value
    if isinstance(value, Mapping):
        return {key: without_data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_data(item) for item in value]
    return value


def _note(url: str) -> str:
    head, _, data = url.partition(",")
    mime_type = head[5:].partition(";")[0] or "data"
    return f"[{mime_type}, {base64_bytes(data)} bytes]"


def files(uploads: Any, modality: str) -> list[dict[str, Any]]:
    """Describe the files of a multipart request: pairs of field and file, or a mapping."""
    pairs = list(uploads.items()) if isinstance(uploads, Mapping) else items(uploads)
    return [
        _file(str(pair[0]), pair[1], modality)
        for pair in pairs
        if isinstance(pair, (list, tuple)) and len(pair) == 2
    ]


def _file(field: str, upload: Any, modality: str) -> dict[str, Any]:
    """Describe an upload: bytes, an open file, or a tuple of name, content, type and headers."""
    name, content, mime_type = None, upload, None
    if isinstance(upload, tuple):
        name, content, mime_type, *_ = (*upload, None, None, None)
    name = text(name) or text(getattr(content, "name", None))
    name = (
        os.path.basename(name) if name else None
    )  # without the folders, which belong to the machine
    mime_type = text(mime_type) or mimetypes.guess_type(name or "")[0]
    size = len(content) if isinstance(content, (bytes, bytearray, str)) else None
    part = {**described(modality, mime_type, size), "field": field}
    return {**part, "name": name} if name else part


def received(response: Any) -> tuple[str | None, int | None]:
    """Return the type and size of a binary body, from the HTTP response; nothing is read."""
    http_response = read(response, "response") or response
    headers: Any = read(http_response, "headers")
    kind = headers.get("content-type") if hasattr(headers, "get") else None
    mime_type = (text(kind) or "").partition(";")[0] or None
    return mime_type, integer(read(http_response, "num_bytes_downloaded")) or None
