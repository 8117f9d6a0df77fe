"""All that observe a TracerProvider share one span processor."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from pulse_otel.span_starts import SpanObservers, add, add_once


class RefusesOne(TracerProvider):
    """Takes no processor the first time, as one that a signal handler interrupts."""

    refused = False

    def add_span_processor(self, span_processor: Any) -> None:
        if not self.refused:
            self.refused = True
            raise KeyboardInterrupt
        super().add_span_processor(span_processor)


@pytest.mark.parametrize("own", [False, True])
def test_those_who_come_after_one_that_was_not_added_observe_all_the_same(own: bool) -> None:
    provider, seen = RefusesOne(shutdown_on_exit=False), list[Any]()

    with pytest.raises(KeyboardInterrupt):
        if own:
            add(provider, SpanObservers())
        else:
            add_once(provider, "_first", ended=print)
    assert add_once(provider, "_second", ended=seen.append)
    provider.get_tracer("t").start_span("s").end()

    assert [span.name for span in seen] == ["s"]
