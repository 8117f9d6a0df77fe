"""Tool runners and message threads: each call they make is recorded, with what they were given."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe
from pulse_otel.local.provider.replies import DEFAULT_TEXT
from tests.conftest import MESSAGES, Clients

ASK: dict[str, Any] = {"model": "claude-x", "max_tokens": 50, "messages": MESSAGES}
PULSE: dict[str, Any] = {"pulse_session_id": "s", "pulse_metadata": {"a": 1}}
TYPED: dict[str, Any] = {"extra_headers": pulse_otel.call(session_id="s", metadata={"a": 1})}
TURN: Any = {"role": "user", "content": "Hello Pulse"}


@pytest.fixture
def client(clients: Clients, spans: Any) -> Any:
    return observe(clients.anthropic(), "anthropic")


def _needs(client: Any, name: str) -> None:
    if not hasattr(client.beta.messages, name):
        pytest.skip(f"anthropic {anthropic.__version__} has no beta.messages.{name}")


def _weather(asynchronous: bool = False) -> Any:
    if not asynchronous:

        @anthropic.beta_tool
        def weather(city: str) -> str:
            """The weather of a city."""
            return f"sunny in {city}"

        return weather

    @anthropic.beta_async_tool
    async def aweather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    return aweather


def _checked(provider: Any, spans: InMemorySpanExporter, sessions: list[str]) -> list[Any]:
    calls = [span for span in spans.get_finished_spans() if span.name == "chat claude-x"]
    assert [span.attributes["session.id"] for span in calls] == sessions
    assert all(span.attributes["pulse.metadata"] == '{"a":1}' for span in calls)
    assert len(provider.requests) == len(calls)
    for received in provider.requests:
        assert not [header for header in received.headers if "pulse" in header]
        assert b"pulse_" not in received.body
    return calls


@pytest.mark.parametrize("labels", [PULSE, TYPED], ids=["parameters", "headers"])
@pytest.mark.parametrize("stream", [False, True])
def test_tool_runner(
    stream: bool,
    labels: dict[str, Any],
    client: Any,
    provider: Any,
    spans: InMemorySpanExporter,
) -> None:
    _needs(client, "tool_runner")

    runner = client.beta.messages.tool_runner(**ASK, **labels, tools=[_weather()], stream=stream)
    final = runner.until_done()

    assert final.content[0].text == DEFAULT_TEXT
    first, second = _checked(provider, spans, ["s", "s"])
    assert first.attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert "sunny in Paris" in second.attributes["gen_ai.input.messages"]


def test_async_tool_runner(provider: Any, spans: InMemorySpanExporter) -> None:
    async def main() -> None:
        url = provider.anthropic_url
        async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client:
            _needs(client, "tool_runner")
            observe(client, "anthropic")
            tools = [_weather(asynchronous=True)]
            await client.beta.messages.tool_runner(**ASK, **PULSE, tools=tools).until_done()

    asyncio.run(main())
    _checked(provider, spans, ["s", "s"])


def _thread(client: Any, **more: Any) -> Any:
    _needs(client, "thread")
    return client.beta.messages.thread(model="claude-x", max_tokens=50, **more)


@pytest.mark.parametrize("labels", [PULSE, TYPED], ids=["parameters", "headers"])
def test_every_turn_of_a_thread(
    labels: dict[str, Any], client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    thread = _thread(client, **labels)

    thread.send(TURN)
    with thread.stream(TURN) as stream:
        stream.until_done()
    thread.parse(TURN)
    thread.fork().send(TURN)

    _checked(provider, spans, ["s"] * 4)


def test_a_turn_has_parameters_of_its_own(
    client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    thread = _thread(client, **PULSE, extra_headers={"x-thread": "1"})

    thread.send(TURN, pulse_session_id="own")
    with thread.stream(TURN, pulse_session_id="streamed") as stream:
        stream.until_done()
    thread.send(TURN, extra_headers={"x-turn": "1"})
    thread.send(TURN, extra_headers=pulse_otel.call(session_id="typed", headers={"x-turn": "1"}))
    thread.send(TURN)

    _checked(provider, spans, ["own", "streamed", "s", "typed", "s"])
    sent = [
        {name: "1" for name in r.headers if name[:4] in ("x-th", "x-tu")} for r in provider.requests
    ]
    assert [name for headers in sent for name in headers] == [
        "x-thread",
        "x-thread",
        "x-turn",
        "x-turn",
        "x-thread",
    ]


def test_a_tool_runner_over_a_thread(
    client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    _needs(client, "thread")
    thread = _thread(client, tools=[_weather()], messages=[TURN])

    thread.tool_runner(**PULSE).until_done()

    _checked(provider, spans, ["s", "s"])


def test_an_async_thread(provider: Any, spans: InMemorySpanExporter) -> None:
    async def main() -> None:
        url = provider.anthropic_url
        async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client:
            thread = _thread(observe(client, "anthropic"), **PULSE)
            await thread.send(TURN)
            async with thread.stream(TURN, pulse_session_id="own") as stream:
                assert [event async for event in stream]

    asyncio.run(main())
    _checked(provider, spans, ["s", "own"])


def test_an_unknown_parameter_is_still_refused(client: Any) -> None:
    with pytest.raises(TypeError, match="unknown"):
        _thread(client, unknown=1)
    with pytest.raises(TypeError, match="unknown"):
        _thread(client).send(TURN, unknown=1)
