"""The units of prices, and the user's own prices, checked: the setting `prices`."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

Rate: TypeAlias = "float | list[tuple[int, float]]"
Prices: TypeAlias = "Mapping[str, Rate]"
"""Unit -> US dollars, or `[[0, price], [start, price], ...]` by the size of the prompt."""

TOKENS: Final = frozenset(
    (
        "input",
        "output",
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "cache_read_audio",
        "cache_read_image",
        "input_audio",
        "input_image",
        "output_audio",
        "output_image",
        "reasoning",
        "citation",
    )
)
USES: Final = frozenset(("web_searches", "storage_searches", "social_searches", "code_executions"))
# Unit -> how many of what is counted its price is for; audio is counted in seconds.
PRICED_PER: Final[Mapping[str, int]] = {
    **dict.fromkeys(TOKENS, 1_000_000),
    **dict.fromkeys(USES, 1_000),
    "requests": 1_000,
    "audio_hours": 3_600,
}
_MAX_DOLLARS = 1e9


def read_prices(value: object) -> dict[str, Prices]:
    """The prices of a mapping, or of the JSON file of that path.

    Raises ValueError, whose text names the model and the field that is wrong.
    """
    given = value if isinstance(value, Mapping) else _file(value)
    if not isinstance(given, Mapping):
        raise ValueError("expected an object of models in the file")
    return {_model(model): _prices(model, prices) for model, prices in given.items()}


def _file(path: object) -> Any:
    try:
        return json.loads(Path(path).expanduser().read_text("utf-8"))  # type: ignore[arg-type]
    except (OSError, TypeError, ValueError, RecursionError, RuntimeError) as error:
        raise ValueError(
            "expected a mapping, or the path of a JSON file that can be read"
            f" ({type(error).__name__})"
        ) from None


def _model(value: object) -> str:
    model = value.strip().lower() if isinstance(value, str) else ""
    if not model.rstrip("*"):
        raise ValueError(f"expected the names of models as keys, got {str(value)[:40]!r}")
    return model


def _prices(model: object, value: object) -> Prices:
    where = repr(str(model)[:80])
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{where}: expected a mapping of units to US dollars")
    found = {_unit(where, unit): _rate(f"{where}: {unit}", rate) for unit, rate in value.items()}
    if ("input" in found) != ("output" in found):
        raise ValueError(f"{where}: expected both 'input' and 'output', which may be 0")
    if "input" not in found and "audio_hours" not in found:
        raise ValueError(f"{where}: expected 'input' and 'output', or 'audio_hours'")
    return found


def _unit(where: str, unit: object) -> str:
    if isinstance(unit, str) and unit in PRICED_PER:
        return unit
    near = difflib.get_close_matches(str(unit), PRICED_PER, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(PRICED_PER)}"
    raise ValueError(f"{where}: {str(unit)[:40]!r}: {hint}")


def _rate(where: str, value: object) -> Rate:
    """A price, or its steps by the size of the prompt."""
    if _is_price(value):
        return float(value)  # type: ignore[arg-type]
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{where}: expected a price of at least 0, got {str(value)[:40]!r}")
    steps = [tuple(step) for step in value if isinstance(step, (list, tuple)) and len(step) == 2]
    starts = [step[0] for step in steps]
    valid = (
        len(steps) == len(value)
        and all(map(_is_price, [*starts, *(step[1] for step in steps)]))
        and starts[:1] == [0]
        and sorted(set(starts)) == starts
    )
    if not valid:
        raise ValueError(f"{where}: expected [[0, price], [tokens, price], ...] in rising order")
    return [(int(start), float(price)) for start, price in steps]


def _is_price(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < _MAX_DOLLARS  # type: ignore[operator]
