"""Read the figures of a call at a glance from what the service keeps in its metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import formatting
from pulse_otel.local.pages.formatting import Span

# A part of the tokens -> its names in the metadata: in the current form, and in the legacy one.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "cached": ("gen_ai.usage.cache_read.input_tokens", "cache_read_tokens"),
    "written to the cache": ("gen_ai.usage.cache_write.input_tokens", "cache_write_tokens"),
    "reasoning": ("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens"),
    "audio in": ("gen_ai.usage.audio.input_tokens", "input_audio_tokens"),
    "audio out": ("gen_ai.usage.audio.output_tokens", "output_audio_tokens"),
    "images in": ("gen_ai.usage.image.input_tokens", "image.input_tokens"),
    "images out": ("gen_ai.usage.image.output_tokens", "image.output_tokens"),
}
_USER = ("pulse.user_id", "user_id")


def tokens(calls: Iterable[Span]) -> str | None:
    """Format the tokens of calls, and the parts of them that are known."""
    calls = list(calls)
    total = formatting.tokens(calls)
    counted = {part: sum(_number(call, names) for call in calls) for part, names in _PARTS.items()}
    parts = ", ".join(f"{count:,} {part}" for part, count in counted.items() if count)
    return f"{total} ({parts})" if total and parts else total


def of_call(call: Span) -> dict[str, Json]:
    """Return the figures that the service has no column for; None where one is unknown."""
    return {name: show(_first(call, names)) for name, (names, show) in _FIGURES.items()}


def user(spans: Iterable[Span]) -> str | None:
    """Return the user of the first span that names one."""
    found = (_first(span, _USER) for span in spans)
    return next((str(value) for value in found if value is not None), None)


def _first(span: Span, names: tuple[str, ...]) -> Json:
    metadata = span.get("metadata")
    if not isinstance(metadata, dict):
        return None
    return next((metadata[name] for name in names if metadata.get(name) is not None), None)


def _number(span: Span, names: tuple[str, ...]) -> int:
    value = _first(span, names)
    return value if isinstance(value, int) else 0


def _seconds(value: Json) -> Json:
    return formatting.milliseconds(value * 1000) if isinstance(value, (int, float)) else None


def _as_it_is(value: Json) -> Json:
    return value if isinstance(value, (str, int, float)) else None


def _if_several(value: Json) -> Json:
    return value if isinstance(value, int) and value > 1 else None


_FIGURES: Mapping[str, tuple[tuple[str, ...], Callable[[Json], Json]]] = {
    "First chunk after": (
        ("gen_ai.response.time_to_first_chunk", "time_to_first_chunk_s"),
        _seconds,
    ),
    "Attempts": (("pulse.attempts", "attempts"), _if_several),
    "HTTP status": (("pulse.http_status", "http_status"), _as_it_is),
    "Service tier": (("pulse.service_tier", "service_tier"), _as_it_is),
    "Request id": (("pulse.request_id", "request_id"), _as_it_is),
}
