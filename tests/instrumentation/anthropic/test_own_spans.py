"""The SDK's own spans (1.14 and later) beside ours: one inference span, one trace context."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from tests.conftest import KEY, MESSAGES, Clients, RunPython

ASK: dict[str, Any] = {"model": "claude-x", "max_tokens": 50, "messages": MESSAGES}
OWN = "com.anthropic.sdk.python"

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic._base_client, "start_api_call_span"),
    reason=f"anthropic {anthropic.__version__} makes no spans of its own",
)


def _provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider, memory


def _ours(spans: InMemorySpanExporter) -> Any:
    (span,) = spans.get_finished_spans()
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "pulse_otel.anthropic"
    return span


@pytest.fixture
def traced(clients: Clients, spans: Any) -> Any:
    """A client whose own spans go where ours go; with its requests' headers."""
    from pulse_otel.instrumentation.recorder import recorders

    assert recorders.observed is not None
    destination = recorders.observed.provider()
    client = clients.anthropic(open_telemetry={"tracer_provider": destination})
    client._client.event_hooks = {"request": [lambda sent: seen.append(sent.headers)]}
    seen: list[Any] = []
    return observe(client, "anthropic"), seen


@pytest.mark.parametrize("way", ["create", "stream", "raw", "beta", "count_tokens", "error"])
def test_one_span_and_its_context_is_sent(
    way: str, traced: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    client, seen = traced
    if way == "error":
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(**{**ASK, "model": "no-such-model"})
    elif way == "stream":
        with client.messages.stream(**ASK) as stream:
            stream.until_done()
    elif way == "count_tokens":
        client.messages.count_tokens(model="m", messages=MESSAGES)
    else:
        resource = client.beta.messages if way == "beta" else client.messages
        (resource.with_raw_response if way == "raw" else resource).create(**ASK)

    context = _ours(spans).get_span_context()
    (headers,) = seen
    (sent,) = headers.get_list("traceparent")
    assert trace.format_trace_id(context.trace_id) in sent
    assert trace.format_span_id(context.span_id) in sent


def test_a_provider_that_the_user_chose_is_left_alone(
    clients: Clients, spans: InMemorySpanExporter
) -> None:
    other, theirs = _provider()
    client = observe(clients.anthropic(open_telemetry={"tracer_provider": other}), "anthropic")

    client.messages.create(**ASK)

    assert _ours(spans).parent is None
    (own,) = theirs.get_finished_spans()
    assert own.name == "anthropic.messages.create"
    assert own.parent is None


def test_a_client_that_is_not_observed_keeps_its_spans(clients: Clients, spans: Any) -> None:
    other, theirs = _provider()

    clients.anthropic(open_telemetry={"tracer_provider": other}).messages.create(**ASK)

    assert [span.name for span in theirs.get_finished_spans()] == ["anthropic.messages.create"]
    assert spans.get_finished_spans() == ()


def test_a_tool_runners_spans_are_the_parents_of_ours(
    traced: Any, spans: InMemorySpanExporter
) -> None:
    client, _ = traced

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    client.beta.messages.tool_runner(**ASK, tools=[weather]).until_done()

    finished = spans.get_finished_spans()
    (runner,) = [span for span in finished if span.name == "anthropic.messages.tool_runner"]
    calls = [span for span in finished if span.name == "chat claude-x"]
    assert len(calls) == 2
    for call in calls:
        assert call.parent is not None
        assert call.parent.span_id == runner.get_span_context().span_id
    # Theirs does not say what came out; Pulse makes one of the two, by the id.
    ours, tool = sorted(
        (s for s in finished if s.attributes["gen_ai.operation.name"] == "execute_tool"),
        key=lambda span: span.instrumentation_scope.name == OWN,
    )
    assert "gen_ai.tool.call.result" not in tool.attributes
    assert "sunny" in str(ours.attributes["gen_ai.tool.call.result"])
    assert tool.attributes["gen_ai.tool.call.id"] == ours.attributes["gen_ai.tool.call.id"]
    assert len(finished) == 5


def test_with_a_global_provider(provider: Any, run_python: RunPython) -> None:
    """As most programs have it: nothing is said to the client."""
    done = run_python(
        f"""
import anthropic, pulse_otel
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

memory = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(memory))
pulse_otel.init_pulse(api_key={KEY!r}, api_url="http://127.0.0.1:9")
client = anthropic.Anthropic(api_key="k", base_url={provider.anthropic_url!r})
pulse_otel.observe(client, "anthropic")
client.messages.create(**{ASK!r})
with client.messages.stream(**{ASK!r}) as stream:
    stream.until_done()
print([span.instrumentation_scope.name for span in memory.get_finished_spans()])
pulse_otel.shutdown(0)
"""
    )

    assert done.stdout.strip() == "['pulse_otel.anthropic', 'pulse_otel.anthropic']", done.stderr
