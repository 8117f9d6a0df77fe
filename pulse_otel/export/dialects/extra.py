"""Attributes that become no column and no body, for the service's metadata."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects.counts import TOKENS, without_column
from pulse_otel.export.dialects.dialect import Dialect, foreign_keys
from pulse_otel.export.dialects.source import Attributes, Source, as_count, as_number, as_text
from pulse_otel.export.records.record import UNKNOWN_USAGE, Usage

_OUR_SCOPES = "pulse_otel."
_USUAL = 2048  # characters of all keys: what is remembered is bounded
_KEPT = ("gen_ai.", "pulse.")  # prefixes of keys
# These become a column, a body or a key of their own; other gen_ai.* and pulse.* are kept.
_TAKEN = frozenset(
    {
        *TOKENS.values(),
        semconv.PROVIDER_NAME,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_MODEL,
        semconv.RESPONSE_ID,
        semconv.FINISH_REASONS,
        semconv.PULSE_RAW_FINISH_REASONS,
        semconv.CONVERSATION_ID,
        semconv.PULSE_SESSION_ID,
        semconv.PULSE_USER_ID,
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_DEFINITIONS,
        semconv.TOOL_NAME,
        semconv.TOOL_CALL_ID,
        semconv.TOOL_CALL_ARGUMENTS,
        semconv.TOOL_CALL_RESULT,
        semconv.AGENT_NAME,
        semconv.PULSE_METADATA,
        semconv.PULSE_ERROR,
        semconv.PULSE_REQUEST_PARAMETERS,
        semconv.PULSE_COST_CENTS,
        semconv.PULSE_SPAN_ID,
        semconv.PULSE_SERVICE_TIER,
    }
)
# Key here <- the attribute, and what reads it
_STABLE: dict[str, tuple[str, Callable[[object], Any]]] = {
    semconv.OPERATION_NAME: (semconv.OPERATION_NAME, as_text),
    semconv.PULSE_REQUEST_ID: (semconv.PULSE_REQUEST_ID, as_text),
    semconv.PULSE_HTTP_STATUS: (semconv.HTTP_STATUS_CODE, as_count),
    semconv.PULSE_ATTEMPTS: (semconv.PULSE_ATTEMPTS, as_count),
    semconv.TIME_TO_FIRST_CHUNK: (semconv.TIME_TO_FIRST_CHUNK, as_number),
}


def attributes_without_column(
    source: Source, dialect: Dialect, canonical: Attributes, kind: str, usage: Usage
) -> dict[str, Any]:
    """Return attributes for the service's metadata: some under stable keys, others as they are."""
    found = _leftover(source, dialect)
    for stable, (key, read) in _STABLE.items():
        if key in canonical and (value := read(canonical[key])) is not None:
            found[stable] = value
    if source.scope and not source.scope.startswith(_OUR_SCOPES):
        found[semconv.PULSE_SCOPE] = source.scope
    if kind == "llm_call":
        found |= without_column(usage)
    elif usage != UNKNOWN_USAGE:
        found[semconv.PULSE_AGENT_USAGE] = {
            name: count for name in TOKENS if (count := getattr(usage, name)) is not None
        }
    return found


def _leftover(source: Source, dialect: Dialect) -> dict[str, Any]:
    """Return the attributes that nothing reads, as they are."""
    attributes = source.attributes
    found: dict[str, Any] = {}
    keys = tuple(attributes)
    left_over = _remembered if len("".join(keys)) <= _USUAL else _left_over
    for key in left_over(dialect, keys):
        if (value := attributes[key]) is not None:
            found[key] = value
    return found


def _left_over(dialect: Dialect, keys: tuple[str, ...]) -> tuple[str, ...]:
    read = _TAKEN | foreign_keys(dialect)
    rest = tuple(key for key in keys if key not in read and key.startswith(_KEPT))
    return tuple(k for k in rest if not (dialect.used_up and k.startswith(dialect.used_up)))


_remembered = lru_cache(maxsize=256)(_left_over)  # most spans have the keys of others before
