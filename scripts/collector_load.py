"""A program with our exporter that records spans at full speed: `collector_load.py URL SPANS`.

Prints what its exporter counts, and the CPU seconds that it took, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from pulse_otel import PulseSpanExporter

_AT_ONCE = 500  # so that the exporter's own queue does not overflow
_TEXT = "A question of about a thousand characters, and an answer as long. " * 15
_ASKED = json.dumps([{"role": "user", "parts": [{"type": "text", "content": _TEXT}]}])
_SAID = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": _TEXT}]}])
_CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.usage.input_tokens": 250,
    "gen_ai.usage.output_tokens": 250,
    "gen_ai.input.messages": _ASKED,
    "gen_ai.output.messages": _SAID,
}


def main(url: str, count: int) -> None:
    """Record `count` traces of one call each."""
    exporter = PulseSpanExporter(api_url=url, protocol="collector")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("load")
    for number in range(1, count + 1):
        with tracer.start_as_current_span("chat", attributes=_CALL):
            pass
        if number % _AT_ONCE == 0:
            exporter.force_flush(300_000)
    exporter.force_flush(300_000)
    provider.shutdown()
    stats = exporter.stats
    counted = {"delivered": stats.delivered, "lost": stats.lost}
    print(json.dumps({**counted, "cpu_s": time.process_time()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
