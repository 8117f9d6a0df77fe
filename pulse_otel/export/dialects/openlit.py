"""OpenLIT: the conventions with a cost, and with input tokens as Anthropic counts them."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects.dialect import DOLLARS, UNSAID, Dialect
from pulse_otel.export.dialects.source import Attributes, Source

_INVENTED = {semconv.REQUEST_SEED: 0, semconv.REQUEST_MAX_TOKENS: -1}


def _read(source: Source) -> Attributes:
    """Remove values of parameters that the caller did not give; read the time of the first chunk.

    OpenLIT gives a time to first token also for answers without chunks.
    """
    unsaid = {k: UNSAID for k, invented in _INVENTED.items() if source.get(k) == invented}
    streams = source.get(semconv.REQUEST_STREAM) or source.get("gen_ai.request.is_stream")
    first = source.get("gen_ai.server.time_to_first_token") if streams is True else None
    return {**unsaid, semconv.TIME_TO_FIRST_CHUNK: first}


OPENLIT = Dialect(
    name="openlit",
    crosswalk={
        DOLLARS: ("gen_ai.usage.cost",),
        semconv.TOOL_CALL_ARGUMENTS: (semconv.TOOL_CALL_ARGUMENTS, "gen_ai.tool.args"),
    },
    read=_read,
    used_up=("gen_ai.usage.total_tokens", "gen_ai.client.token.usage", "gen_ai.server."),
    excludes_cache=True,
)
