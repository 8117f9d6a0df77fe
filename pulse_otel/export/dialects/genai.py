"""The GenAI semantic conventions as they are now: our own spans, OpenTelemetry's, pydantic-ai's.

It is also what reads spans of instrumentations that we do not know.
"""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects import legacy_events
from pulse_otel.export.dialects.dialect import DOLLARS, Dialect
from pulse_otel.export.dialects.source import Attributes, Source

OURS = Dialect(name="pulse")

_MESSAGES = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
)
_DETAILS = "gen_ai.client.inference.operation.details"


def _read(source: Source) -> Attributes:
    """Messages may be on events of the span: one with all of them, or, earlier, one for each."""
    if any(source.get(key) is not None for key in _MESSAGES):
        return {}
    details = next((found for _, found in source.events(_DETAILS)), None)
    if details is not None:
        return {key: details.get(key) for key in _MESSAGES}
    return legacy_events.read(source)


GENAI = Dialect(
    name="genai",
    crosswalk={
        DOLLARS: ("gen_ai.usage.cost", "operation.cost"),
        semconv.TIME_TO_FIRST_CHUNK: ("gen_ai.client.operation.time_to_first_chunk",),
    },
    read=_read,
    used_up=("gen_ai.prompt.", "gen_ai.completion.", "gen_ai.usage.raw"),
)
