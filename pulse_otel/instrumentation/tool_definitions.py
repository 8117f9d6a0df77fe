"""Convert the definitions of a request's tools, which most programs send with each call."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from pulse_otel.bounds import bounded_json
from pulse_otel.leaves import leaves
from pulse_otel.outside import from_outside

_MOST, _LARGEST_BYTES = 32, 32 << 10  # of what is remembered
_FORM = 4  # the one that writes once what recurs: in others, a list inside of itself has no end

Convert = Callable[[Any], dict[str, Any]]


class Definitions(list[dict[str, Any]]):
    """Definitions that calls share, and that are written once: nobody may change them."""

    def __init__(self, definitions: Iterable[dict[str, Any]]) -> None:
        super().__init__(definitions)
        self._written: tuple[int, str] | None = None

    def written(self, limit: int) -> str:
        """Return them as JSON text of at most `limit` bytes."""
        known = self._written
        if known is None or known[0] != limit:
            known = self._written = limit, bounded_json(list(self), limit)
        return known[1]


def definitions(convert: Convert, tools: list[Any]) -> list[dict[str, Any]]:
    """Return each of `tools` by `convert`. The list is shared by calls: nobody may write to it.

    Tools of plain data are converted once, and known by their bytes, which differ for 1, 1.0 and
    True.
    """
    try:
        data = marshal.dumps(tools, _FORM)
    except ValueError as error:  # a model, or a class of the program
        if from_outside(error):
            raise
        data = b""
    known = _converted(convert, data) if 0 < len(data) <= _LARGEST_BYTES else None
    return [convert(tool) for tool in tools] if known is None else known


@lru_cache(_MOST)
def _converted(convert: Convert, data: bytes) -> Definitions | None:
    # Not of bytes, which may have been a numpy number, nor of values that recur.
    tools = marshal.loads(data)  # noqa: S302 - `definitions` wrote it
    return Definitions(map(convert, tools)) if leaves(tools, _LARGEST_BYTES) else None
