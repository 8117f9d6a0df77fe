"""What Pulse shows of a program with units of work, at the development service."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

import pulse_otel
from pulse_otel import observe, session, tool, trace
from pulse_otel.local.provider.replies import ToolCall, chat
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from tests.conftest import KEY, Service
from tests.units.test_tools import GPT, TOOLS


@tool
def get_weather(city: str) -> str:
    if city == "nowhere":
        raise LookupError(city)
    return f"7 degrees in {city}"


@trace("answer a question")
def agent(client: Any, question: str) -> str:
    """Two calls and a tool; it handles the tool's error."""
    messages: list[Any] = [{"role": "user", "content": question}]
    first = client.chat.completions.create(**GPT, messages=messages, tools=TOOLS)
    message = first.choices[0].message
    (call,) = message.tool_calls
    try:
        result = get_weather(**json.loads(call.function.arguments))
    except LookupError:
        result = "no such place"
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": result},
    ]
    second = client.chat.completions.create(**GPT, messages=messages, tools=TOOLS)
    return str(second.choices[0].message.content)


def _run(client: Any, provider: Any, city: str = "Oslo") -> str:
    asked = ToolCall(name="get_weather", arguments={"city": city}, id="call_1")
    provider.enqueue(chat(None, tool_calls=[asked]), chat("Cold."))
    answer = agent(observe(client, "openai"), f"The weather in {city}?")
    assert pulse_otel.flush_buffer(10)
    return answer


def _spans(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    spans: dict[str, list[dict[str, Any]]] = {}
    for span in found["spans"]:
        spans.setdefault(span["kind"], []).append(span)
    return spans


def test_a_run_is_one_trace_with_each_thing_once(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    with session("s-1"):
        assert _run(openai_client, provider) == "Cold."

    (found,) = pulse.traces(1)
    spans = _spans(found)
    (run,), (use,), calls = spans["agent_run"], spans["tool_use"], spans["llm_call"]
    assert [span["parentSpanId"] for span in (use, *calls)] == [run["spanId"]] * 3
    assert run["parentSpanId"] is None
    assert {span["sessionId"] for span in found["spans"]} == {"s-1"}
    assert (run["label"], run["agentName"], run["outputText"]) == (
        "agent_run",
        "answer a question",
        "Cold.",
    )
    assert (use["label"], use["toolUseId"]) == ("get_weather", "call_1")
    assert (use["toolInput"], use["toolResponse"]) == ({"city": "Oslo"}, "7 degrees in Oslo")
    assert found["toolCallCount"] == 1


def test_a_runs_input_and_output_are_its_spans_bodies(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    @trace("outer")
    def outer(question: str, times: int) -> dict[str, str]:
        return {"answer": _run(openai_client, provider)}

    outer("Q", 1)
    assert pulse_otel.flush_buffer(10)

    (found,) = pulse.traces(1)
    (run,) = [span for span in found["spans"] if span.get("agentName") == "outer"]
    request, response = run["metadata"]["pulse.request"], run["metadata"]["pulse.response"]
    assert request["messages"] == [{"role": "user", "content": '{"question":"Q","times":1}'}]
    assert response["choices"][0]["message"]["content"] == '{"answer":"Cold."}'


def test_question_answer_tokens_and_cost_of_the_trace_are_those_of_its_calls(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    """The service shows the first call's question and answer, whatever is around it (§3.4)."""
    _run(openai_client, provider)

    (found,) = pulse.traces(1)
    calls = _spans(found)["llm_call"]
    assert found["requestBody"]["messages"][0]["content"] == "The weather in Oslo?"
    assert "tool_calls" in found["responseBody"]["choices"][0]["message"]
    assert found["inputTokens"] == sum(call["inputTokens"] for call in calls) == 240
    assert found["costCents"] == pytest.approx(sum(call["costCents"] for call in calls))
    assert found["metadata"]["summary"] == "answer a question"


def test_the_latency_of_a_trace_counts_the_run_and_what_is_in_it(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    """The service adds up all spans (§3.4); the run's own duration is the time that it took."""
    _run(openai_client, provider)

    (found,) = pulse.traces(1)
    (run,) = _spans(found)["agent_run"]
    inside = [span["durationMs"] for span in found["spans"] if span is not run]
    assert found["latencyMs"] == run["durationMs"] + sum(inside)
    assert run["durationMs"] >= sum(inside) - len(inside)  # they follow each other; whole ms


def test_a_tools_error_that_the_agent_handled_makes_the_trace_an_error(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    """Any span's error does (§3.4); the run and its calls are not errors themselves."""
    assert _run(openai_client, provider, city="nowhere") == "Cold."

    (found,) = pulse.traces(1)
    spans = _spans(found)
    assert found["status"] == "error"
    assert found["error"]["name"] == "LookupError"
    assert [span["status"] for span in (*spans["agent_run"], *spans["llm_call"])] == ["success"] * 3
    assert spans["tool_use"][0]["status"] == "error"


def test_a_run_without_calls_has_neither_model_nor_question(pulse: Service) -> None:
    with trace("nothing asked") as unit:
        unit.input, unit.output = "q", "a"
    assert pulse_otel.flush_buffer(10)

    (found,) = pulse.traces(1)
    assert (found["provider"], found["requestBody"], found["summary"]) == (
        None,
        None,
        "nothing asked",
    )
    assert found["outputText"] == "a"


def test_runs_are_no_requests_in_the_services_figures(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    _run(openai_client, provider)

    (found,) = pulse.traces(1)
    assert len(_spans(found)["llm_call"]) == len(provider.requests) == 2


def test_redaction_reaches_the_content_of_units(service: Service) -> None:
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": service.url}, redact=lambda text: text.replace("Alice", "X")
    )

    @tool
    def find(name: str) -> list[str]:
        return [f"{name} Cooper"]

    with trace("ask Alice") as unit:
        unit.input = "Is Alice in?"
        unit.output = find("Alice")
    pulse_otel.shutdown()

    (found,) = service.traces(1)
    assert "X Cooper" in json.dumps(found)
    assert "Alice" not in json.dumps(found)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_sampling_takes_a_run_whole_or_not_at_all(
    rate: float, service: Service, openai_client: Any, provider: Any
) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": service.url}, sample_rate=rate)
    _run(openai_client, provider)
    stats = pulse_otel.stats()
    pulse_otel.shutdown()

    assert (stats.delivered, stats.not_sampled) == ((4, 0) if rate else (0, 4))


def test_a_legacy_service_gets_the_calls_with_the_runs_name(
    openai_client: Any, provider: Any
) -> None:
    """A trace is one call there: runs and tools have no form (§2)."""
    with serving(create_legacy_app()) as url:
        pulse_otel.init_pulse({"api_key": KEY, "api_url": url})
        _run(openai_client, provider)
        address = pulse_otel.trace_url()
        found = Service(url).traces(2)
        stats = pulse_otel.stats()
        pulse_otel.shutdown()
        assert address is not None
        assert requests.get(address, timeout=10).status_code == 200

    assert [each["metadata"]["summary"] for each in found] == ["answer a question"] * 2
    assert address.rpartition("/")[2] == found[0]["traceId"]
    assert (stats.delivered, stats.ignored) == (2, 2)


def test_the_page_of_a_trace_shows_the_run(
    pulse: Service, openai_client: Any, provider: Any
) -> None:
    with trace("handle ticket") as unit:
        _run(openai_client, provider)
        address = pulse_otel.trace_url()
    assert pulse_otel.flush_buffer(10)

    pulse.traces(1)
    assert address == f"{pulse.url}/dashboard/traces/{unit.trace_id}"
    page = requests.get(address, timeout=10).text
    for shown in ("handle ticket", "answer a question", "get_weather", "7 degrees in Oslo"):
        assert shown in page
