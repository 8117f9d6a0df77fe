"""`stream_usage`: ask for the usage of a chat stream whose caller said nothing about it.

The option goes into our copy of the arguments, and the one chunk that it adds is hidden again,
so the caller sees the chunks of a call without us. `auto` asks only servers known to accept the
option. `always` asks every server: one that refuses it answers 400, and the call fails as it would
if the caller had asked, so it is for servers that are known to accept it. Nothing is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pulse_otel.instrumentation.reading import given, read, text

_AZURE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_AZURE_SINCE = "2024-09-01"  # the first dated api-version that knows the option


def ask_for_usage(policy: str, client: Any, kwargs: dict[str, Any]) -> bool:
    """Add ``include_usage`` to `kwargs` if `policy` and the call allow it; whether it was added.

    `auto` does it towards OpenAI's own hosts and Azure only, `always` towards any server, and
    no policy touches a raw mode or a call that says something about it itself.
    """
    if policy == "never" or kwargs.get("stream") is not True or _spoken_for(kwargs):
        return False
    if policy != "always" and not _knows_the_option(client):
        return False
    kwargs["stream_options"] = {"include_usage": True}
    return True


def is_usage_chunk(chunk: Any) -> bool:
    """The chunk that the option adds: usage, and no choices."""
    return read(chunk, "usage") is not None and not read(chunk, "choices")


def _spoken_for(kwargs: Mapping[str, Any]) -> bool:
    if given(kwargs.get("stream_options")):
        return True
    body, headers = kwargs.get("extra_body"), kwargs.get("extra_headers")
    if isinstance(body, Mapping) and "stream_options" in body:
        return True
    names = [str(name).lower() for name in headers] if isinstance(headers, Mapping) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "x-stainless-raw-response" in names


def _knows_the_option(client: Any) -> bool:
    host = text(read(client, "base_url", "host")) or ""
    if host == "api.openai.com" or host.endswith(".api.openai.com"):
        return True
    version = text(read(client, "_api_version")) or ""
    dated = _AZURE_DATE.match(version)
    return host.endswith(".openai.azure.com") and bool(dated and dated[0] >= _AZURE_SINCE)
