"""JSON as the real service reads it (contract §1): what is accepted, and what becomes of it."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_SAFE_INTEGER = 2**53 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_body(body: bytes) -> Json:
    """The JSON of an upload; a byte order mark and invalid UTF-8 are accepted.

    Raises ValueError. A compressed body is not undone, so it fails here.
    """
    return parse_json(body.decode("utf-8", "replace").removeprefix("\ufeff"))


def parse_json(text: str) -> Json:
    """JSON as JavaScript reads it: no NaN literals, numbers are doubles, no lone surrogates."""
    try:
        value: Json = json.loads(
            text, parse_constant=_refuse_constant, parse_int=parse_number, parse_float=parse_number
        )
        return _without_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_number(text: str) -> int | float | None:
    """The double `text` denotes, an int where that is exact; too large is null, as on the wire."""
    number = float(text)
    if abs(number) == float("inf"):
        return None
    return int(number) if number.is_integer() and abs(number) <= MAX_SAFE_INTEGER else number


def _without_surrogates(value: Json) -> Json:
    """Lone surrogates become U+FFFD: UTF-8, and so the database, cannot hold them."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            _SURROGATE.sub("\ufffd", key): _without_surrogates(item) for key, item in value.items()
        }
    return value
