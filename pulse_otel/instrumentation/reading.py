"""Read requests and responses as data: dicts and SDK models alike, whatever shape they have."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulse_otel import semconv
from pulse_otel.values import NOT_RECORDED, field_of, plain, without_secrets

_LARGEST = 2**63 - 1  # what an attribute holds; an encoder refuses a whole batch for more
_NOT_GIVEN = frozenset({"NotGiven", "Omit", "not_given"})


def given(value: object) -> bool:
    """Whether the caller gave a value: neither None nor one of the SDKs' "not given" marks."""
    return value is not None and type(value).__name__ not in _NOT_GIVEN


def read(value: Any, *path: str) -> Any:
    """The value at `path` of a dict or an object; None where the path ends early."""
    for name in path:
        value = value.get(name) if type(value) is dict else _field(value, name)
        if value is None:
            return None
    return value


def _field(value: Any, name: str) -> Any:
    """A field of an object or an unusual mapping. A model's are taken from where it keeps them:
    asking it for one that it lacks is slow, and most providers lack some."""
    fields: Any = getattr(value, "__dict__", None)
    if fields is not None and name in fields:
        return fields[name]
    if not hasattr(type(value), "__pydantic_fields__"):
        return field_of(value, name)
    extra: Any = getattr(value, "__pydantic_extra__", None)
    return extra.get(name) if type(extra) is dict else None


def fields_of(value: Any) -> Mapping[str, Any]:
    """All fields of a dict or a model at once: what a stream's chunks are read by."""
    if type(value) is dict:
        return value
    try:
        extra = value.__pydantic_extra__
    except AttributeError:
        fields: Any = getattr(value, "__dict__", None)
        return value if isinstance(value, Mapping) else (fields or {})
    return {**value.__dict__, **extra} if extra else value.__dict__


def items(value: object) -> list[Any]:
    """`value` if it is a list or a tuple, else nothing; iterators are left alone."""
    return list(value) if isinstance(value, (list, tuple)) else []


def text(value: object) -> str | None:
    """`value` if it is text."""
    return value if isinstance(value, str) else None


def integer(value: object) -> int | None:
    """A count: an int, or text or a float that says one (seen in the wild); never negative."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and 0 <= value <= _LARGEST else None


def number(value: object) -> float | None:
    """`value` as a float if it is a real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if isinstance(value, float) or abs(value) <= _LARGEST else None


def strings(value: object) -> list[str] | None:
    """One string or a list of them, as a list."""
    if isinstance(value, str):
        return [value]
    found = [item for item in items(value) if isinstance(item, str)]
    return found or None


Rule = tuple[tuple[str, ...], str, Callable[[Any], Any]]
"""A path in a request or response, the attribute it becomes, and the type it must have."""


def extract(value: Any, rules: Sequence[Rule]) -> dict[str, Any]:
    """The attributes that `rules` find in `value`; a wrong type sets nothing, the first rule wins.

    `rules` is a constant: it is sorted by where it looks once, and each place read once a call.
    """
    places = _places.get(id(rules))
    if places is None:
        places = _places[id(rules)] = _sorted(rules)
    found: dict[str, Any] = {}
    for path, fields in places:
        parent = read(value, *path) if path else value
        if parent is None:
            continue
        get = parent.get if type(parent) is dict else functools.partial(_field, parent)
        for name, attribute, cast in fields:
            raw = get(name)
            if raw is None or attribute in found or not given(raw):
                continue
            result = cast(raw)
            if result is not None:
                found[attribute] = result
    return found


_Place = tuple[tuple[str, ...], list[tuple[str, str, Callable[[Any], Any]]]]
_places: dict[int, list[_Place]] = {}  # by the id of the rules, which live as long as we do


def _sorted(rules: Sequence[Rule]) -> list[_Place]:
    places: dict[tuple[str, ...], list[tuple[str, str, Callable[[Any], Any]]]] = {}
    for path, attribute, cast in rules:
        places.setdefault(path[:-1], []).append((path[-1], attribute, cast))
    return list(places.items())


def parts_of(content: object, part: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """Message content as GenAI parts: text, or a list of blocks read by `part`."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if isinstance(content, (list, tuple)):
        return [
            {"type": "text", "content": block} if isinstance(block, str) else part(block)
            for block in content
        ]
    if not given(content):
        return []
    if isinstance(content, Mapping):
        return [part(content)]
    return [{"type": "text", "content": NOT_RECORDED}]


def request_content(
    request: Mapping[str, Any],
    message: Callable[[Any], dict[str, Any]],
    tool: Callable[[Any], dict[str, Any]],
    others: Sequence[str],
) -> dict[str, Any]:
    """Messages, tools and the `others` of the parameters; an iterator of messages is left alone."""
    attributes: dict[str, Any] = {}
    messages = request.get("messages")
    if isinstance(messages, (list, tuple)):
        attributes[semconv.INPUT_MESSAGES] = [message(item) for item in messages]
    elif given(messages):
        attributes[semconv.INPUT_MESSAGES] = [
            {"role": "user", "parts": [{"type": "text", "content": NOT_RECORDED}]}
        ]
    tools = items(request.get("tools"))
    if tools:
        attributes[semconv.TOOL_DEFINITIONS] = [tool(item) for item in tools]
    return attributes | other_parameters(request, others)


def other_parameters(request: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The parameters that the conventions have no name for, if any of them was given."""
    values = {name: request[name] for name in names if given(request.get(name))}
    if not values:
        return {}
    return {
        semconv.PULSE_REQUEST_PARAMETERS: {
            # A class, as a response format, is named.
            name: value.__name__ if isinstance(value, type) else without_secrets(plain(value))
            for name, value in values.items()
        }
    }


def generic(block: object) -> dict[str, Any]:
    """A part of a type that we do not know: kept as it is."""
    data = plain(block)
    if isinstance(data, dict):
        return {"type": text(data.get("type")) or "unknown", **data}
    return {"type": "unknown", "content": data}
