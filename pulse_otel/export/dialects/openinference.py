"""OpenInference (Arize, Phoenix): flattened messages, and the provider's own JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import conversation, parts, provider_json
from pulse_otel.export.dialects.dialect import DOLLARS, Dialect
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_text,
    at,
    dicts,
    loose_json,
    mapping,
    present,
)

_OPERATIONS = {
    "LLM": semconv.OPERATION_CHAT,
    "EMBEDDING": semconv.OPERATION_EMBEDDINGS,
    "TOOL": semconv.OPERATION_EXECUTE_TOOL,
    "RETRIEVER": semconv.OPERATION_RETRIEVAL,
    "RERANKER": semconv.OPERATION_RETRIEVAL,
    "AGENT": semconv.OPERATION_INVOKE_AGENT,
    "CHAIN": semconv.OPERATION_INVOKE_WORKFLOW,
}
_KIND = "openinference.span.kind"
_HANDOFF = "handoff to "
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_WORD = re.compile(r"\w*")


def _kind(source: Source) -> str:
    """Return the kind of a span; of one that is open and tells it at its end, CHAIN."""
    return str(source.get(_KIND) or ("CHAIN" if source.span.end_time is None else "")).upper()


def _read(source: Source) -> Attributes:
    operation = _OPERATIONS.get(_kind(source))
    given, answered = source.get("input.value"), source.get("output.value")
    found: Attributes = {semconv.OPERATION_NAME: operation}
    metadata = dict(mapping(source.json("metadata")))
    metadata |= present(tags=source.get("tag.tags"))
    found[semconv.PULSE_METADATA] = metadata or None
    if operation == semconv.OPERATION_CHAT:
        return _call(source) | found
    if operation == semconv.OPERATION_EMBEDDINGS:
        return _embeddings(source) | found
    if operation in (semconv.OPERATION_EXECUTE_TOOL, semconv.OPERATION_RETRIEVAL):
        return found | _tool(source, given, answered)
    found[semconv.AGENT_NAME] = source.text("agent.name") or source.name
    found[semconv.INPUT_MESSAGES] = conversation.question(given) or None
    found[semconv.OUTPUT_MESSAGES] = conversation.answer(answered) or None
    return found


def _tool(source: Source, given: Any, answered: Any) -> Attributes:
    """Read a run of a tool; LangChain returns it as a message, which has the id of the call."""
    name = source.text("tool.name") or source.name
    if source.name.startswith(_HANDOFF) and "agents" in source.scope:
        # Of the OpenAI Agents SDK: what the model is told instead, by its default.
        agent = source.name.removeprefix(_HANDOFF)
        name, given = "transfer_to_" + _NO_NAME.sub("_", agent).lower(), None
        answered = {"assistant": agent}
    message = mapping(loose_json(answered))
    message = mapping(message.get("data")) or message
    call_id = as_text(message.get("tool_call_id"))
    if call_id is not None and "content" in message:
        answered = message["content"]
    return {semconv.TOOL_CALL_ID: call_id, **provider_json.tool_run(name, given, answered)}


def _adds_nothing(source: Source) -> bool:
    """Return whether a step of a chain says nothing of its own; the calls in it do.

    Prompts and parsers are runnables as models are, and so are a framework's own turns.
    """
    if source.span.parent is None or _kind(source) != "CHAIN":
        return False
    says_nothing = source.get("input.value") is None and source.get("output.value") is None
    return _is_plumbing(source.name) or (says_nothing and source.span.end_time is not None)


def _is_plumbing(name: str) -> bool:
    """Return whether LangChain names a part of a chain so: a prompt, a parser, a `Runnable`."""
    found = _WORD.match(name)
    word = found[0] if found else ""
    after = name[len(word) : len(word) + 1]
    return (
        name.startswith("_")
        or (word.startswith("Runnable") and after in ("", "<"))
        or (word.startswith("Channel") and after == "<")
        or "OutputParser" in word
        or ("Prompt" in word and word.endswith("Template") and not after)
    )


def _call(source: Source) -> Attributes:
    """Read the flat messages, then the provider's JSON, which says more if it is there."""
    found = _flat(source)
    found |= provider_json.parameters(mapping(source.json("llm.invocation_parameters")))
    body = mapping(source.json("input.value"))
    if dicts(body.get("messages")) or ("model" in body and "input" in body):
        found |= provider_json.request(body)
    answer = mapping(source.json("output.value"))
    if any(name in answer for name in ("choices", "output", "content")) and "model" in answer:
        found |= provider_json.response(answer)
    found.setdefault(semconv.RESPONSE_ID, provider_json.langchain_id(answer))
    found |= _plain(source, found)
    found[semconv.TIME_TO_FIRST_CHUNK] = source.seconds_to_event("First Token Stream Event")
    return found


def _plain(source: Source, found: Attributes) -> Attributes:
    """Read the question and the answer of a program's own span, which are plain texts."""
    texts = {
        semconv.INPUT_MESSAGES: ("input", "user"),
        semconv.OUTPUT_MESSAGES: ("output", "assistant"),
    }
    return {
        key: [{"role": role, "parts": [parts.text_part(text)]}]
        for key, (name, role) in texts.items()
        if not found.get(key)
        and source.get(f"{name}.mime_type") != "application/json"
        and (text := source.text(f"{name}.value"))
        and not isinstance(source.json(f"{name}.value"), (dict, list))
    }


def _is_empty_call(source: Source) -> bool:
    """Return whether a span of kind LLM has neither messages nor an answer nor tokens.

    LlamaIndex's preparations of a call have this kind, as all methods of its model classes do.
    """
    if _kind(source) != "LLM" or source.span.status.is_ok is False:
        return False
    if any(key.startswith(_OF_A_CALL) for key in source.attributes):
        return False
    known = _call(source)
    return not (known.get(semconv.INPUT_MESSAGES) or known.get(semconv.OUTPUT_MESSAGES))


_OF_A_CALL = ("llm.input_messages.", "llm.output_messages.", "llm.token_count.", "llm.prompts")


def _flat(source: Source) -> Attributes:
    inputs = [_message(item) for item in dicts(source.nested("llm.input_messages"))]
    outputs = [_message(item) for item in dicts(source.nested("llm.output_messages"))]
    tools = (at(item, "tool", "json_schema") for item in dicts(source.nested("llm.tools")))
    definitions = [parts.tool(mapping(loose_json(tool))) for tool in tools]
    return {
        semconv.INPUT_MESSAGES: inputs or None,
        semconv.OUTPUT_MESSAGES: outputs or None,
        semconv.TOOL_DEFINITIONS: definitions or None,
        semconv.FINISH_REASONS: source.get("llm.finish_reason"),
    }


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    message = mapping(item.get("message"))
    blocks = [_block(block) for block in dicts(message.get("contents"))]
    calls = [mapping(call.get("tool_call")) for call in dicts(message.get("tool_calls"))]
    if any(block.get("type") == "tool_use" for block in blocks):
        calls = []  # they repeat the blocks
    return parts.message(
        {**message, "content": blocks or message.get("content"), "tool_calls": [*calls]}
    )


def _block(item: Mapping[str, Any]) -> dict[str, Any]:
    block = mapping(item.get("message_content"))
    call = mapping(item.get("tool_call"))
    url = at(block, "image", "image", "url")
    return {**block, **call, **({"type": "image_url", "image_url": url} if url else {})}


def _embeddings(source: Source) -> Attributes:
    """Read the texts; never the vectors."""
    body = mapping(source.json("input.value"))
    settings = mapping(source.json("embedding.invocation_parameters"))
    found = provider_json.parameters(settings) | provider_json.parameters(body)
    texts = [
        text
        for item in dicts(source.nested("embedding.embeddings"))
        if (text := as_text(at(item, "embedding", "text")))
    ]
    if texts and "input" not in body:
        found[semconv.INPUT_MESSAGES] = [
            {"role": "user", "parts": [parts.text_part(text)]} for text in texts
        ]
    return found


OPENINFERENCE = Dialect(
    name="openinference",
    crosswalk={
        semconv.PROVIDER_NAME: ("llm.provider", "llm.system"),
        semconv.REQUEST_MODEL: ("llm.request.model_name",),
        semconv.RESPONSE_MODEL: (
            "llm.response.model_name",
            "llm.model_name",
            "embedding.model_name",
        ),
        semconv.INPUT_TOKENS: ("llm.token_count.prompt",),
        semconv.OUTPUT_TOKENS: ("llm.token_count.completion",),
        semconv.CACHE_READ_TOKENS: ("llm.token_count.prompt_details.cache_read",),
        semconv.CACHE_WRITE_TOKENS: ("llm.token_count.prompt_details.cache_write",),
        semconv.INPUT_AUDIO_TOKENS: ("llm.token_count.prompt_details.audio",),
        semconv.REASONING_TOKENS: ("llm.token_count.completion_details.reasoning",),
        semconv.OUTPUT_AUDIO_TOKENS: ("llm.token_count.completion_details.audio",),
        semconv.TOOL_CALL_ID: ("tool.id", "tool_call.id"),
        DOLLARS: ("llm.cost.total",),
    },
    read=_read,
    # GUARDRAIL, EVALUATOR and others are not calls, tools or agents.
    ignores=lambda source: (
        _kind(source) not in _OPERATIONS or _is_empty_call(source) or _adds_nothing(source)
    ),
)
