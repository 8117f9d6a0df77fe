"""Parse and write JSON as the real service does (contract §1)."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias, cast

from pulse_otel.local import deep_json

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_SAFE_INTEGER = 2**53 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_body(body: bytes) -> Json:
    """Parse the body of an upload, which may have a byte order mark and invalid UTF-8.

    Raises ValueError, also for a compressed body: the service does not decompress.
    """
    return parse_json(body.decode("utf-8", "replace").removeprefix("\ufeff"))


def parse_json(text: str) -> Json:
    """Parse as JavaScript does: reject NaN, read numbers as doubles, replace lone surrogates."""
    try:
        value: Json = json.loads(
            text, parse_constant=_refuse_constant, parse_int=parse_number, parse_float=parse_number
        )
        return _without_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value
    except RecursionError:
        return cast(Json, deep_json.read(text, parse_number, _without_surrogate))


def write_json(value: object) -> str:
    """Write a value of any depth; UTF-8 can hold the text."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        text = deep_json.write(value)
    return _without_surrogate(text)


def stored_json(text: str) -> Json:
    """Read what `write_json` wrote."""
    try:
        return cast(Json, json.loads(text))
    except RecursionError:
        return cast(Json, deep_json.read(text, parse_number))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_number(text: str) -> int | float | None:
    """Read a double, as an int where that is exact; None for infinity, as JavaScript writes it."""
    number = float(text)
    if abs(number) == float("inf"):
        return None
    return int(number) if number.is_integer() and abs(number) <= MAX_SAFE_INTEGER else number


def _without_surrogates(value: Json) -> Json:
    """Replace lone surrogates by U+FFFD: UTF-8, and so the database, cannot hold them."""
    if isinstance(value, str):
        return _without_surrogate(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogate(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _without_surrogate(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
