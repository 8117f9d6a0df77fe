"""Calls of the openai SDK, recorded in the way that RECORDED_BY names."""

from __future__ import annotations

import os
import uuid
from typing import Any

import openai

RECORDED_BY = os.environ.get("RECORDED_BY", "nothing")


def _own_pipeline() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from pulse_otel import OpenAIInstrumentor, PulseSpanExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(PulseSpanExporter()))
    OpenAIInstrumentor().instrument(tracer_provider=provider)


if RECORDED_BY == "init_pulse":
    import pulse_otel

    pulse_otel.init_pulse()
elif RECORDED_BY == "own pipeline":
    _own_pipeline()


def client() -> Any:
    made = openai.OpenAI(max_retries=0)
    return pulse_otel.observe(made, "openai") if RECORDED_BY == "init_pulse" else made


def ask(_: object = None) -> None:
    """Make one call, and note that its record is due."""
    mark = f"call-{uuid.uuid4().hex}"
    _call([{"role": "user", "content": mark}])
    note("DUE", mark)


def make_large_call() -> None:
    """Make a call that takes our code long to read."""
    text = {"type": "text", "text": "The quick brown fox jumps over the lazy dog. " * 10}
    _call([{"role": "user", "content": [text] * 4} for _ in range(300)])


def _call(messages: Any) -> None:
    with client() as one:
        one.chat.completions.create(model="gpt-4o-mini", messages=messages)


def note(name: str, mark: str) -> None:
    """Add `mark` to the file that the variable `name` names."""
    line = os.open(os.environ[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(line, f"{mark}\n".encode())
    os.close(line)
