"""A bug of ours, planted in each place that a call passes: the user does not notice.

Outside the strict mode it costs one line in the log and is counted; the call is the SDK's own.
"""

from __future__ import annotations

import dataclasses
import gc
import logging
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
from pulse_otel import log, observe
from pulse_otel.export import exporter
from pulse_otel.export.delivery import worker as delivery
from pulse_otel.guard import internal_errors
from pulse_otel.instrumentation import (
    body,
    call,
    endpoint,
    parameters,
    patch,
    raw,
    recorder,
    request,
    span_attributes,
    stream,
)
from pulse_otel.instrumentation.anthropic import own_spans
from pulse_otel.instrumentation.anthropic.endpoints import ENDPOINTS as ANTHROPIC
from pulse_otel.instrumentation.openai.endpoints import ENDPOINTS as OPENAI
from tests.conftest import KEY
from tests.exchange import Call, Outcome, Wire, connect, new_loop, run
from tests.instrumentation.test_differential import without_option
from tests.reply_strategies import ERROR, EVENTS, WHOLE, Reply, encoded, stream_of
from tests.usual_exchanges import USUAL, answer

PLACES: tuple[tuple[Any, str], ...] = (
    (request, "_without_parameters"),
    (request, "_open"),
    (request, "observe_result"),
    (request, "current_call"),
    (call.LlmCall, "open"),
    (call.LlmCall, "attach"),
    (call.LlmCall, "chunk"),
    (call.LlmCall, "response"),
    (call.LlmCall, "finish"),
    (call, "http_facts"),
    (call, "call_error"),
    (span_attributes, "bounded_json"),
    (endpoint.Endpoints, "find"),
    (parameters, "split"),
    (parameters, "carry"),
    (stream, "_is_stream"),
    (stream, "_tap"),
    (stream, "observe_raw"),
    (stream, "_settle"),
    (body.StreamObserver, "bytes_read"),
    (body.StreamObserver, "body_closed"),
    (body.StreamObserver, "body_ended"),
    (body.StreamObserver, "_end"),
    (raw._Unparsed, "add"),
    (raw._Unparsed, "settle"),
    (raw, "_body"),
    (patch, "observed_options"),
    (own_spans, "_stand_in"),
    (recorder.Recorder, "tracer"),
    (exporter.PulseSpanExporter, "takes"),
    (exporter, "claim"),
    (delivery.Delivery, "submit"),
)
PARAMETER = {"pulse_session_id": "s"}
READERS = ("request", "response", "assemble", "bill", "provider", "usage_option")


def calls(sdk: str) -> list[tuple[Call, list[Reply]]]:
    """A call of every kind: whole, streamed, raw, streamed raw, failing, on a copy, left early."""
    plain, streamed = USUAL[sdk], {**USUAL[sdk], "stream": True}
    whole, events = answer(WHOLE[sdk]), [stream_of(sdk, [encoded(e) for e in EVENTS[sdk]])]
    streaming = "with_streaming_response"
    return [
        (Call(sdk, "create", plain), whole),
        (Call(sdk, "create", plain, retries=1), whole),
        (Call(sdk, "create", plain), answer(ERROR[sdk], 400)),
        (Call(sdk, "create", plain, "with_raw_response"), whole),
        (Call(sdk, "create", plain, streaming, ("parse",)), whole),
        (Call(sdk, "create", plain, streaming, ("read",)), whole),
        (Call(sdk, "create", streamed), events),
        (Call(sdk, "create", streamed, take=2, leave="close"), events),
        (Call(sdk, "create", streamed, take=2, leave="drop"), events),
        (Call(sdk, "create", streamed, streaming, ("iter_lines",)), events),
        (Call(sdk, "create", streamed, streaming, ("parse",)), events),
        (Call(sdk, "create", streamed), [Reply(200, events[0].headers, events[0].pieces, "read")]),
        (Call(sdk, "stream", plain), events),
    ]


class Programs:
    """The calls, by a bare and an observed client: one of each SDK, one sync and one async."""

    def __init__(self) -> None:
        self.loop = new_loop()
        self.done: list[tuple[Any, Wire, Call, list[Reply], Outcome]] = []
        for make, sdk in ((openai.OpenAI, "openai"), (anthropic.AsyncAnthropic, "anthropic")):
            bare, bare_wire = connect(make)
            client, wire = connect(make)
            observe(client, sdk)
            for warm, its_wire in ((bare, bare_wire), (client, wire)):
                run(warm, its_wire, answer(WHOLE[sdk]), calls(sdk)[0][0], self.loop, {})
            for call_, script in calls(sdk):
                expected = run(bare, bare_wire, script, call_, self.loop, {})
                self.done.append((client, wire, call_, script, expected))
        gc.collect()
        gc.freeze()

    def unaffected(self, extra: dict[str, Any]) -> None:
        """Every call gives what it gave without us."""
        for client, wire, call_, script, expected in self.done:
            found = run(client, wire, script, call_, self.loop, extra)
            gc.collect()
            found = without_option(found, expected)
            for field in dataclasses.fields(Outcome):
                what = (call_, field.name)
                assert getattr(found, field.name) == getattr(expected, field.name), what


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    made = Programs()
    yield made
    gc.unfreeze()
    made.loop.close()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Recording is on, and the strict mode off; what is logged meanwhile of internal errors."""
    pulse_otel.init_pulse(
        api_key=KEY,
        api_url="http://127.0.0.1:9",
        tracer_provider=TracerProvider(shutdown_on_exit=False),
        stream_usage="never",  # else one of us must stay whole, to hide the chunk again
    )
    monkeypatch.delenv("PULSE_STRICT")
    lines: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "internal error" in record.getMessage():
                lines.append(record.getMessage())

    handler = Listening()
    log.logger.addHandler(handler)
    yield lines
    log.logger.removeHandler(handler)
    pulse_otel.shutdown(0)


def broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("planted")


def check(programs: Programs, said: list[str], extra: dict[str, Any] = PARAMETER) -> None:
    before = internal_errors()
    programs.unaffected(extra)
    assert internal_errors() > before
    assert said
    assert len(said) == len(set(said))  # one line for each cause


@pytest.mark.row("U2")
@pytest.mark.parametrize(
    ("owner", "name"), PLACES, ids=lambda value: getattr(value, "__name__", value)
)
def test_in_a_place_that_calls_pass(
    owner: Any, name: str, programs: Programs, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(anthropic._base_client, "start_api_call_span") and owner is own_spans:
        pytest.skip("this version has no spans of its own")
    monkeypatch.setattr(owner, name, broken)

    # Who takes the parameters out of the request cannot fail and still have done so.
    check(programs, said, {} if name == "_without_parameters" else PARAMETER)


@pytest.mark.row("U2")
@pytest.mark.parametrize("name", READERS)
def test_in_a_reader(name: str, programs: Programs, said: list[str]) -> None:
    rows = [OPENAI.rows[0], ANTHROPIC.rows[0]]
    readers = [getattr(row, name) for row in rows]
    for row in rows:
        object.__setattr__(row, name, broken)
    try:
        check(programs, said)
    finally:
        for row, reader in zip(rows, readers, strict=True):
            object.__setattr__(row, name, reader)


def test_in_nothing(programs: Programs, said: list[str]) -> None:
    programs.unaffected(PARAMETER)

    assert said == []
