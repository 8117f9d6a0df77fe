"""What the attributes of a span count: tokens, and what else a bill has."""

from __future__ import annotations

from collections.abc import Callable, Set
from operator import attrgetter
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.source import (
    Attributes,
    as_count,
    as_json,
    as_number,
    as_text,
    dicts,
    mapping,
)
from pulse_otel.export.records.record import COUNTS, Usage, made

TOKENS = {
    "input": semconv.INPUT_TOKENS,
    "output": semconv.OUTPUT_TOKENS,
    "cache_read": semconv.CACHE_READ_TOKENS,
    "cache_write": semconv.CACHE_WRITE_TOKENS,
    "reasoning": semconv.REASONING_TOKENS,
    "input_audio": semconv.INPUT_AUDIO_TOKENS,
    "output_audio": semconv.OUTPUT_AUDIO_TOKENS,
    "input_image": semconv.INPUT_IMAGE_TOKENS,
    "output_image": semconv.OUTPUT_IMAGE_TOKENS,
    "cache_write_1h": semconv.PULSE_CACHE_WRITE_1H_TOKENS,
    "cache_read_audio": semconv.PULSE_CACHE_READ_AUDIO_TOKENS,
    "cache_read_image": semconv.PULSE_CACHE_READ_IMAGE_TOKENS,
    "citation": semconv.PULSE_CITATION_TOKENS,
}
"""Names in `Usage` -> attributes."""

_TOKEN_NAMES = {key: name for name, key in TOKENS.items()}
_NONE: dict[str, Any] = dict.fromkeys(COUNTS)
_SELDOM = frozenset(TOKENS) - {"input", "output", "cache_read", "cache_write", "reasoning"}
_WITHOUT_COLUMN = {name: key for name, key in TOKENS.items() if name not in ("input", "output")}
_UNKNOWN = (None,) * len(_WITHOUT_COLUMN)


def usage_of(canonical: Attributes, dialect: Dialect, provider: str | None) -> Usage:
    """Return counts as in the conventions: the input is a total that includes the cache.

    Call it once: it writes them back to `canonical`, under the keys that are there.
    """
    keys = _token_keys(canonical)
    counts = _part(canonical, keys)
    for name in _SELDOM.intersection(counts):
        counts[name] = counts[name] or None  # nearly every answer says 0
    total = counts.get("input")
    cached = counts.get("cache_read", 0) + counts.get("cache_write", 0)
    if cached and total is not None:
        # Older instrumentations report Anthropic's input tokens, which leave out the cache.
        excludes = dialect.excludes_cache and provider == "anthropic"
        if excludes or total < cached:
            counts["input"] = total + cached
    for key in keys:
        canonical[key] = counts.get(_TOKEN_NAMES[key])
    for name, (key, read) in _BESIDE_TOKENS.items():
        if key in canonical:
            counts[name] = read(canonical[key])
    return made(Usage, {**_NONE, **counts})


def _tool_uses(value: object) -> dict[str, int] | None:
    uses = mapping(as_json(value))
    return {str(tool): count for tool, n in uses.items() if (count := as_count(n))} or None


def _other_models(value: object) -> list[dict[str, Any]] | None:
    others = dicts(as_json(value))
    return [
        {"model": as_text(one.get("model")) or "", **_part(one, _token_keys(one))} for one in others
    ] or None


def _samplings(value: object) -> list[dict[str, Any]] | None:
    return [_part(one, _token_keys(one)) for one in dicts(as_json(value))] or None


_BESIDE_TOKENS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "audio_seconds": (semconv.PULSE_AUDIO_SECONDS, as_number),
    "tool_uses": (semconv.PULSE_TOOL_USES, _tool_uses),
    "other_models": (semconv.PULSE_OTHER_MODELS, _other_models),
    "samplings": (semconv.PULSE_SAMPLINGS, _samplings),
}


def _token_keys(counts: Attributes) -> Set[str]:
    return counts.keys() & _TOKEN_NAMES.keys()


def _part(counts: Attributes, keys: Set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in keys:
        if (count := as_count(counts[key])) is not None:
            found[_TOKEN_NAMES[key]] = count
    return found


_beside_columns = attrgetter(*_WITHOUT_COLUMN)


def without_column(usage: Usage) -> dict[str, int]:
    """Return the known counts of `usage` that have no column, by their attributes."""
    counts = _beside_columns(usage)
    if counts == _UNKNOWN:
        return {}
    pairs = zip(_WITHOUT_COLUMN.values(), counts, strict=True)
    return {key: count for key, count in pairs if count is not None}
