"""Messages and tool calls out of the bodies of a record, in each provider's shape."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class ToolCall(NamedTuple):
    """A tool that an answer asks for; equal to the tuple of its name and arguments."""

    name: str
    arguments: Any


def conversation(request: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the messages of a request; None for one without, or where content is left out."""
    messages = request.get("messages")
    return messages if isinstance(messages, list) else None


def requested_tools(response: Mapping[str, Any]) -> list[ToolCall]:
    """Return the tools that the program is asked to run."""
    return [*_of_chat(response), *_of_messages(response), *_of_responses(response)]


def _of_chat(response: Mapping[str, Any]) -> Iterator[ToolCall]:
    for choice in _objects(response, "choices"):
        for asked in _objects(choice.get("message"), "tool_calls"):
            function: Any = asked.get("function") or {}
            yield ToolCall(str(function.get("name")), _arguments(function.get("arguments")))


def _of_messages(response: Mapping[str, Any]) -> Iterator[ToolCall]:
    for block in _objects(response, "content"):
        if block.get("type") == "tool_use":
            yield ToolCall(str(block.get("name")), block.get("input"))


def _of_responses(response: Mapping[str, Any]) -> Iterator[ToolCall]:
    for item in _objects(response, "output"):
        if item.get("type") == "function_call":
            yield ToolCall(str(item.get("name")), _arguments(item.get("arguments")))


def _objects(owner: object, key: str) -> list[Mapping[str, Any]]:
    found = owner.get(key) if isinstance(owner, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _arguments(text: object) -> Any:
    """Return the arguments that a model wrote as JSON; what is none stays a text."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text
