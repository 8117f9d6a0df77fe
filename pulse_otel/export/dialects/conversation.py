"""Find the messages in what an agent or a chain is given and returns.

Frameworks write whatever their functions take as JSON, at times as a text within JSON: a state
with a list of messages, an object with one question, a text.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel.export.dialects import parts
from pulse_otel.export.dialects.source import as_json, as_text, first

Message = dict[str, Any]

_MOST_NESTED = 6
_LISTS = ("messages", "chat_history", "message", "update", "kwargs", "data")
_TEXTS = (
    *("input", "question", "query", "user_msg", "prompt", "task", "text", "content"),
    *("output", "answer", "response", "result", "final_output", "raw"),
)
_ROLES = {
    **{role: role for role in ("system", "developer", "user", "assistant", "tool", "function")},
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
}
_PAIR = 2  # LangChain's short form of a message: a role and a text


def question(value: object) -> list[Message]:
    """Return the messages that `value` brings; a value without any is one text."""
    return _messages(value, 0) or parts.messages(as_text(value))


def answer(value: object) -> list[Message]:
    """Return the last message of the assistant in `value`, which may hold the whole history."""
    found = _messages(value, 0)
    said = [message for message in found if message.get("role") == "assistant"]
    if said:
        return said[-1:]
    last = found[-1:] or parts.messages(as_text(value))
    return [{**message, "role": "assistant"} for message in last]


def _messages(value: object, depth: int) -> list[Message]:
    parsed = as_json(value)
    if depth > _MOST_NESTED:
        return []
    if isinstance(parsed, str):
        return _messages(parsed, depth + 1) or parts.messages(parsed)
    if isinstance(parsed, list):
        return _listed(parsed, depth)
    if not isinstance(parsed, Mapping):
        return []
    message = _message(parsed)
    if message is not None:
        return [message]
    for name in _LISTS:
        if found := _messages(parsed.get(name), depth + 1):
            return found
    told = {name: value for name, value in parsed.items() if value not in (None, "", [], {})}
    name, value = next(iter(told.items())) if len(told) == 1 else ("", None)
    return _messages(value, depth + 1) or parts.messages(value) if name in _TEXTS else []


def _listed(values: list[Any], depth: int) -> list[Message]:
    role, text = values if len(values) == _PAIR else (None, None)
    if isinstance(role, str) and isinstance(text, str) and role in _ROLES:
        return [parts.message({"role": _ROLES[role], "content": text})]
    nested = [value for value in values if isinstance(value, (Mapping, list))]
    return [message for value in nested for message in _messages(value, depth + 1)]


def _message(item: Mapping[str, Any]) -> Message | None:
    """Return the message that `item` is: a provider's, or LangChain's, whose type is the role."""
    inner = first(item, "data", "kwargs")
    body = {"type": item.get("type"), **inner} if isinstance(inner, Mapping) else item
    role = _ROLES.get(as_text(body.get("role")) or as_text(body.get("type")) or "")
    if role is None or not ("content" in body or "parts" in body):
        return None
    return {**body, "role": role} if "parts" in body else parts.message({**body, "role": role})
