"""Finish reasons: in the conventions' words, and in the provider's own."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from pulse_otel import semconv
from pulse_otel.export.dialects.source import Attributes, as_json, as_text, items

_NORMAL = {
    "tool_calls": "tool_call",
    "tool-calls": "tool_call",
    "function_call": "tool_call",
    "tool_use": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "incomplete": "length",
    "refusal": "content_filter",
    "content-filter": "content_filter",
    "safety": "content_filter",
    "failed": "error",
    "cancelled": "error",
}
_PULSE = {"tool_call": "tool_calls"}  # the service has a word of its own (contract §3.3)
_UNFINISHED = ("queued", "in_progress")  # Responses in background mode
_ENUM = "FinishReason."  # how Semantic Kernel writes a member of its enum
_USUAL = 128  # characters: what is remembered is bounded
_MISSING = "error"  # of the conventions, if the provider gave no reason


class FinishReasons(NamedTuple):
    """The reasons of the choices of an answer; there are none if the provider gave none."""

    normalised: tuple[str, ...]
    raw: tuple[str, ...]  # the provider's
    column: str | None  # in Pulse's words


def finish_reasons(canonical: Attributes, output: list[dict[str, Any]]) -> FinishReasons:
    """Return the reasons of an answer."""
    raw = _listed(canonical.get(semconv.PULSE_RAW_FINISH_REASONS))
    listed = _listed(canonical.get(semconv.FINISH_REASONS))
    given = [reason.removeprefix(_ENUM) for reason in listed if reason]
    if not given:
        said = [as_text(message.get("finish_reason")) for message in output]
        given = [reason.removeprefix(_ENUM) for reason in said if reason]
    if not given:
        given = [_in_words(r, output) for r in raw if r and r not in _UNFINISHED]
    # Nearly all answers end in one of a few ways.
    is_usual = len(given) == 1 and len(raw) <= 1 and len(given[0]) + len("".join(raw)) <= _USUAL
    return (_remembered if is_usual else _normalised)(tuple(given), tuple(raw))


def _normalised(given: tuple[str, ...], raw: tuple[str, ...]) -> FinishReasons:
    reasons = [_NORMAL.get(reason.lower(), reason) for reason in given]
    if not raw:  # a word that the conventions do not have is the provider's
        raw = tuple(w if w != norm else "" for w, norm in zip(given, reasons, strict=True))
    said = [*raw, *[""] * len(reasons)]
    known = tuple(r if r != _MISSING or said[i] else "" for i, r in enumerate(reasons))
    column = ",".join(_PULSE.get(reason, reason) for reason in known if reason)
    return FinishReasons(known, raw, column or None)


_remembered = lru_cache(maxsize=256)(_normalised)


def _in_words(reason: str, output: list[dict[str, Any]]) -> str:
    """Return "tool_call" for a Responses answer with tool calls: its status is "completed"."""
    calls = any(
        part.get("type") == "tool_call"
        for message in output
        for part in items(message.get("parts"))
        if isinstance(part, dict)
    )
    return "tool_call" if reason == "completed" and calls else reason


def _listed(value: Any) -> list[str]:
    """Return the texts of a list, of JSON text of a list, or of a single text."""
    if value is None:
        return []
    if type(value) is tuple and len(value) == 1 and type(value[0]) is str:
        return [value[0]]
    parsed = as_json(value) if isinstance(value, str) else value
    if isinstance(value, str) and not isinstance(parsed, list):
        return [text] if (text := as_text(value)) else []
    return [as_text(item) or "" for item in items(parsed)]
