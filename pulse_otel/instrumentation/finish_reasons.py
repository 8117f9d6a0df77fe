"""Translate the providers' reasons for the end of an answer to the conventions' words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulse_otel import semconv

# The reason or status of a provider -> the conventions' finish reason; other words stay.
_FINISH_REASONS = {
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "tool_use": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "refusal": "content_filter",
    "failed": "error",
    "cancelled": "error",
    "incomplete": "error",
}


def finish_reason(raw: str | None) -> str:
    """Return the conventions' finish reason; "error" where the provider gave none."""
    return _FINISH_REASONS.get(raw, raw) if raw else "error"


def finish_reasons(raw: Sequence[str | None]) -> dict[str, Any]:
    """Return the attributes for the finish reasons of an answer's choices."""
    return {
        semconv.FINISH_REASONS: [finish_reason(reason) for reason in raw],
        semconv.PULSE_RAW_FINISH_REASONS: [reason or "" for reason in raw],
    }
