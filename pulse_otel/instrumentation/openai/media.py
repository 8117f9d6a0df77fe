"""Images and audio in requests and responses: their type and size, never their bytes."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping
from typing import Any

from pulse_otel.instrumentation.reading import integer, items, present, read, text

_LEAST = 256  # what is shorter is no medium


def base64_bytes(data: str) -> int:
    """How many bytes base64 text stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def described(modality: str, mime_type: str | None, size: int | None) -> dict[str, Any]:
    """A part that stands for a medium, such as ``{"type": "image", "bytes": 1234, ...}``."""
    return present(type=modality, mime_type=mime_type, bytes=size)


def image(picture: Any, image_format: str | None) -> dict[str, Any]:
    """A generated image as a part: where it is, or what it is."""
    url = text(read(picture, "url"))
    if url and not url.startswith("data:"):
        return {"type": "uri", "modality": "image", "uri": url}
    data = text(read(picture, "b64_json")) or (url or "").partition(",")[2]
    return described("image", f"image/{image_format or 'png'}", base64_bytes(data))


def without_data(value: Any) -> Any:
    """`value`, plain data, with ``data:`` URLs of some length replaced by a note."""
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
    """The files of a multipart request: pairs of field and file, or a mapping of them."""
    pairs = list(uploads.items()) if isinstance(uploads, Mapping) else items(uploads)
    return [
        _file(str(pair[0]), pair[1], modality)
        for pair in pairs
        if isinstance(pair, (list, tuple)) and len(pair) == 2
    ]


def _file(field: str, upload: Any, modality: str) -> dict[str, Any]:
    """An upload is bytes, an open file, or a tuple of name, content, type and headers."""
    name, content, mime_type = None, upload, None
    if isinstance(upload, tuple):
        name, content, mime_type, *_ = (*upload, None, None, None)
    name = text(name) or text(getattr(content, "name", None))
    name = os.path.basename(name) if name else None  # folders are the machine's, not the call's
    mime_type = text(mime_type) or mimetypes.guess_type(name or "")[0]
    size = len(content) if isinstance(content, (bytes, bytearray, str)) else None
    part = {**described(modality, mime_type, size), "field": field}
    return {**part, "name": name} if name else part


def received(response: Any) -> tuple[str | None, int | None]:
    """Type and size of a binary body: those of the HTTP response, which is not read by us."""
    http_response = read(response, "response") or response
    headers: Any = read(http_response, "headers")
    kind = headers.get("content-type") if hasattr(headers, "get") else None
    mime_type = (text(kind) or "").partition(";")[0] or None
    return mime_type, integer(read(http_response, "num_bytes_downloaded")) or None
