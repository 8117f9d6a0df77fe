"""What the exporter does with a span, and with many of one trace, takes linear time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from pulse_otel import semconv
from pulse_otel.export.dialects import read
from pulse_otel.export.payloads import otlp, traces
from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
from pulse_otel.export.records.record import Record
from tests.export.spans import Recording

_RUNS = 3
_LEAST_S = 0.001
_MOST = 8  # linear time gives about 4, quadratic time about 16; a busy machine blurs both
_TEXT = "some words of a message " * 8


def growth(make: Callable[[int], Any], function: Callable[[Any], object], count: int) -> float:
    """Return how many times the CPU time for `count` that for four times as many is."""
    best = []
    for size in (count, 4 * count):
        made = make(size)
        best.append(min(_seconds(function, made) for _ in range(_RUNS)))
    return best[1] / max(best[0], _LEAST_S)


def _seconds(function: Callable[[Any], object], made: Any) -> float:
    begin = time.thread_time()
    function(made)
    return time.thread_time() - begin


def _messages(n: int) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": [{"type": "text", "content": _TEXT}]}] * n


def _parts(kind: str, n: int) -> list[dict[str, Any]]:
    said = dict.fromkeys(("content", "response"), _TEXT)
    part = {"type": kind, "id": "1", "name": "f", "arguments": {"a": _TEXT}, **said}
    return [{"role": "assistant", "parts": [part] * n, "finish_reason": "stop"}]


# What there are n of -> the attribute, and its value
_CONTENT: dict[str, tuple[str, Callable[[int], Any]]] = {
    "messages": (semconv.INPUT_MESSAGES, _messages),
    "choices": (semconv.OUTPUT_MESSAGES, _messages),
    "parts": (semconv.OUTPUT_MESSAGES, lambda n: _parts("text", n)),
    "tool calls": (semconv.OUTPUT_MESSAGES, lambda n: _parts("tool_call", n)),
    "results": (semconv.INPUT_MESSAGES, lambda n: _parts("tool_call_response", n)),
    "tools": (
        semconv.TOOL_DEFINITIONS,
        lambda n: [{"type": "function", "name": "f", "description": _TEXT, "parameters": {}}] * n,
    ),
    "parameters": (semconv.PULSE_REQUEST_PARAMETERS, lambda n: {f"k{i}": _TEXT for i in range(n)}),
}


@pytest.mark.parametrize("api", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize("name", _CONTENT)
def test_a_span_is_read_and_written_in_linear_time(name: str, api: str) -> None:
    key, value = _CONTENT[name]
    attributes = {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "anthropic" if api == "anthropic" else "openai",
        semconv.REQUEST_MODEL: "m",
        semconv.OPENAI_API_TYPE: api,
    }

    def span(n: int) -> Any:
        recording = Recording()
        recording.span("pulse_otel.test", "chat m", {**attributes, key: json.dumps(value(n))})
        return recording.spans[0]

    def written(found: Any) -> None:
        record = read(found)
        assert record is not None
        otlp.encode(record)
        traces.encode(record)

    # Both sizes are above the bound of a body.
    assert growth(span, written, 500) < _MOST


def call(number: int, parent: str | None = "parent", **more: Any) -> Record:
    fields = {"kind": "llm_call", "trace_id": "t", "name": "chat", "scope": "scope", **more}
    begin = number * 200_000_000
    times = {"start_ns": begin, "end_ns": begin + 100_000_000}
    return Record(**{"span_id": f"{number:016x}", "parent_span_id": parent, **times, **fields})


def nested(n: int) -> list[Record]:
    times = {"start_ns": 0, "end_ns": 1}
    return [call(i, f"{i + 1:016x}", scope=f"scope {i}", **times) for i in range(n)]


# The calls of one trace, n of them
_TRACES: dict[str, Callable[[int], list[Record]]] = {
    "of one parent": lambda n: [call(i) for i in range(n)],
    "of two instrumentations": lambda n: [call(i, scope=f"scope {i % 2}") for i in range(n)],
    "of many instrumentations": lambda n: [call(i, scope=f"scope {i}") for i in range(n)],
    "with one answer's id": lambda n: [
        call(i, None, response_id="r", scope=f"scope {i % 2}") for i in range(n)
    ],
    "one in another": nested,
    "all under one call": lambda n: [*[call(i) for i in range(n)], call(n, None, span_id="parent")],
}


@pytest.mark.parametrize("name", _TRACES)
def test_duplicates_are_found_in_linear_time(name: str) -> None:
    def settled(records: list[Record]) -> None:
        deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
        for record in records:
            deduplicator.add(record)
        assert len(deduplicator) <= len(records)
        deduplicator.flush()

    assert growth(_TRACES[name], settled, 300) < _MOST
