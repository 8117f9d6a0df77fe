"""Read text completions, the endpoint before chat: requests, responses and chunks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.finish_reasons import finish_reason
from pulse_otel.instrumentation.openai.chat import read_choices
from pulse_otel.instrumentation.reading import (
    Rules,
    few_strings,
    filled,
    integer,
    items,
    number,
    read,
    strings,
    text,
    true,
)
from pulse_otel.instrumentation.request_reader import RequestReader

_REQUEST = Rules(
    (("max_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("frequency_penalty",), semconv.REQUEST_FREQUENCY_PENALTY, number),
    (("presence_penalty",), semconv.REQUEST_PRESENCE_PENALTY, number),
    (("stop",), semconv.REQUEST_STOP_SEQUENCES, few_strings),
    (("seed",), semconv.REQUEST_SEED, integer),
    (("n",), semconv.REQUEST_CHOICE_COUNT, lambda n: integer(n) if n != 1 else None),
    (("stream",), semconv.REQUEST_STREAM, true),
)
_RESPONSE = Rules(
    (("id",), semconv.RESPONSE_ID, filled),
    (("model",), semconv.RESPONSE_MODEL, filled),
    (("system_fingerprint",), semconv.OPENAI_SYSTEM_FINGERPRINT, filled),
)


def texts(value: Any) -> list[str]:
    """Return the texts of prompts; prompts given as token numbers are counted instead."""
    found = strings(value)
    if found is not None:
        return found
    listed = items(value)
    if listed and all(isinstance(item, int) for item in listed):
        return [f"[{len(listed)} tokens]"]
    return [f"[{len(items(item))} tokens]" for item in listed if items(item)]


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": prompt}]}
        for prompt in texts(request.get("prompt"))
    ]
    return {semconv.INPUT_MESSAGES: messages} if messages else {}


read_request = RequestReader(_REQUEST, ("prompt",), _content)


def _output(choice: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "role": "assistant",
        "parts": [{"type": "text", "content": text(choice.get("text")) or ""}],
        "finish_reason": finish_reason(text(choice.get("finish_reason"))),
    }


read_response = partial(read_choices, _RESPONSE, _output)


def assemble(chunks: list[Any]) -> dict[str, Any]:
    """Assemble one completion from the chunks of a stream, as far as it got."""
    whole: dict[str, Any] = {}
    pieces: dict[int, list[str]] = {}
    reasons: dict[int, str | None] = {}
    for chunk in chunks:
        for name in ("id", "model", "system_fingerprint", "usage"):
            whole[name] = read(chunk, name) or whole.get(name)
        for choice in items(read(chunk, "choices")):
            index = integer(read(choice, "index")) or 0
            pieces.setdefault(index, []).append(text(read(choice, "text")) or "")
            reasons[index] = text(read(choice, "finish_reason")) or reasons.get(index)
    whole["choices"] = [
        {"text": "".join(pieces[index]), "finish_reason": reasons[index]}
        for index in sorted(pieces)
    ]
    return whole
