"""Request and response bodies in the provider's own shape, rebuilt from GenAI messages.

The service's pages read ``messages`` of a request, and ``choices[0].message.content`` or
``content[0].text`` of a response (contract §3.7).
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulse_otel import semconv
from pulse_otel.values import to_json

_ANTHROPIC = ("anthropic",)

_PARAMETERS = {
    semconv.REQUEST_MODEL: "model",
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_TEMPERATURE: "temperature",
    semconv.REQUEST_TOP_P: "top_p",
    semconv.REQUEST_TOP_K: "top_k",
    semconv.REQUEST_FREQUENCY_PENALTY: "frequency_penalty",
    semconv.REQUEST_PRESENCE_PENALTY: "presence_penalty",
    semconv.REQUEST_SEED: "seed",
    semconv.REQUEST_CHOICE_COUNT: "n",
    semconv.REQUEST_STREAM: "stream",
}

_USAGE_OPENAI = {
    semconv.INPUT_TOKENS: "prompt_tokens",
    semconv.OUTPUT_TOKENS: "completion_tokens",
}
_USAGE_ANTHROPIC = {
    semconv.OUTPUT_TOKENS: "output_tokens",
    semconv.CACHE_READ_TOKENS: "cache_read_input_tokens",
    semconv.CACHE_WRITE_TOKENS: "cache_creation_input_tokens",
}


@dataclass(frozen=True, slots=True)
class Content:
    """The content attributes of a span, parsed; None where it has none."""

    system: Any = None
    input: Any = None
    output: Any = None
    tools: Any = None
    parameters: Any = None
    raw_finish_reasons: list[str] | None = None


def answer_text(output: Any) -> str | None:
    """The text of the first answer."""
    for message in _dicts(output):
        pieces = [
            part.get("content")
            for part in _dicts(message.get("parts"))
            if part.get("type") == "text"
        ]
        return "".join(piece for piece in pieces if isinstance(piece, str)) or None
    return None


def request(attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """The request as the provider's API takes it; without content, its parameters alone."""
    anthropic = attributes.get(semconv.PROVIDER_NAME) in _ANTHROPIC
    body: dict[str, Any] = {
        name: attributes[key] for key, name in _PARAMETERS.items() if key in attributes
    }
    stop = attributes.get(semconv.REQUEST_STOP_SEQUENCES)
    if stop:
        body["stop_sequences" if anthropic else "stop"] = list(stop)
    if isinstance(content.parameters, dict):
        body |= content.parameters
    system = _dicts(content.system)
    if system:
        body["system"] = _flat(system, _anthropic_block)
    if content.input is not None:
        write = _anthropic_messages if anthropic else _openai_messages
        body["messages"] = [item for message in _dicts(content.input) for item in write(message)]
    tools = [_tool(tool, anthropic) for tool in _dicts(content.tools)]
    return {**body, "tools": tools} if tools else body


def response(attributes: Mapping[str, Any], content: Content) -> dict[str, Any] | None:
    """The response as the provider's API gives it, as far as it is known."""
    anthropic = attributes.get(semconv.PROVIDER_NAME) in _ANTHROPIC
    body: dict[str, Any] = {}
    for key, name in ((semconv.RESPONSE_ID, "id"), (semconv.RESPONSE_MODEL, "model")):
        if key in attributes:
            body[name] = attributes[key]
    output = _dicts(content.output)
    raw = content.raw_finish_reasons or []
    if anthropic and output:
        body["role"] = "assistant"
        body["content"] = [_anthropic_block(part) for part in _dicts(output[0].get("parts"))]
        body["stop_reason"] = raw[0] if raw else output[0].get("finish_reason")
    elif output:
        body["choices"] = [
            {
                "index": index,
                "message": _openai_messages(message)[0],
                "finish_reason": raw[index] if index < len(raw) else message.get("finish_reason"),
            }
            for index, message in enumerate(output)
        ]
    usage = _usage(attributes, anthropic)
    if usage:
        body["usage"] = usage
    return body or None


def _usage(attributes: Mapping[str, Any], anthropic: bool) -> dict[str, Any]:
    names = _USAGE_ANTHROPIC if anthropic else _USAGE_OPENAI
    usage = {name: attributes[key] for key, name in names.items() if key in attributes}
    total = attributes.get(semconv.INPUT_TOKENS)
    if anthropic and isinstance(total, int):
        cached = usage.get("cache_read_input_tokens", 0) + usage.get(
            "cache_creation_input_tokens", 0
        )
        usage["input_tokens"] = max(0, total - cached)
    return usage


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _flat(parts: list[dict[str, Any]], write: Callable[[dict[str, Any]], Any]) -> Any:
    """Plain text where there is nothing else, as the service's page shows that best."""
    if all(part.get("type") == "text" for part in parts):
        return "\n".join(str(part.get("content") or "") for part in parts)
    return [write(part) for part in parts]


def _tool(tool: dict[str, Any], anthropic: bool) -> dict[str, Any]:
    if tool.get("type") != "function":
        return tool
    if not anthropic:
        return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}
    shaped = {"name": tool.get("name"), "input_schema": tool.get("parameters")}
    return {**shaped, "description": tool["description"]} if "description" in tool else shaped


# --- openai


def _openai_messages(message: dict[str, Any]) -> list[dict[str, Any]]:
    """One message; of several tool results, one message each."""
    parts = _dicts(message.get("parts"))
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    if results:
        return [
            {
                "role": "tool",
                "tool_call_id": part.get("id"),
                "content": _as_text(part.get("response")),
            }
            for part in results
        ]
    body: dict[str, Any] = {"role": message.get("role", "assistant")}
    if "name" in message:
        body["name"] = message["name"]
    calls = [part for part in parts if part.get("type") == "tool_call"]
    rest = [part for part in parts if part.get("type") != "tool_call"]
    body["content"] = _flat(rest, _openai_block) if rest else None
    if calls:
        body["tool_calls"] = [_openai_call(call) for call in calls]
    return [body]


def _openai_call(part: dict[str, Any]) -> dict[str, Any]:
    function = {"name": part.get("name"), "arguments": _as_text(part.get("arguments"))}
    return {"id": part.get("id"), "type": "function", "function": function}


def _openai_block(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": part.get("content")}
    if kind == "uri":
        return {"type": "image_url", "image_url": {"url": part.get("uri")}}
    return _media_note(part) if kind == "blob" else part


# --- anthropic


def _anthropic_messages(message: dict[str, Any]) -> list[dict[str, Any]]:
    parts = _dicts(message.get("parts"))
    return [{"role": message.get("role", "user"), "content": _flat(parts, _anthropic_block)}]


def _anthropic_block(part: dict[str, Any]) -> dict[str, Any]:
    write = _ANTHROPIC_BLOCKS.get(str(part.get("type")))
    return write(part) if write else part


def _media_note(part: dict[str, Any]) -> dict[str, Any]:
    """Images and audio are named, not shipped: they would push the text out of 64 KiB."""
    size = len(str(part.get("content") or "")) * 3 // 4
    return {"type": part.get("modality"), "mime_type": part.get("mime_type"), "size_bytes": size}


_ANTHROPIC_BLOCKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "text": lambda part: {"type": "text", "text": part.get("content")},
    "reasoning": lambda part: {"type": "thinking", "thinking": part.get("content")},
    "tool_call": lambda part: {
        "type": "tool_use",
        "id": part.get("id"),
        "name": part.get("name"),
        "input": part.get("arguments"),
    },
    "tool_call_response": lambda part: {
        "type": "tool_result",
        "tool_use_id": part.get("id"),
        "content": part.get("response"),
    },
    "blob": _media_note,
}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)
