"""What decorated generators record of what they yield, and of how they end."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from pulse_otel import trace
from pulse_otel.units.content import Yielded
from tests.units.reading import io, named


def test_a_generator_that_yields_nothing_has_its_result_as_output(spans: Any) -> None:
    @trace("empty")
    def empty() -> Any:
        return "result"
        yield

    assert list(empty()) == []

    (span,) = spans.get_finished_spans()
    assert io(span) == (None, "result")


def test_an_error_inside_of_a_generator_is_one_and_leaving_it_is_none(spans: Any) -> None:
    @trace("fails")
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError

    @trace("left")
    def left() -> Iterator[int]:
        yield 1
        yield 2

    with pytest.raises(ValueError):  # noqa: PT011
        list(fails())
    for _ in left():
        break
    gc.collect()

    found = named(spans)
    assert found["fails"].status.status_code is StatusCode.ERROR
    assert found["left"].status.status_code is StatusCode.UNSET
    assert io(found["left"]) == (None, "[1]")


def test_a_long_stream_is_kept_within_its_bound(spans: Any) -> None:
    @trace("many")
    def many(texts: bool) -> Iterator[Any]:
        for number in range(20_000):
            yield "x" * 100 if texts else number

    assert sum(1 for _ in many(True)) == sum(1 for _ in many(False)) == 20_000

    texts, numbers = (io(span)[1] or "" for span in spans.get_finished_spans())
    assert "xxx" in texts
    assert len(texts.encode()) <= 262_144
    assert numbers.startswith("[0,1,2,")
    assert numbers.endswith('999,"… [19000 items left out]"]')


def test_texts_that_say_nothing_take_no_room() -> None:
    kept = Yielded(1000)

    tracemalloc.start()
    try:
        for _ in range(300_000):
            kept.add("")
        kept.add("end")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept.value == "end"
    assert most < 300_000  # a byte for each
