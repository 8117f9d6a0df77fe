"""Read the requests and responses of chat completions."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.finish_reasons import finish_reason, finish_reasons
from pulse_otel.instrumentation.openai.chat_parts import parts_of_message
from pulse_otel.instrumentation.reading import (
    Rules,
    few_strings,
    fields_of,
    filled,
    generic,
    integer,
    items,
    messages_and_tools,
    number,
    present,
    read,
    text,
    text_parts,
    true,
)
from pulse_otel.instrumentation.request_reader import RequestReader
from pulse_otel.masking import without_secrets
from pulse_otel.values import plain

_OUTPUT_TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}


def _output_type(value: Any) -> str | None:
    if isinstance(value, type):
        return "json"
    return _OUTPUT_TYPES.get(text(read(value, "type")) or "")


_REQUEST = Rules(
    (("max_completion_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("max_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("frequency_penalty",), semconv.REQUEST_FREQUENCY_PENALTY, number),
    (("presence_penalty",), semconv.REQUEST_PRESENCE_PENALTY, number),
    (("stop",), semconv.REQUEST_STOP_SEQUENCES, few_strings),
    (("seed",), semconv.REQUEST_SEED, integer),
    (("n",), semconv.REQUEST_CHOICE_COUNT, lambda n: integer(n) if n != 1 else None),
    (("reasoning_effort",), semconv.REQUEST_REASONING_LEVEL, text),
    (("response_format",), semconv.OUTPUT_TYPE, _output_type),
    (("stream",), semconv.REQUEST_STREAM, true),
    (
        ("service_tier",),
        semconv.OPENAI_REQUEST_SERVICE_TIER,
        lambda tier: text(tier) if tier != "auto" else None,
    ),
)


_RESPONSE = Rules(
    (("id",), semconv.RESPONSE_ID, filled),
    (("model",), semconv.RESPONSE_MODEL, filled),
    (("service_tier",), semconv.OPENAI_RESPONSE_SERVICE_TIER, filled),
    (("system_fingerprint",), semconv.OPENAI_SYSTEM_FINGERPRINT, filled),
)


def _tool(tool: Any) -> dict[str, Any]:
    function = read(tool, "function")
    if function is None:
        return dict(without_secrets(generic(tool)))
    return present(
        type="function",
        name=text(read(function, "name")) or "",
        description=text(read(function, "description")),
        parameters=plain(read(function, "parameters")),
    )


def _message(message: Any) -> dict[str, Any]:
    message = fields_of(message)
    role, content = text(message.get("role")) or "unknown", message.get("content")
    if role in ("tool", "function"):
        part = {
            "type": "tool_call_response",
            "id": text(message.get("tool_call_id")),
            "response": content if isinstance(content, str) else plain(content),
        }
        # The result of a function, the first form of tools, has its name in place of an id.
        named = present(name=text(message.get("name")) if role == "function" else None)
        return {"role": "tool", "parts": [part], **named}
    if len(message) == 2 and type(content) is str and "role" in message:  # nearly all messages
        return {"role": role, "parts": text_parts(content)}
    found: dict[str, Any] = {"role": role, "parts": parts_of_message(message)}
    if "name" in message and (name := text(message["name"])):
        found["name"] = name
    return found


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the messages and the tools; `functions` are the first form of tools."""
    if functions := items(request.get("functions")):
        functions = [{"function": function} for function in functions]
        request = {**request, "tools": [*items(request.get("tools")), *functions]}
    return messages_and_tools(request, _message, _tool)


_reader = RequestReader(
    _REQUEST,
    ("messages", "tools", "functions"),
    _content,
    {semconv.OPENAI_API_TYPE: "chat_completions"},
    also=("response_format",),
)


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """Return the attributes of a request; also whether audio, which is priced apart, is in it."""
    found = _reader(request, content)
    if _has_audio(request.get("messages")):
        found[semconv.PULSE_REQUEST_AUDIO] = True
    return found


def _has_audio(messages: Any) -> bool:
    if type(messages) is not list:
        return False
    for message in messages:
        parts = message.get("content") if type(message) is dict else read(message, "content")
        if type(parts) is list:
            for part in parts:
                if read(part, "type") == "input_audio":
                    return True
    return False


def read_choices(
    rules: Rules, output: Callable[[Any, Any], dict[str, Any]], response: Any, content: bool
) -> dict[str, Any]:
    """Return the attributes of a response with choices, whole or assembled.

    `output` makes the message of a choice, with what the response says beside it: of the fields
    of both.
    """
    response = fields_of(response)
    attributes = rules.extract(response)
    stated = response.get("choices")
    choices = [fields_of(choice) for choice in items(stated)]
    if stated and not choices and content:  # not what the SDK expects either
        parts = [generic(stated)]
        message = {"role": "assistant", "parts": parts, "finish_reason": "error"}
        attributes[semconv.OUTPUT_MESSAGES] = [message]
    if choices:
        attributes |= finish_reasons([text(choice.get("finish_reason")) for choice in choices])
        if content:
            attributes[semconv.OUTPUT_MESSAGES] = [output(choice, response) for choice in choices]
    return attributes


def _sources(response: Mapping[str, Any], message: Mapping[str, Any]) -> list[Any]:
    """Return the sources that Perplexity, or Azure with the user's own data, answered from.

    Perplexity's older field has their addresses alone; Azure adds what it searched for.
    """
    found = response.get("search_results") or response.get("citations")
    context = message.get("context")
    if context is None:
        return items(found) if found else []
    intent = present(intent=read(context, "intent"))
    return [*items(found), *items(read(context, "citations")), *([intent] if intent else [])]


def _output(choice: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    message = fields_of(choice.get("message"))
    return {
        "role": text(message.get("role")) or "assistant",
        "parts": parts_of_message(message, _sources(response, message)),
        "finish_reason": finish_reason(text(choice.get("finish_reason"))),
    }


read_response = partial(read_choices, _RESPONSE, _output)
