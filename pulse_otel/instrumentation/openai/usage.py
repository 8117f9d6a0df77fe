"""Ask for the usage of a chat stream on the caller's behalf (`stream_usage`).

The option goes into our copy of the request, and what it adds is hidden: the chunk with the usage,
and the empty usage that OpenAI and Azure then write into every other chunk. The caller sees the
chunks of a call without us. `auto` asks only servers that are known to accept the option, and whose
chunks have no usage without it. `always` asks every server: one that refuses the option answers
400, and the call fails. No request is sent twice.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pulse_otel.instrumentation.openai import chat_chunks
from pulse_otel.instrumentation.reading import given, read, text

OPTION = {"stream_options": {"include_usage": True}}
_RAW_MODE = "x-stainless-raw-response"
_AZURE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_AZURE_SINCE = "2024-09-01"  # the first dated api-version that knows the option


def usage_option(policy: str, client: Any, options: Any) -> Mapping[str, Any] | None:
    """Return what to add to the body of the request with the SDK's `options`, if anything.

    `auto` asks OpenAI's own hosts and Azure, `always` any server. No policy touches a
    request with ``stream_options``, or one of `with_streaming_response`.
    """
    body, extra = options.json_data, options.extra_json
    if policy == "never" or not isinstance(body, dict):
        return None
    if extra is None or not isinstance(extra, Mapping):
        extra = {}
    if extra.get("stream", body.get("stream")) is not True:
        return None
    if given(body.get("stream_options")) or "stream_options" in extra:
        return None
    headers = options.headers if isinstance(options.headers, Mapping) else {}
    raw = {str(name).lower(): value for name, value in headers.items()}.get(_RAW_MODE, "true")
    if raw != "true":  # the caller of `with_streaming_response` reads the body as it arrives
        return None
    return OPTION if policy == "always" or _knows_the_option(client) else None


def hide_usage(chunk: Any) -> bool:
    """Return whether `chunk` holds the usage alone; let any other look as if nobody had asked.

    OpenAI documents that a chunk has a usage only if asked for, and that it is null in all chunks
    but the last.
    """
    if read(chunk, "usage") is not None:
        return not read(chunk, "choices")
    _hide_empty_usage(chunk)
    return False


def _hide_empty_usage(chunk: Any) -> None:
    fields_set = getattr(chunk, "model_fields_set", None)
    if fields_set is not None:
        fields_set.discard("usage")


def add_shown_piece(chunk: Any, chunks: list[Any]) -> bool:
    """Append the text of a chunk that only adds text, which has no usage to show."""
    if not chat_chunks.add_piece(chunk, chunks):
        return False
    _hide_empty_usage(chunk)
    return True


def _knows_the_option(client: Any) -> bool:
    host = text(read(client, "base_url", "host")) or ""
    if host == "api.openai.com" or host.endswith(".api.openai.com"):
        return True
    version = text(read(client, "_api_version")) or ""
    dated = _AZURE_DATE.match(version)
    return host.endswith(".openai.azure.com") and bool(dated and dated[0] >= _AZURE_SINCE)
