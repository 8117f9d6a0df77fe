"""Text completions, the endpoint before chat: request, response and chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    integer,
    items,
    number,
    other_parameters,
    read,
    strings,
    text,
)

_REQUEST: tuple[Rule, ...] = (
    (("max_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("frequency_penalty",), semconv.REQUEST_FREQUENCY_PENALTY, number),
    (("presence_penalty",), semconv.REQUEST_PRESENCE_PENALTY, number),
    (("stop",), semconv.REQUEST_STOP_SEQUENCES, strings),
    (("seed",), semconv.REQUEST_SEED, integer),
    (("n",), semconv.REQUEST_CHOICE_COUNT, lambda n: integer(n) if n != 1 else None),
    (("stream",), semconv.REQUEST_STREAM, lambda value: True if value is True else None),
)
_OTHER_PARAMETERS = (
    "best_of",
    "echo",
    "logit_bias",
    "logprobs",
    "stream_options",
    "suffix",
    "user",
)
_RESPONSE: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, text),
    (("model",), semconv.RESPONSE_MODEL, text),
    (("system_fingerprint",), semconv.OPENAI_SYSTEM_FINGERPRINT, text),
    (("usage", "prompt_tokens"), semconv.INPUT_TOKENS, integer),
    (("usage", "completion_tokens"), semconv.OUTPUT_TOKENS, integer),
    (("usage", "prompt_tokens_details", "cached_tokens"), semconv.CACHE_READ_TOKENS, integer),
)


def texts(value: Any) -> list[str]:
    """Text or texts; prompts may also be numbers of tokens, which are counted, not listed."""
    found = strings(value)
    if found is not None:
        return found
    listed = items(value)
    if listed and all(isinstance(item, int) for item in listed):
        return [f"[{len(listed)} tokens]"]
    return [f"[{len(items(item))} tokens]" for item in listed if items(item)]


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request."""
    attributes = extract(request, _REQUEST)
    prompts = texts(request.get("prompt")) if content else []
    if prompts:
        attributes[semconv.INPUT_MESSAGES] = [
            {"role": "user", "parts": [{"type": "text", "content": prompt}]} for prompt in prompts
        ]
    if content:
        attributes |= other_parameters(request, _OTHER_PARAMETERS)
    return attributes


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a completion, whole or assembled."""
    attributes = extract(response, _RESPONSE)
    choices = items(read(response, "choices"))
    if choices:
        raw = [text(read(choice, "finish_reason")) or "" for choice in choices]
        attributes[semconv.FINISH_REASONS] = [reason or "error" for reason in raw]
        attributes[semconv.PULSE_RAW_FINISH_REASONS] = raw
    if choices and content:
        attributes[semconv.OUTPUT_MESSAGES] = [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": text(read(choice, "text")) or ""}],
                "finish_reason": text(read(choice, "finish_reason")) or "error",
            }
            for choice in choices
        ]
    return attributes


def assemble(chunks: list[Any]) -> dict[str, Any]:
    """One completion of a stream's chunks, as far as it got."""
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
