"""The user sees exactly what the bare SDK gives: every exchange is run with us and without.

``PULSE_DIFF_EXAMPLES`` sets how many exchanges are generated; by default a few, always the same.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import inspect
import logging
import os
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import pulse_otel
from pulse_otel import observe
from pulse_otel.guard import internal_errors
from tests.conftest import KEY
from tests.exchange import Call, Outcome, connect, new_loop, run
from tests.reply_strategies import Reply, replies
from tests.strategies import arguments
from tests.usual_exchanges import usual

EXAMPLES = int(os.environ.get("PULSE_DIFF_EXAMPLES", "200"))
CLASSES = {
    "openai": (openai.OpenAI, openai.AsyncOpenAI),
    "anthropic": (anthropic.Anthropic, anthropic.AsyncAnthropic),
}
RESOURCES = {
    "openai": openai.resources.chat.Completions,
    "anthropic": anthropic.resources.Messages,
}
METHODS = {
    sdk: [name for name in ("stream", "parse") if hasattr(RESOURCES[sdk], name)] for sdk in CLASSES
}
MODES = ("", "with_raw_response", "with_streaming_response")
READS = ("parse", "read", "text", "json", "iter_lines", "iter_bytes", "close", "nothing")
ASKED = b',"stream_options":{"include_usage":true}}'


@st.composite
def exchanges(draw: Any, sdk: str) -> tuple[Call, list[Reply], dict[str, Any]]:
    """A call, the server's answers, and the parameters that only we take."""
    method = draw(st.sampled_from(["create"] * 8 + METHODS[sdk]))
    given = draw(arguments(sdk, inspect.signature(getattr(RESOURCES[sdk], method)).parameters))
    streamed = draw(st.booleans())
    if method == "create" and streamed:
        given["stream"] = draw(st.sampled_from([True] * 7 + ["yes"]))
    mode = draw(st.sampled_from(MODES)) if method == "create" else ""
    call = Call(
        sdk,
        method,
        given,
        mode,
        tuple(draw(st.lists(st.sampled_from(READS), min_size=1, max_size=2))),
        draw(st.sampled_from([99, 99, 99, 0, 1, 2, 4])),
        draw(st.sampled_from(["", "", "close", "with", "drop"])),
        draw(st.sampled_from([0] * 7 + [1])),
    )
    script = draw(replies(sdk, method == "stream" or streamed))
    labels = {"session_id": "s", "metadata": {"a": 1}}
    forms = [{}, {f"pulse_{name}": labels[name] for name in labels}]
    if "extra_headers" not in given:
        forms.append({"extra_headers": pulse_otel.call(**labels)})
    extra = draw(st.sampled_from(forms))
    return call, script, extra


class Pairs:
    """A bare and an observed client of each class, and the spans of the observed ones."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        pulse_otel.init_pulse(api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=provider)
        self.loop = new_loop()

    @functools.cache  # noqa: B019 - lives as long as the module's tests
    def of(self, make: Any, sdk: str) -> tuple[Any, Any]:
        bare, observed = connect(make), connect(make)
        observe(observed[0], sdk)
        _, call, script, _ = next(usual(sdk, METHODS[sdk]))  # so that the SDK loads all it needs
        for client, wire in (bare, observed):
            run(client, wire, script, call, self.loop, {})
        gc.collect()
        gc.freeze()  # what is collected later is what the exchanges left
        return bare, observed

    def calls(self) -> int:
        """How many calls were recorded; a tool loop has spans of another kind as well."""
        spans = self.spans.get_finished_spans()
        return sum(span.kind is SpanKind.CLIENT for span in spans)

    def close(self) -> None:
        self.loop.close()
        pulse_otel.shutdown(0)


@pytest.fixture(scope="module")
def pairs() -> Iterator[Pairs]:
    made = Pairs()
    yield made
    gc.unfreeze()
    made.close()


@pytest.fixture(scope="module")
def complaints() -> Iterator[list[str]]:
    """What we had to say, and OpenTelemetry because of us; not that the service is absent."""
    said: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "the service cannot be reached" not in record.getMessage():
                said.append(record.getMessage())

    loggers = [logging.getLogger(name) for name in ("opentelemetry", "pulse_otel")]
    handler = Listening(logging.WARNING)
    for logger in loggers:
        logger.addHandler(handler)
    yield said
    for logger in loggers:
        logger.removeHandler(handler)


def without_option(outcome: Outcome, bare: Outcome) -> Outcome:
    """`outcome` without the option that we add to streams; its request is longer by that."""
    requests = []
    for (method, url, headers, body), (*_, bare_body) in zip(
        outcome.requests, bare.requests, strict=False
    ):
        if body != bare_body and body.endswith(ASKED):
            length = str(len(body))
            body = body[: -len(ASKED)] + b"}"
            headers = [
                (name, str(len(body)) if (name, value) == ("content-length", length) else value)
                for name, value in headers
            ]
        requests.append((method, url, headers, body))
    return dataclasses.replace(outcome, requests=requests + outcome.requests[len(requests) :])


BOTH_SDKS = pytest.mark.parametrize("sdk", ["openai", "anthropic"])
BOTH_KINDS = pytest.mark.parametrize("kind", [0, 1], ids=["sync", "async"])


def compare(
    pairs: Pairs, make: Any, call: Call, script: list[Reply], extra: dict[str, Any], said: list[str]
) -> None:
    """Run the exchange with a bare client and with an observed one, and see no difference."""
    (bare, bare_wire), (observed, observed_wire) = pairs.of(make, call.sdk)
    pairs.spans.clear()
    errors_before = internal_errors()
    said.clear()

    expected = run(bare, bare_wire, script, call, pairs.loop, {})
    found = run(observed, observed_wire, script, call, pairs.loop, extra)

    found = without_option(found, expected)
    for name in (field.name for field in dataclasses.fields(Outcome)):
        assert getattr(found, name) == getattr(expected, name), name
    assert internal_errors() == errors_before
    assert said == []
    if found.requests and not pairs.calls():
        gc.collect()  # a response that was left unread, and is part of a cycle
    assert pairs.calls() in ([1] if found.requests else [0, 1])


# The worker that finds no service waits for a random time, while hypothesis draws.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.timeout(0 if EXAMPLES > 200 else 120)
@BOTH_KINDS
@BOTH_SDKS
def test_same_with_and_without_us(sdk: str, kind: int, pairs: Pairs, complaints: list[str]) -> None:
    @settings(
        max_examples=EXAMPLES // 4,
        deadline=None,
        database=None,
        derandomize="PULSE_DIFF_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(exchange=exchanges(sdk))
    def same(exchange: tuple[Call, list[Reply], dict[str, Any]]) -> None:
        call, script, extra = exchange
        compare(pairs, CLASSES[sdk][kind], call, script, extra, complaints)

    same()


@BOTH_KINDS
@BOTH_SDKS
def test_same_in_the_usual_cases(sdk: str, kind: int, pairs: Pairs, complaints: list[str]) -> None:
    tried = 0
    for name, call, script, extra in usual(sdk, METHODS[sdk]):
        try:
            compare(pairs, CLASSES[sdk][kind], call, script, extra, complaints)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
        tried += 1

    assert tried > 150
