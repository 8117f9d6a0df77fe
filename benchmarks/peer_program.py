"""Counts the workloads as one peer records them; runs in the environment of that peer.

    PYTHON peer_program.py PEER     # PYTHON and PEER as in peers.py

The spans go to a batch processor that sends nothing while calls are counted, as those of the
floor do. What they hold is looked at afterwards.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from counting import Counted, Effort, count_with, in_child
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from workloads import WORKLOADS, Workload

_EFFORT = Effort(counted=3)
_NO_BATCH_MS, _BATCH = 3_600_000, 512
Flush = Callable[[], object]


def _batch(memory: InMemorySpanExporter) -> BatchSpanProcessor:
    return BatchSpanProcessor(
        memory, schedule_delay_millis=_NO_BATCH_MS, max_export_batch_size=_BATCH
    )


def _instrument(memory: InMemorySpanExporter, *instrumentors: Any) -> Flush:
    """Switch OpenTelemetry instrumentors on."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(_batch(memory))
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)
    return provider.force_flush


def _official(memory: InMemorySpanExporter) -> Flush:
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    return _instrument(memory, OpenAIInstrumentor(), AnthropicInstrumentor())


def _openllmetry(memory: InMemorySpanExporter) -> Flush:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    return _instrument(memory, OpenAIInstrumentor(), AnthropicInstrumentor())


def _openinference(memory: InMemorySpanExporter) -> Flush:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor

    return _instrument(memory, OpenAIInstrumentor(), AnthropicInstrumentor())


def _langfuse(memory: InMemorySpanExporter) -> Flush:
    import langfuse
    import langfuse.openai

    provider = TracerProvider(shutdown_on_exit=False)
    langfuse.Langfuse(
        public_key="pk-lf-counted",
        secret_key="sk-lf-counted",
        tracer_provider=provider,
        span_exporter=memory,
        flush_at=_BATCH,
        flush_interval=_NO_BATCH_MS / 1000,
    )
    return provider.force_flush


def _logfire(memory: InMemorySpanExporter) -> Flush:
    import logfire

    processor = _batch(memory)
    logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[processor])
    logfire.instrument_openai()
    logfire.instrument_anthropic()
    return processor.force_flush


_SET_UP: dict[str, Callable[[InMemorySpanExporter], Flush]] = {
    "official": _official,
    "openllmetry": _openllmetry,
    "openinference": _openinference,
    "langfuse": _langfuse,
    "logfire": _logfire,
}


def _lacking(workload: Workload, calls: int, spans: list[Any]) -> str:
    """What the spans of the calls lack, wherever in a span a peer may put it."""
    held = [
        json.dumps([dict(span.attributes or {}), [dict(e.attributes or {}) for e in span.events]])
        for span in spans
    ]
    text = "\n".join(held).replace("\\", "")
    complete = {
        "a span": len(spans) >= calls,
        "the model": workload.request["model"] in text,
        "input tokens": _has_number(14, text),
        "output tokens": _has_number(200 if workload.streams else 8, text),
        "the request": workload.asked in text,
        "the answer": workload.answer in text,
    }
    return ", ".join(what for what, there in complete.items() if not there)


def _has_number(number: int, text: str) -> bool:
    return re.search(rf"(?<![\w.]){number}(?![\w.])", text) is not None


def _bare(workload: Workload) -> Counted:
    return count_with(_EFFORT, partial(workload.call, workload.client()))


def _observed(workload: Workload, peer: str) -> tuple[Counted, str]:
    memory = InMemorySpanExporter()
    flush = _SET_UP[peer](memory)
    counted = count_with(_EFFORT, partial(workload.call, workload.client()), flush)
    flush()
    return counted, _lacking(workload, counted.calls, list(memory.get_finished_spans()))


def _result(workload: Workload, peer: str) -> dict[str, Any]:
    """What the peer adds to a call, and what its spans lack."""
    bare = Counted(*in_child(partial(_bare, workload)))
    try:
        counts, lacks = in_child(partial(_observed, workload, peer))
    except RuntimeError:
        return {"lacks": "it fails"}
    unit = next(iter(bare.counts))
    if "a span" in lacks:
        return {"lacks": "no span"}
    return {"added": Counted(*counts).counts[unit] - bare.counts[unit], "lacks": lacks}


if __name__ == "__main__":
    # A library may take two replies of one id for the same.
    workloads = {name: replace(each, own_ids=True) for name, each in WORKLOADS.items()}
    print(json.dumps({name: _result(each, sys.argv[1]) for name, each in workloads.items()}))
