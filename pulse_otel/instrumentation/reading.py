"""Read requests and responses as data: dicts and SDK models alike, whatever shape they have."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.guard import tried
from pulse_otel.instrumentation.fields import Field, Fields
from pulse_otel.instrumentation.tool_definitions import definitions
from pulse_otel.kinds import MODELS, dict_of, exact, instance_fields, is_model, stored
from pulse_otel.texts import as_text
from pulse_otel.values import NOT_RECORDED, field_of, plain

_LARGEST = 2**63 - 1  # the largest attribute value; an encoder refuses the whole batch for more
_FEW = 1000  # texts in an attribute: OpenTelemetry checks each
_NOT_GIVEN = frozenset({"NotGiven", "Omit", "not_given"})


def given(value: object) -> bool:
    """Return whether `value` is neither None nor one of the SDKs' "not given" marks."""
    return value is not None and type(value).__name__ not in _NOT_GIVEN


def given_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are `given`, without a call for each."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and type(value).__name__ not in _NOT_GIVEN
    }


def read(value: Any, *path: str) -> Any:
    """Return the value at `path` of a dict or an object; None where the path ends early."""
    for name in path:
        if value is None:
            return None
        kind = type(value)
        if kind is dict:
            value = value.get(name)
        elif type(kind) in MODELS:
            fields = value.__dict__
            value = fields[name] if name in fields else _extra(value, name)
        else:
            value = _field(value, name)
    return value


def _extra(model: Any, name: str) -> Any:
    """Return a field that a model's class does not name: `getattr` is slow where it is absent."""
    extra: Any = stored(model, "__pydantic_extra__")
    return extra.get(name) if type(extra) is dict else None


def _field(value: Any, name: str) -> Any:
    """Return a field of an object, an unusual mapping, or the first model of its kind."""
    if is_model(type(value)):
        fields = value.__dict__
        return fields[name] if name in fields else _extra(value, name)
    own = instance_fields(value)
    return own[name] if own is not None and name in own else field_of(value, name)


def fields_of(value: Any) -> Mapping[str, Any]:
    """Return all fields of a dict or a model at once, as for the chunks of a stream."""
    if type(value) is dict:
        return value
    kind = type(value)
    if type(kind) in MODELS or is_model(kind):
        extra = value.__pydantic_extra__
        return {**value.__dict__, **extra} if extra else value.__dict__
    fields = dict_of(value)
    return (instance_fields(value) or {}) if fields is None else dict(dict.items(fields))


def items(value: Any) -> list[Any]:
    """Return `value` as a list if it is a list or a tuple, else an empty one."""
    if value is None:
        return []
    kind = type(value)
    if kind is list:
        return [*value]
    if issubclass(kind, list):
        return list(list.__iter__(value))
    return list(tuple.__iter__(value)) if issubclass(kind, tuple) else []


def text(value: object) -> str | None:
    """Return `value` if it is text; a member of an enumeration of texts as its value."""
    if type(value) is str:
        return value
    return as_text(value) if issubclass(type(value), str) else None


def filled(value: object) -> str | None:
    """Return `value` if it is text that is not empty: an empty name or id says nothing."""
    return (value if type(value) is str else text(value)) or None


def integer(value: object) -> int | None:
    """Return a count, never negative: an int, or one as text or float, as some servers send it."""
    if type(value) is int:
        return value if 0 <= value <= _LARGEST else None
    found = exact(value)
    if isinstance(found, str):
        found = int(found) if found.isascii() and found.isdigit() and len(found) < 19 else None
    if isinstance(found, float):
        found = int(found) if found.is_integer() else None
    return found if found is not None and 0 <= found <= _LARGEST else None


def number(value: object) -> float | None:
    """Return `value` as a float if it is a real number."""
    if type(value) is float:
        return value
    found = exact(value)
    if isinstance(found, float):
        return found
    return float(found) if isinstance(found, int) and abs(found) <= _LARGEST else None


def strings(value: object) -> list[str] | None:
    """Return a string or a list of strings as a list."""
    if issubclass(type(value), str):
        return [as_text(value)]
    found = [as_text(item) for item in items(value) if issubclass(type(item), str)]
    return found or None


def few_strings(value: object) -> list[str] | None:
    """Return `strings`; of a long list the first ones, and how many are left out."""
    listed = items(value)
    if len(listed) <= _FEW:
        return strings(value)
    return [*(strings(listed[:_FEW]) or ()), f"… [{len(listed) - _FEW} items left out]"]


def true(value: object) -> bool | None:
    """Return True for True alone: ``stream=False`` is not worth an attribute."""
    return True if value is True else None


def parsed(arguments: Any) -> Any:
    """Return the arguments of a tool as an object if their text is JSON, else as they are."""
    known = text(arguments)
    return plain(arguments) if known is None else loads(known, otherwise=known)


def loads(text: str | bytes, *, otherwise: Any) -> Any:
    """Return the value of JSON `text`, or `otherwise` if it is none or too deep."""
    return tried(json.loads, text, kinds=(ValueError, RecursionError), otherwise=otherwise)


Rule = tuple[tuple[str, ...], str, Callable[[Any], Any]]
"""A path in a request or response, its attribute, and the function that checks the type."""


class Rules:
    """Extract attributes by rules: a wrong type sets nothing, and the first rule wins."""

    def __init__(self, *rules: Rule) -> None:
        groups: dict[str, list[Any]] = {}  # by the field that holds what they read; "" for none
        for (name, *path), attribute, convert in rules:
            rule = (tuple(path) or name, attribute, convert)
            groups.setdefault(name if path else "", []).append(rule)
        rows: list[Field] = []
        for name, group in groups.items():
            rows += [(name, None, Rules(*group).extract)] if name else group
        self._fields = Fields(rows)

    def names(self) -> frozenset[str]:
        """Return the names of the fields that the rules read of the value itself."""
        return frozenset(name for name, attribute, _ in self._fields.all if attribute)

    def extract(self, value: Any) -> dict[str, Any]:
        """Return the attributes that the rules find in `value`."""
        fields = value if type(value) is dict else fields_of(value)
        found: dict[str, Any] = {}
        for name, attribute, convert in self._fields.among(fields):
            field = fields.get(name)
            if field is None or attribute in found:
                continue
            result = convert(field)
            if attribute is None:
                for key in result:
                    found.setdefault(key, result[key])
            elif result is not None:
                found[attribute] = result
        return found


def present(**values: Any) -> dict[str, Any]:
    """Return the arguments that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def text_parts(value: object) -> list[dict[str, Any]]:
    """Return a text as the one part of a message; no part if there is no text."""
    found = value if type(value) is str else text(value)
    return [{"type": "text", "content": found}] if found else []


def user_message(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return `parts` as the input of a request; nothing without parts."""
    return {semconv.INPUT_MESSAGES: [{"role": "user", "parts": parts}]} if parts else {}


def answer(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return `parts` as the answer of an API without finish reasons: it has come to its end."""
    message = {"role": "assistant", "parts": parts, "finish_reason": "stop"}
    return {semconv.OUTPUT_MESSAGES: [message]}


def system_message(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return `parts` as the instructions of a request; nothing without parts."""
    return {semconv.SYSTEM_INSTRUCTIONS: parts} if parts else {}


def parts_of(content: object, part: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert message content to GenAI parts: text, or a list of blocks, each by `part`."""
    kind = type(content)
    if kind is str or issubclass(kind, str):
        return text_parts(content)
    if issubclass(kind, (list, tuple)):
        return [
            {"type": "text", "content": as_text(block)}
            if issubclass(type(block), str)
            else part(block)
            for block in items(content)
        ]
    if not given(content):
        return []
    if issubclass(kind, Mapping):
        return [part(content)]
    return text_parts(NOT_RECORDED)


def messages_and_tools(
    request: Mapping[str, Any],
    message: Callable[[Any], dict[str, Any]],
    tool: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """Return the messages and tools of a request; an iterator of messages is left alone."""
    messages, tools = request.get("messages"), items(request.get("tools"))
    attributes: dict[str, Any] = {}
    if type(messages) is list or issubclass(type(messages), (list, tuple)):
        attributes[semconv.INPUT_MESSAGES] = [message(item) for item in items(messages)]
    elif given(messages):
        attributes = user_message(text_parts(NOT_RECORDED))
    if tools:
        attributes[semconv.TOOL_DEFINITIONS] = definitions(tool, tools)
    return attributes


def generic(block: object) -> dict[str, Any]:
    """Return a part of an unknown type as it is."""
    data = plain(block)
    if isinstance(data, dict):
        return {"type": text(data.get("type")) or "unknown", **data}
    return {"type": "unknown", "content": data}
