"""Read text completions, the API before Messages (in the SDK until 1.0)."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.finish_reasons import finish_reason, finish_reasons
from pulse_otel.instrumentation.reading import (
    Rules,
    few_strings,
    filled,
    integer,
    number,
    read,
    text,
    text_parts,
    true,
    user_message,
)
from pulse_otel.instrumentation.request_reader import RequestReader

_REQUEST = Rules(
    (("max_tokens_to_sample",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("top_k",), semconv.REQUEST_TOP_K, integer),
    (("stop_sequences",), semconv.REQUEST_STOP_SEQUENCES, few_strings),
    (("stream",), semconv.REQUEST_STREAM, true),
)
_RESPONSE = Rules(
    (("id",), semconv.RESPONSE_ID, filled),
    (("model",), semconv.RESPONSE_MODEL, filled),
)

read_request = RequestReader(
    _REQUEST, ("prompt",), lambda request: user_message(text_parts(request.get("prompt")))
)


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a completion, whole or assembled."""
    attributes = _RESPONSE.extract(response)
    answer_text = text(read(response, "completion"))
    raw = text(read(response, "stop_reason"))
    if answer_text is None and raw is None:
        return attributes
    attributes |= finish_reasons([raw])
    if content:
        parts = [{"type": "text", "content": answer_text or ""}]
        answer = {"role": "assistant", "parts": parts, "finish_reason": finish_reason(raw)}
        attributes[semconv.OUTPUT_MESSAGES] = [answer]
    return attributes


def assemble(chunks: list[Any]) -> dict[str, Any]:
    """Assemble one completion from the pieces of a stream, as far as it got."""
    whole: dict[str, Any] = {}
    for chunk in chunks:
        for name in ("id", "model", "stop_reason"):
            value = read(chunk, name)
            if value:
                whole[name] = value
    whole["completion"] = "".join(text(read(chunk, "completion")) or "" for chunk in chunks)
    return whole
