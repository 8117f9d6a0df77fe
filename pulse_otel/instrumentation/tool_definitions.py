"""Convert the definitions of a request's tools, which most programs send with each call."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import marshal
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pulse_otel.values import MAX_DEPTH

_MOST, _LARGEST_BYTES = 32, 32 << 10  # of what is remembered
_FORM = 2  # the one in which equal data have equal bytes
_SCALARS = frozenset({str, int, float, bool, type(None)})

Convert = Callable[[Any], dict[str, Any]]


def definitions(convert: Convert, tools: list[Any]) -> list[dict[str, Any]]:
    """Return each of `tools` by `convert`. The list is shared by calls: nobody may write to it.

    Tools of plain data are converted once, and known by their bytes, which differ for 1, 1.0 and
    True.
    """
    try:
        data = marshal.dumps(tools, _FORM)
    except ValueError:  # a model, or a class of the program
        data = b""
    known = _converted(convert, data) if 0 < len(data) <= _LARGEST_BYTES else None
    return [convert(tool) for tool in tools] if known is None else known


@lru_cache(_MOST)
def _converted(convert: Convert, data: bytes) -> list[dict[str, Any]] | None:
    tools = marshal.loads(data)  # noqa: S302 - `definitions` wrote it
    return [convert(tool) for tool in tools] if _is_plain(tools) else None


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether `value` is JSON's own. Bytes are not: they may have been a numpy number."""
    if depth > MAX_DEPTH:
        return False
    if type(value) is dict:
        return all(type(name) is str and _is_plain(value[name], depth + 1) for name in value)
    if type(value) is list:
        return all(_is_plain(item, depth + 1) for item in value)
    return type(value) in _SCALARS
