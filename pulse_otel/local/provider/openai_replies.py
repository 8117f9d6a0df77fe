"""Make replies in the shape of the OpenAI chat completions API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulse_otel.local.provider.reply import (
    DEFAULT_TEXT,
    Reply,
    ToolCall,
    new_id,
    pieces,
    streamed,
    text_beside_tools,
    to_json,
)

OPENAI_MODEL: Final = "gpt-4o-mini-2024-07-18"

_ERRORS: Final[Mapping[int, tuple[str, str | None, str]]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached."),
    500: ("server_error", None, "The server had an error."),
    503: ("server_error", None, "The engine is overloaded."),
}


def chat(
    text: str | None = DEFAULT_TEXT,
    *,
    model: str = OPENAI_MODEL,
    prompt_tokens: int = 120,
    cached_tokens: int = 64,
    completion_tokens: int = 45,
    reasoning_tokens: int = 20,
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    refusal: str | None = None,
) -> Reply:
    """Make a chat completion; with tool calls it has no text unless one is given."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text_beside_tools(text, tool_calls),
        "refusal": refusal,
        "annotations": [],
    }
    if tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in tool_calls]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason or ("tool_calls" if tool_calls else "stop"),
    }
    head = _head("chat.completion", model)
    usage = _usage(prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens)
    return Reply(body=to_json({**head, "choices": [choice], "usage": usage}))


def chat_stream(
    text: str | None = DEFAULT_TEXT,
    *,
    model: str = OPENAI_MODEL,
    include_usage: bool = False,
    prompt_tokens: int = 120,
    cached_tokens: int = 64,
    completion_tokens: int = 45,
    reasoning_tokens: int = 20,
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    chunk_delay_s: float = 0.0,
) -> Reply:
    """Make a chat completion as server-sent events; usage comes last, and only if requested."""
    head = _head("chat.completion.chunk", model)
    if include_usage:
        head["usage"] = None
    said = text_beside_tools(text, tool_calls)
    opening = {"role": "assistant", "content": None if said is None else "", "refusal": None}
    deltas: list[dict[str, Any]] = [opening]
    deltas += [{"content": piece} for piece in pieces(said)]
    for index, call in enumerate(tool_calls):
        deltas += _tool_deltas(index, call)
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas
    ]
    end = finish_reason or ("tool_calls" if tool_calls else "stop")
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": end})
    events: list[dict[str, Any]] = [{**head, "choices": [choice]} for choice in choices]
    if include_usage:
        usage = _usage(prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens)
        events.append({**head, "choices": [], "usage": usage})
    chunks = [b"data: " + to_json(event) + b"\n\n" for event in events]
    return streamed([*chunks, b"data: [DONE]\n\n"], chunk_delay_s)


def openai_error(
    status: int,
    text: str | None = None,
    *,
    type: str | None = None,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Make an error of the OpenAI API; what is not given follows from the status."""
    usual_type, usual_code, usual_text = _ERRORS.get(status, _ERRORS[500])
    error = {
        "message": text or usual_text,
        "type": type or usual_type,
        "param": param,
        "code": code or usual_code,
    }
    return Reply(status=status, body=to_json({"error": error}), headers=headers or {})


def _head(kind: str, model: str) -> dict[str, Any]:
    return {
        "id": new_id("chatcmpl"),
        "object": kind,
        "created": 1_767_225_600,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _usage(prompt: int, cached: int, completion: int, reasoning: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {"id": call.id or new_id("call"), "type": "function", "function": function}


def _tool_deltas(index: int, call: ToolCall) -> list[dict[str, Any]]:
    whole = _tool_call(call)
    arguments: str = whole["function"]["arguments"]
    opening = {**whole, "index": index, "function": {"name": call.name, "arguments": ""}}
    halves = (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :])
    rest = [{"index": index, "function": {"arguments": half}} for half in halves]
    return [{"tool_calls": [delta]} for delta in (opening, *rest)]
