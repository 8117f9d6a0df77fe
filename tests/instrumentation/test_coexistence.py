"""With the official GenAI instrumentations on at the same time: one inference span per call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor
from pulse_otel.instrumentation import call
from pulse_otel.local.provider.replies import openai_error
from tests.conftest import MESSAGES

official_openai = pytest.importorskip("opentelemetry.instrumentation.genai.openai")
official_anthropic = pytest.importorskip("opentelemetry.instrumentation.genai.anthropic")

# Until `LlmCall.open` asks for a borrowed span.
pytestmark = pytest.mark.skipif(not hasattr(call, "reuse_active_span"), reason="not wired in")

G: dict[str, Any] = {"model": "m", "messages": MESSAGES}
C: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": MESSAGES}


class Exported:
    """A provider, and what comes out of it."""

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self._memory = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._memory))

    @property
    def spans(self) -> list[Any]:
        return list(self._memory.get_finished_spans())


def _both(theirs: Any, ours: Any, exported: Exported, ours_to: Exported) -> Iterator[None]:
    theirs.instrument(tracer_provider=exported.provider)
    ours.instrument(tracer_provider=ours_to.provider, capture_content=True, stream_usage="always")
    yield
    ours.uninstrument()
    theirs.uninstrument()


@pytest.fixture
def exported() -> Exported:
    return Exported()


@pytest.fixture
def openai_both(exported: Exported) -> Iterator[None]:
    yield from _both(official_openai.OpenAIInstrumentor(), OpenAIInstrumentor(), exported, exported)


@pytest.fixture
def anthropic_both(exported: Exported) -> Iterator[None]:
    yield from _both(
        official_anthropic.AnthropicInstrumentor(), AnthropicInstrumentor(), exported, exported
    )


@pytest.mark.usefixtures("openai_both")
def test_their_span_is_filled_with_what_we_know(exported: Exported, openai_client: Any) -> None:
    openai_client.chat.completions.create(pulse_session_id="s", tool_choice="none", **G)
    list(openai_client.chat.completions.create(stream=True, **G))

    plain, streamed = exported.spans
    assert plain.instrumentation_scope.name.startswith("opentelemetry.instrumentation.genai")
    assert plain.attributes["session.id"] == "s"
    assert "tool_choice" in plain.attributes["pulse.request.parameters"]
    for span in (plain, streamed):
        assert "Hello Pulse" in span.attributes["gen_ai.input.messages"]
        assert "gen_ai.output.messages" in span.attributes
        assert span.attributes["gen_ai.usage.input_tokens"] == 120


@pytest.mark.usefixtures("openai_both")
def test_a_failed_call_and_an_abandoned_stream(
    exported: Exported, openai_client: Any, provider: Any
) -> None:
    from openai import NotFoundError

    provider.enqueue(openai_error(404, "no such model", code="model_not_found"))
    with pytest.raises(NotFoundError):
        openai_client.chat.completions.create(**G)
    with openai_client.chat.completions.create(stream=True, **G) as stream:
        next(iter(stream))

    failed, left = exported.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert "Hello Pulse" in left.attributes["gen_ai.input.messages"]


@pytest.mark.usefixtures("anthropic_both")
def test_calls_beneath_an_open_stream_and_after_a_leaked_one(
    exported: Exported, anthropic_client: Any
) -> None:
    """Their stream stays in the context of its creator: alone, they lose these calls."""
    with anthropic_client.messages.create(stream=True, **C) as stream:
        anthropic_client.messages.create(**C)
        list(stream)
    left_open = anthropic_client.messages.create(stream=True, **C)
    anthropic_client.messages.create(**C)
    anthropic_client.messages.create(**C)
    left_open.close()

    spans = [span for span in exported.spans if span.attributes["gen_ai.operation.name"] == "chat"]
    assert len(spans) == 5
    assert all("Hello Pulse" in span.attributes["gen_ai.input.messages"] for span in spans)


@pytest.mark.usefixtures("openai_both")
def test_nothing_is_written_on_their_span_after_they_ended_it(
    exported: Exported, openai_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Their stream ends at a chunk that the program does not wait for; ours goes on."""
    official_openai.OpenAIInstrumentor().uninstrument()
    span = exported.provider.get_tracer("theirs").start_span("chat m")
    marked = otel_context.set_value("opentelemetry.genai.client.inference.context", Exported())
    token = otel_context.attach(trace.set_span_in_context(span, marked))
    stream = openai_client.chat.completions.create(stream=True, **G)
    otel_context.detach(token)
    span.end()

    list(stream)

    assert [ended.name for ended in exported.spans] == ["chat m"]
    assert caplog.messages == []


def test_two_pipelines_get_a_span_each(exported: Exported, openai_client: Any) -> None:
    other = Exported()
    switched_on = _both(official_openai.OpenAIInstrumentor(), OpenAIInstrumentor(), exported, other)
    next(switched_on)
    openai_client.chat.completions.create(**G)
    list(switched_on)

    assert len(exported.spans) == len(other.spans) == 1
    assert "gen_ai.input.messages" not in exported.spans[0].attributes
