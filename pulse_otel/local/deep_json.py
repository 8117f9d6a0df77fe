"""Read and write JSON of any depth without recursion: Python's own module stops at its limit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

_TOKEN = re.compile(
    r"[ \t\n\r]*("
    r'[\[\]{},:]|"(?:[^"\\]|\\.)*"|true|false|null'
    r"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
    r")",
    re.DOTALL,
)
_SPACES = " \t\n\r"
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}
# State -> the kinds of token that it takes; t is a text, v another value.
_TAKES = {
    "value": "[{tv", "first item": "[{tv]", "key": "t", "first key": "t}", "colon": ":",
    "item end": ",]", "member end": ",}", "end": "",
}  # fmt: skip
# (token, innermost bracket that is open) -> the state after it.
_OPENED = {"[": "first item", "{": "first key"}
_AFTER_COMMA = {"[": "value", "{": "key"}
_AFTER_VALUE = {"[": "item end", "{": "member end"}


def read(text: str, number: Callable[[str], Any] = float, clean: Callable[[str], str] = str) -> Any:
    """Parse `text`; `number` reads a number, `clean` changes each string. Raises ValueError."""
    state = "value"
    found: list[Any] = []
    open_values: list[tuple[str, list[Any]]] = []  # an object is a list of keys and values
    for kind, read_value in _tokens(text, number, clean):
        value = read_value
        if kind not in _TAKES[state]:
            raise ValueError(f"unexpected {kind}")
        if kind in "[{":
            open_values.append((kind, []))
            state = _OPENED[kind]
            continue
        if kind in ",:":
            state = "value" if kind == ":" else _AFTER_COMMA[open_values[-1][0]]
            continue
        if kind in "]}":
            value = _closed(*open_values.pop())
        bracket, holder = open_values[-1] if open_values else ("", found)
        holder.append(value)
        state = "colon" if "key" in state and kind == "t" else _AFTER_VALUE.get(bracket, "end")
    if state != "end":
        raise ValueError("unexpected end")
    return found[0]


def _closed(bracket: str, parts: list[Any]) -> Any:
    return parts if bracket == "[" else dict(zip(parts[::2], parts[1::2], strict=True))


def _tokens(
    text: str, number: Callable[[str], Any], clean: Callable[[str], str]
) -> Iterator[tuple[str, Any]]:
    at = 0
    while match := _TOKEN.match(text, at):
        word, at = match[1], match.end()
        if word in "[]{},:":
            yield word, None
        elif word[0] == '"':
            yield "t", clean(json.loads(word))
        else:
            yield "v", _LITERALS[word] if word in _LITERALS else number(word)
    if text[at:].strip(_SPACES):
        raise ValueError(f"no JSON at {at}")


def write(value: Any) -> str:
    """Write `value` without spaces, as the service does."""
    return "".join(_pieces(value))


def _pieces(value: Any) -> Iterator[str]:
    todo: list[tuple[bool, Any]] = [(False, value)]  # whether it is written already, and it
    while todo:
        written, item = todo.pop()
        if written:
            yield item
        elif isinstance(item, (dict, list)):
            todo.extend(reversed(list(_parts(cast("dict[str, Any] | list[Any]", item)))))
        else:
            yield json.dumps(item, ensure_ascii=False)


def _parts(holder: dict[str, Any] | list[Any]) -> Iterator[tuple[bool, Any]]:
    named = isinstance(holder, dict)
    yield True, "{" if named else "["
    for index, item in enumerate(holder):
        name = f"{json.dumps(item, ensure_ascii=False)}:" if named else ""
        yield True, ("," if index else "") + name
        yield False, holder[item] if isinstance(holder, dict) else item
    yield True, "}" if named else "]"
