"""The shape of OpenAI's Chat Completions, which most other providers use too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pulse_otel import semconv
from pulse_otel.export.bodies.content import (
    PARAMETERS,
    Content,
    Part,
    as_string,
    named,
    only_text,
    parameters,
    parts_of,
    usage,
    written,
)
from pulse_otel.export.bodies.display import for_display

_PARAMETERS = {
    **PARAMETERS,
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_STOP_SEQUENCES: "stop",
    semconv.REQUEST_REASONING_LEVEL: "reasoning_effort",
}
_FINISH_REASONS = {"tool_call": "tool_calls"}
_RESPONSE = {
    semconv.RESPONSE_ID: "id",
    semconv.RESPONSE_MODEL: "model",
    semconv.OPENAI_RESPONSE_SERVICE_TIER: "service_tier",
    semconv.OPENAI_SYSTEM_FINGERPRINT: "system_fingerprint",
}
_USAGE = {semconv.INPUT_TOKENS: "prompt_tokens", semconv.OUTPUT_TOKENS: "completion_tokens"}
_USAGE_DETAILS = {
    semconv.CACHE_READ_TOKENS: ("prompt_tokens_details", "cached_tokens"),
    semconv.INPUT_AUDIO_TOKENS: ("prompt_tokens_details", "audio_tokens"),
    semconv.REASONING_TOKENS: ("completion_tokens_details", "reasoning_tokens"),
    semconv.OUTPUT_AUDIO_TOKENS: ("completion_tokens_details", "audio_tokens"),
}


class ChatCompletions:
    """``messages``, ``tools``, parameters; ``choices``, ``usage``."""

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the request body."""
        body = parameters(attributes, content, _PARAMETERS)
        if "max_completion_tokens" in body:
            body.pop("max_tokens", None)
        if content.system or content.input is not None:
            body["messages"] = messages(content)
        if content.tools:
            body["tools"] = [_tool(tool) for tool in content.tools]
        return body

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the response body."""
        body = named(attributes, _RESPONSE)
        if content.output:
            body["choices"] = [
                _choice(index, message, content) for index, message in enumerate(content.output)
            ]
        return body | usage(attributes, _USAGE, _USAGE_DETAILS)


def messages(content: Content) -> list[dict[str, Any]]:
    """The conversation as the API takes it, the system text first, in case it is kept apart."""
    system = [{"role": "system", "parts": content.system}] if content.system else []
    given = [*system, *(content.input or ())]
    found = [_plain(message) for message in given]
    if None not in found:
        return cast("list[dict[str, Any]]", found)
    written: list[dict[str, Any]] = []
    # What is to be displayed leaves the plain ones as they are.
    for plain, message in zip(found, for_display(given, _is_users), strict=True):
        written += [plain] if plain else _messages(message)
    return written


def _plain(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return a message that is nothing but a text, as most are; None for another one."""
    text = only_text(message.get("parts"))
    if text is None or "name" in message:
        return None
    return {"role": message.get("role") or "assistant", "content": text}


def _is_users(message: dict[str, Any]) -> bool:
    if message.get("role") != "user":
        return False
    return only_text(message.get("parts")) is not None or not _results(parts_of(message))


def _results(parts: list[Part]) -> list[Part]:
    return [part for part in parts if part.get("type") == "tool_call_response"]


def _choice(index: int, message: dict[str, Any], content: Content) -> dict[str, Any]:
    answer = _plain(message) or _message(message, parts_of(message))
    choice: dict[str, Any] = {"index": index, "message": answer}
    reason = content.finish_reason(index, _FINISH_REASONS)
    return {**choice, "finish_reason": reason} if reason else choice


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        return tool
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}


def _messages(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one message, or one message for each tool result."""
    parts = parts_of(message)
    results = _results(parts)
    if not results:
        return [_message(message, parts)]
    return [_result(message, part) for part in results]


def _result(message: dict[str, Any], part: Part) -> dict[str, Any]:
    said = as_string(part.get("response"))
    if message.get("name") and not part.get("id"):  # of a function, the first form of tools
        return {"role": "function", "name": message["name"], "content": said}
    return {"role": "tool", "tool_call_id": part.get("id"), "content": said}


def _message(message: dict[str, Any], parts: list[Part]) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.get("role") or "assistant"}
    if message.get("name"):
        body["name"] = message["name"]
    groups: dict[str, list[Part]] = {}
    for part in parts:
        kind = str(part.get("type"))
        groups.setdefault(kind if kind in _BESIDE else "content", []).append(part)
    content = groups.pop("content", [])
    nothing = "" if body["role"] == "user" else None  # the legacy page fails on a user's null
    body["content"] = written(content, _block) if content else nothing
    sources = [part["citations"] for part in content if isinstance(part.get("citations"), list)]
    if sources:
        body["annotations"] = [source for cited in sources for source in cited]
    for kind, beside in groups.items():
        name, write = _BESIDE[kind]
        body[name] = write(beside)
    return body


def _text_of(parts: list[Part]) -> str:
    return "\n".join(as_string(part.get("content") or "") for part in parts)


def _calls(parts: list[Part]) -> list[dict[str, Any]]:
    return [
        {
            "id": part.get("id"),
            "type": "function",
            "function": {
                "name": part.get("name"),
                "arguments": as_string(part.get("arguments", {})),
            },
        }
        for part in parts
    ]


# Parts that are not in the content of a message -> their field, and its writer
_BESIDE: dict[str, tuple[str, Callable[[list[Part]], Any]]] = {
    "tool_call": ("tool_calls", _calls),
    "reasoning": ("reasoning_content", _text_of),
    "refusal": ("refusal", _text_of),
}


def _block(part: Part) -> Part:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": part.get("content")}
    if kind == "uri" and part.get("modality") == "image":
        return {"type": "image_url", "image_url": {"url": part.get("uri")}}
    if kind == "blob":
        return _media(part)
    if kind == "file":
        return {"type": "file", "file": {"file_id": part.get("file_id")}}
    return part


def _media(part: Part) -> Part:
    mime_type, data = as_string(part.get("mime_type") or ""), as_string(part.get("content") or "")
    if part.get("modality") == "audio":
        audio = {"data": data, "format": mime_type.rpartition("/")[2], "mime_type": mime_type}
        return {"type": "input_audio", "input_audio": audio}
    url = f"data:{mime_type};base64,{data}"
    if part.get("modality") == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"file_data": url}}
