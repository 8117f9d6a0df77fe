"""How much memory a span that waits takes, by estimate."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Link

from pulse_otel.export.delivery.span_size import SPAN_BYTES, size_of


@pytest.mark.parametrize(
    ("attributes", "least"),
    [
        pytest.param({"x": tuple(range(50_000))}, 50_000 * 32, id="numbers"),
        pytest.param({"x": ("y" * 1000,) * 10}, 10_000, id="texts"),
        pytest.param({"x": "y" * 1000}, 4000, id="text"),
        pytest.param({"x": "\N{GRINNING FACE}" * 5000}, 20_000, id="four bytes each"),
        pytest.param({f"x{n}": n for n in range(100)}, 100 * 80, id="many attributes"),
    ],
)
def test_the_size_of_a_span_has_what_takes_memory(attributes: Any, least: int) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    span: Any = tracer.start_span("chat m", attributes=attributes)
    span.end()

    assert least <= size_of(span) < 2 * least + SPAN_BYTES


class Wrapped(ReadableSpan):
    """A span as a processor of the program may hand it on: with the attributes of another."""

    def __init__(self, span: ReadableSpan) -> None:
        self._span = span

    attributes = property(lambda self: self._span.attributes)
    events = property(lambda self: self._span.events)
    links = property(lambda self: self._span.links)


def test_the_events_and_links_of_a_span_count_too() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    first: Any = tracer.start_span("first")
    texts = {"x": "y" * 5000}
    link = Link(first.get_span_context(), texts)
    span: Any = tracer.start_span("chat m", links=[link])
    span.add_event("said", texts)
    span.end()

    assert size_of(span) > 10_000 + SPAN_BYTES
    assert size_of(Wrapped(span)) == size_of(span)
