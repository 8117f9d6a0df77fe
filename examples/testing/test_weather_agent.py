"""Tests of the agent: pytest examples/testing, with the extra `local` for the scripted provider."""

from collections.abc import Iterator

import pytest
import weather_agent

from pulse_otel.local.provider.replies import ToolCall, chat, openai_error
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.testing import PulseTraces, call, containing, run, tool


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedProvider]:
    """Answers in place of OpenAI; a mocked transport or a cassette will do as well."""
    with ScriptedProvider() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.openai_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        yield running


def test_it_looks_the_weather_up_and_answers(
    provider: ScriptedProvider, pulse_traces: PulseTraces
) -> None:
    asked = ToolCall(name="get_weather", arguments={"city": "Paris"}, id="call_1")
    provider.enqueue(chat(None, tool_calls=[asked]), chat("It is 22 degrees."))

    weather_agent.main()  # its init_pulse sends nothing here, and needs no key

    assert pulse_traces == [  # in the order in which they began
        run("answer", output="It is 22 degrees."),
        call(model="gpt-4o-mini", tools=["get_weather"], session_id="customer-7"),
        tool("get_weather", input={"city": "Paris"}, output=containing({"celsius": 22})),
        call(answer=containing("22"), messages=containing({"role": "tool"}), error=None),
    ]
    assert pulse_traces.cost_cents < 0.1
    assert pulse_traces.input_tokens + pulse_traces.output_tokens < 1000


def test_it_says_so_if_the_provider_refuses(
    provider: ScriptedProvider, pulse_traces: PulseTraces
) -> None:
    provider.enqueue(openai_error(401, "wrong key"))

    with pytest.raises(Exception, match="wrong key"):
        weather_agent.answer("How warm is it?", "customer-7")

    assert pulse_traces.only_call.error == containing("wrong key")
    assert pulse_traces.tools == []
