"""Calls of the openai SDK, recorded in the way that RECORDED_BY names."""

from __future__ import annotations

import functools
import os
import time
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


_kept_client = functools.cache(client)


def ask(_: object = None) -> None:
    """Make one call, and note that its record is due."""
    mark = f"call-{uuid.uuid4().hex}"
    with client() as one:
        _call(one, [{"role": "user", "content": mark}])
    note("DUE", mark)


def make_large_calls(seconds: float) -> None:
    """Make calls that take our code long to read, for so long.

    With one client for the process: the SDK's clients have a finalizer, and Python swallows an
    exception that strikes there.
    """
    text = {"type": "text", "text": "The quick brown fox jumps over the lazy dog. " * 10}
    messages = [{"role": "user", "content": [text] * 4} for _ in range(300)]
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        _call(_kept_client(), messages)


def _call(one: Any, messages: Any) -> None:
    one.chat.completions.create(model="gpt-4o-mini", messages=messages)


def note(name: str, mark: str) -> None:
    """Add `mark` to the file that the variable `name` names."""
    line = os.open(os.environ[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(line, f"{mark}\n".encode())
    os.close(line)
