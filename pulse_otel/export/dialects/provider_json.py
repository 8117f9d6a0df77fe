"""Requests and responses in the providers' own JSON -> canonical attributes.

Several instrumentations put the provider's JSON, or a part of it, on their spans.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import parts
from pulse_otel.export.dialects.source import (
    Attributes,
    as_count,
    as_text,
    at,
    dicts,
    items,
    mapping,
)

API_CHAT, API_RESPONSES = "chat_completions", "responses"

PARAMETERS: dict[str, str] = {
    "model": semconv.REQUEST_MODEL,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "maxTokens": semconv.REQUEST_MAX_TOKENS,
    "maxOutputTokens": semconv.REQUEST_MAX_TOKENS,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "topP": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "topK": semconv.REQUEST_TOP_K,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "seed": semconv.REQUEST_SEED,
    "reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
    "dimensions": semconv.EMBEDDINGS_DIMENSIONS,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
}
_CONTENT = ("messages", "tools", "system", "instructions", "stop", "stop_sequences", "n", "stream")


def parameters(values: Mapping[str, Any]) -> Attributes:
    """Return request parameters by canonical key; those without a key share one attribute."""
    found: Attributes = {}
    others: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or name in _CONTENT:
            continue
        key = PARAMETERS.get(name)
        if key is None:
            others[name] = value
        elif isinstance(value, (str, int, float)) and value != "Infinity":
            found[key] = value
    if others:
        found[semconv.PULSE_REQUEST_PARAMETERS] = others
    return found | _special(values)


def _special(values: Mapping[str, Any]) -> Attributes:
    """Return parameters that have another form, or only some values, in the conventions."""
    stop = values.get("stop") or values.get("stop_sequences")
    choices = as_count(values.get("n"))
    found = {
        semconv.REQUEST_STREAM: True if values.get("stream") is True else None,
        semconv.REQUEST_STOP_SEQUENCES: [stop] if isinstance(stop, str) else items(stop),
        semconv.REQUEST_CHOICE_COUNT: choices if choices != 1 else None,
    }
    return {key: value for key, value in found.items() if value}


def request(body: Mapping[str, Any]) -> Attributes:
    """Read a request of Chat Completions, Responses, Messages or Embeddings."""
    is_responses = _is_responses(body)
    found = parameters({k: v for k, v in body.items() if not (is_responses and k == "input")})
    if is_responses:
        found[semconv.OPENAI_API_TYPE] = API_RESPONSES
        found[semconv.INPUT_MESSAGES] = parts.messages(body["input"])
    elif "messages" in body:
        found[semconv.INPUT_MESSAGES] = parts.messages(body["messages"])
    system = parts.content(body.get("system", body.get("instructions")))
    if system:
        found[semconv.SYSTEM_INSTRUCTIONS] = system
    tools = [parts.tool(tool) for tool in dicts(body.get("tools"))]
    if tools:
        found[semconv.TOOL_DEFINITIONS] = tools
    return found


def _is_responses(body: Mapping[str, Any]) -> bool:
    """Return whether `body` is of Responses, if it is not of Embeddings, which has `input` too."""
    given = body.get("input")
    return "messages" not in body and (isinstance(given, str) or bool(dicts(given)))


def response(body: Mapping[str, Any]) -> Attributes:
    """Read a response of Chat Completions, Responses or Messages."""
    named = {
        semconv.RESPONSE_ID: body.get("id"),
        semconv.RESPONSE_MODEL: body.get("model"),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: as_text(body.get("service_tier"))
        or as_text(at(body, "usage", "service_tier")),
        semconv.OPENAI_SYSTEM_FINGERPRINT: body.get("system_fingerprint"),
    }
    found: Attributes = {key: value for key, value in named.items() if as_text(value)}
    found |= usage(body.get("usage"))
    if "choices" in body:
        found |= _choices(dicts(body["choices"]))
    elif "output" in body:
        found |= responses_output(body["output"], as_text(body.get("status")))
        found[semconv.OPENAI_API_TYPE] = API_RESPONSES
    elif "content" in body:
        found |= answer([parts.message(body, "assistant")], [body.get("stop_reason")])
    return found


def langchain_id(result: object) -> str | None:
    """Return the provider's id in the JSON of LangChain's `LLMResult`.

    It stands in the message's metadata; the id of the message is LangChain's own, or the same.
    """
    generations: Any = at(result, "generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    message = mapping(at(generations, "message"))
    message = mapping(message.get("kwargs")) or message
    found = as_text(at(message, "response_metadata", "id")) or as_text(message.get("id"))
    return found if found and found.startswith(_IDS) else None


_IDS = ("chatcmpl-", "msg_", "resp_", "gen-")
"""How the ids of answers start: LangChain names runs (`run-`, `lc_run-`) and messages as well."""


def answer(messages: list[dict[str, Any]], reasons: list[Any]) -> Attributes:
    """Return output messages with the provider's own finish reasons."""
    raw = [as_text(reason) for reason in reasons]
    return {
        semconv.OUTPUT_MESSAGES: messages,
        **({semconv.PULSE_RAW_FINISH_REASONS: [r or "" for r in raw]} if any(raw) else {}),
    }


def _choices(choices: list[dict[str, Any]]) -> Attributes:
    messages = [
        parts.message(m, "assistant")
        if isinstance(m := choice.get("message"), dict)
        else {"role": "assistant", "parts": parts.content(choice.get("text"))}
        for choice in choices
    ]
    return answer(messages, [choice.get("finish_reason") for choice in choices])


def responses_output(output: object, status: str | None = None) -> Attributes:
    """Return the items of a Responses answer as one message."""
    joined = [part for item in dicts(output) for part in parts.message(item, "assistant")["parts"]]
    return answer([{"role": "assistant", "parts": joined}], [status])


def with_instructions(found: Attributes) -> Attributes:
    """Turn the first system message of a Responses call into its instructions."""
    messages = dicts(found.get(semconv.INPUT_MESSAGES))
    if found.get(semconv.OPENAI_API_TYPE) != API_RESPONSES or not messages:
        return found
    if messages[0].get("role") != "system":
        return found
    system = dicts(messages[0].get("parts"))
    return {**found, semconv.SYSTEM_INSTRUCTIONS: system, semconv.INPUT_MESSAGES: messages[1:]}


def tool_run(name: str | None, arguments: object, result: object) -> Attributes:
    """Return the attributes of a tool's span."""
    return {
        semconv.TOOL_NAME: name,
        semconv.TOOL_CALL_ARGUMENTS: arguments,
        semconv.TOOL_CALL_RESULT: result,
    }


# Canonical key <- paths in the JSON of providers; the first that is present decides.
_USAGE: dict[str, tuple[tuple[str, ...], ...]] = {
    semconv.OUTPUT_TOKENS: (("completion_tokens",), ("output_tokens",), ("output",)),
    semconv.CACHE_READ_TOKENS: (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("cache_read_input_tokens",),
        ("input_cached_tokens",),
        ("input_cache_read",),
    ),
    semconv.CACHE_WRITE_TOKENS: (
        ("prompt_tokens_details", "cache_write_tokens"),
        ("input_tokens_details", "cache_write_tokens"),
        ("cache_creation_input_tokens",),
        ("input_cache_creation",),
    ),
    semconv.REASONING_TOKENS: (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "thinking_tokens"),
        ("output_reasoning_tokens",),
    ),
    semconv.INPUT_AUDIO_TOKENS: (
        ("prompt_tokens_details", "audio_tokens"),
        ("input_audio_tokens",),
    ),
    semconv.OUTPUT_AUDIO_TOKENS: (
        ("completion_tokens_details", "audio_tokens"),
        ("output_audio_tokens",),
    ),
}
_INCLUDES_CACHE = (("prompt_tokens",),)  # of OpenAI's chat: a total
_BY_DETAILS = (("input_tokens",), ("input",))  # a total only with details beside it


def usage(value: object) -> Attributes:
    """Return token counts as in the conventions: the input is a total that includes the cache."""
    found: Attributes = {}
    for key, paths in _USAGE.items():
        count = _first_count(value, paths)
        if count is not None:
            found[key] = count
    total = _first_count(value, _INCLUDES_CACHE)
    if total is None:
        total = _first_count(value, _BY_DETAILS)
        if total is not None and at(value, "input_tokens_details") is None:
            total += found.get(semconv.CACHE_READ_TOKENS, 0)
            total += found.get(semconv.CACHE_WRITE_TOKENS, 0)
    return found if total is None else {**found, semconv.INPUT_TOKENS: total}


def _first_count(value: object, paths: tuple[tuple[str, ...], ...]) -> int | None:
    counts = (as_count(at(value, *path)) for path in paths)
    return next((count for count in counts if count is not None), None)
