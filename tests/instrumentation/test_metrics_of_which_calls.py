"""Which calls are in the metrics, and whose: each call once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.metrics import Meter, NoOpMeterProvider
from opentelemetry.sdk.metrics.view import View

from pulse_otel import OpenAIInstrumentor, last_call, paused
from tests.conftest import MESSAGES, RunPython
from tests.instrumentation.metering import (
    CLAUDE,
    DURATION,
    FIRST_CHUNK,
    GPT,
    USAGE,
    Metrics,
    Recording,
)


def test_a_call_that_the_sampler_leaves_out_is_counted_and_leaves_no_other_trace(
    recorded: Recording, metrics: Metrics, openai_client: Any
) -> None:
    before = last_call()
    recorded.sampler.on = False
    openai_client.chat.completions.create(**GPT)
    list(openai_client.chat.completions.create(**GPT, stream=True))

    points = metrics.points()

    assert sum(point.count for point in points[DURATION]) == 2
    assert all("gen_ai.response.model" in point.attributes for point in points[DURATION])
    assert {point.attributes["gen_ai.token.type"] for point in points[USAGE]} == {"input", "output"}
    assert points[FIRST_CHUNK][0].count == 1
    assert recorded.spans == []
    assert last_call() == before


def test_tools_asked_for_in_a_call_that_the_sampler_left_out_are_not_recorded(
    recorded: Recording, openai_client: Any
) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    recorded.sampler.on = False
    asked = openai_client.chat.completions.create(**GPT, tools=[tool]).choices[0].message
    recorded.sampler.on = True
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "seen"}
    messages = [*MESSAGES, asked.model_dump(exclude_none=True), result]
    openai_client.chat.completions.create(model="gpt-5", messages=messages, tools=[tool])

    assert [span.name for span in recorded.spans] == ["chat gpt-5"]


@pytest.mark.usefixtures("recorded")
def test_calls_that_are_not_recorded_on_purpose_are_not_counted(
    metrics: Metrics, openai_client: Any
) -> None:
    with paused():
        openai_client.chat.completions.create(**GPT)
    with suppress_instrumentation():
        openai_client.chat.completions.create(**GPT)

    assert metrics.points() == {}


class NoOps(NoOpMeterProvider):
    asked = 0

    def get_meter(self, *args: Any, **kwargs: Any) -> Meter:
        self.asked += 1
        return super().get_meter(*args, **kwargs)


def test_a_no_op_provider_is_asked_for_nothing(recording: Recording, openai_client: Any) -> None:
    meters = NoOps()
    with recording.to(meters):
        list(openai_client.chat.completions.create(**GPT, stream=True))

    assert meters.asked == 0
    assert len(recording.spans) == 1


def test_what_is_no_meter_provider_is_refused() -> None:
    with pytest.raises(TypeError, match="meter_provider: expected a MeterProvider, got str"):
        OpenAIInstrumentor().instrument(meter_provider="global")
    OpenAIInstrumentor().uninstrument()


class CallsWithin:
    """An exemplar reservoir that makes a call, as a signal handler may, in the SDK's lock."""

    def __init__(self, **settings: Any) -> None: ...

    client: Any = None

    def offer(self, *args: Any) -> None:
        client, CallsWithin.client = self.client, None
        if client is not None:
            client.chat.completions.create(**GPT)

    def collect(self, attributes: Any) -> list[Any]:
        return []


def test_a_call_that_ends_inside_the_metrics_sdk_is_recorded_with_the_next(
    recording: Recording, openai_client: Any
) -> None:
    """Its locks are not re-entrant: the thread would wait for itself."""
    view = View(instrument_name=DURATION, exemplar_reservoir_factory=lambda kind: CallsWithin)  # type: ignore[arg-type,return-value]
    metrics = Metrics(view, delta=True)
    with recording.to(metrics.provider):
        CallsWithin.client = openai_client
        openai_client.chat.completions.create(**GPT)
        openai_client.chat.completions.create(**GPT)

    assert len(recording.spans) == 3
    assert sum(point.count for point in metrics.points()[DURATION]) == 3


def test_calls_of_many_threads_are_all_counted(
    recorded: Recording, metrics: Metrics, openai_client: Any
) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(openai_client.chat.completions.create, **GPT) for _ in range(64)]
    assert all(one.result().choices for one in made)

    assert sum(point.count for point in metrics.points()[DURATION]) == 64


LATE = """
import pulse_otel
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from openai import OpenAI
from pulse_otel.local.provider.server import ScriptedProvider

pulse_otel.init_pulse(
    {"api_key": "pulse_sk_test", "api_url": "http://127.0.0.1:9"}, instrument=True
)
reader = InMemoryMetricReader()
with ScriptedProvider() as provider, OpenAI(api_key="k", base_url=provider.openai_url) as client:
    for name in ("before", "after", "after"):
        if name == "after" and not isinstance(metrics.get_meter_provider(), MeterProvider):
            metrics.set_meter_provider(MeterProvider([reader]))
        client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hello"}])
for scope in reader.get_metrics_data().resource_metrics[0].scope_metrics:
    for metric in scope.metrics:
        if metric.name == "gen_ai.client.operation.duration":
            for point in metric.data.data_points:
                print(point.attributes["gen_ai.request.model"], point.count)
pulse_otel.shutdown(0)
"""


def test_a_global_provider_that_is_set_after_the_first_call_gets_the_later_ones(
    run_python: RunPython,
) -> None:
    done = run_python(LATE)

    assert done.stdout == "after 2\n", done.stderr


@contextmanager
def official(recording: Recording, meters: Any) -> Iterator[None]:
    package = "opentelemetry.instrumentation.genai"
    theirs = (
        pytest.importorskip(f"{package}.openai").OpenAIInstrumentor(),
        pytest.importorskip(f"{package}.anthropic").AnthropicInstrumentor(),
    )
    for one in theirs:
        one.instrument(tracer_provider=recording.traces, meter_provider=meters)
    yield
    for one in theirs:
        one.uninstrument()


def _calls(openai_client: Any, anthropic_client: Any, sdk: str) -> None:
    if sdk == "openai":
        openai_client.chat.completions.create(**GPT)
        list(openai_client.chat.completions.create(**GPT, stream=True))
        openai_client.embeddings.create(model="e", input="Hello")
    else:
        anthropic_client.messages.create(**CLAUDE)
        list(anthropic_client.messages.create(**CLAUDE, stream=True))


def _described(metrics: Metrics) -> dict[Any, tuple[int, set[str]]]:
    """What a dashboard sees: per metric, operation and type of token the count and the keys."""
    found: dict[Any, tuple[int, set[str]]] = {}
    for name, points in metrics.points().items():
        for point in points:
            told = point.attributes
            key = name, told["gen_ai.operation.name"], told.get("gen_ai.token.type")
            count, keys = found.get(key, (0, set()))
            found[key] = count + point.count, keys | set(told)
    return found


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_whoever_replaces_the_official_instrumentation_by_ours_keeps_its_metrics(
    sdk: str, openai_client: Any, anthropic_client: Any
) -> None:
    theirs, ours, recording = Metrics(), Metrics(), Recording()
    with official(recording, theirs.provider):
        _calls(openai_client, anthropic_client, sdk)
    with recording.to(ours.provider):
        _calls(openai_client, anthropic_client, sdk)

    before, after = _described(theirs), _described(ours)

    assert before.keys() == after.keys()
    for key, (count, attributes) in before.items():
        assert after[key][0] == count, key
        assert attributes - after[key][1] <= {"openai.response.system_fingerprint"}, key


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_call_that_an_official_instrumentation_counts_is_counted_by_it_alone(
    sdk: str, sampled: bool, openai_client: Any, anthropic_client: Any
) -> None:
    theirs, ours, recording = Metrics(), Metrics(), Recording()
    recording.sampler.on = sampled
    with official(recording, theirs.provider), recording.to(ours.provider):
        _calls(openai_client, anthropic_client, sdk)

    assert sum(point.count for point in theirs.points()[DURATION]) == (3 if sdk == "openai" else 2)
    assert ours.points() == {}
