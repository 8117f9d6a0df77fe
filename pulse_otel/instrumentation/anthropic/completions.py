"""Text completions, the API before Messages (in the SDK until 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    integer,
    number,
    read,
    request_content,
    strings,
    text,
)

_REQUEST: tuple[Rule, ...] = (
    (("max_tokens_to_sample",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("top_k",), semconv.REQUEST_TOP_K, integer),
    (("stop_sequences",), semconv.REQUEST_STOP_SEQUENCES, strings),
    (("stream",), semconv.REQUEST_STREAM, lambda value: True if value is True else None),
)
_RESPONSE: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, text),
    (("model",), semconv.RESPONSE_MODEL, text),
)
_FINISH_REASONS = {"stop_sequence": "stop", "max_tokens": "length"}


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request; the API has no usage."""
    attributes = extract(request, _REQUEST)
    prompt = text(request.get("prompt"))
    if not content or prompt is None:
        return attributes
    asked = {"role": "user", "parts": [{"type": "text", "content": prompt}]}
    others = request_content({"metadata": request.get("metadata")}, dict, dict, ("metadata",))
    return {**attributes, **others, semconv.INPUT_MESSAGES: [asked]}


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a completion, whole or assembled."""
    attributes = extract(response, _RESPONSE)
    said = text(read(response, "completion"))
    raw = text(read(response, "stop_reason"))
    if said is None and raw is None:
        return attributes
    reason = _FINISH_REASONS.get(raw, raw) if raw else "error"
    attributes[semconv.FINISH_REASONS] = [reason]
    attributes[semconv.PULSE_RAW_FINISH_REASONS] = [raw or ""]
    if content:
        parts = [{"type": "text", "content": said or ""}]
        answer = {"role": "assistant", "parts": parts, "finish_reason": reason}
        attributes[semconv.OUTPUT_MESSAGES] = [answer]
    return attributes


def assemble(chunks: list[Any]) -> dict[str, Any]:
    """One completion of a stream's pieces, as far as it got."""
    whole: dict[str, Any] = {}
    for chunk in chunks:
        for name in ("id", "model", "stop_reason"):
            value = read(chunk, name)
            if value is not None:
                whole[name] = value
    whole["completion"] = "".join(text(read(chunk, "completion")) or "" for chunk in chunks)
    return whole
