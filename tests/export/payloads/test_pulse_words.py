"""What both services store of real calls is what their pages and tables expect."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import pulse_otel
from pulse_otel import Provider, observe
from pulse_otel.local.provider import replies
from tests.conftest import KEY
from tests.export.changing import ChangingService

Calls = Callable[[int], list[dict[str, Any]]]
WEATHER = {"role": "user", "content": "Weather in Paris?"}
PARIS = replies.ToolCall("weather", {"city": "Paris"}, "call_1")
GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [WEATHER]}
CLAUDE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [WEATHER]}
PNG = base64.b64encode(b"\x89PNG" + bytes(896)).decode()


@pytest.fixture(params=["otlp", "traces"])
def form(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def calls(changing: ChangingService, form: str) -> Iterator[Calls]:
    """`init_pulse` to the service of a form; reads the LLM calls that it has, oldest first."""
    changing.form = form
    pulse_otel.init_pulse({"api_key": KEY, "api_url": changing.url})

    def stored(traces: int) -> list[dict[str, Any]]:
        pulse_otel.flush_buffer(10)
        found = changing.traces(form, traces)
        if form == "otlp":
            found = [
                {
                    **span,
                    "requestBody": span["metadata"].get("pulse.request"),
                    "responseBody": span["metadata"].get("pulse.response"),
                }
                for trace in found
                for span in trace["spans"]
                if span["kind"] == "llm_call"
            ]
        return sorted(found, key=lambda call: str(call["timestamp"]))

    yield stored
    pulse_otel.shutdown(0)


@pytest.fixture
def gpt(openai_client: Any) -> Any:
    return observe(openai_client, Provider.OPENAI)


@pytest.fixture
def claude(anthropic_client: Any) -> Any:
    return observe(anthropic_client, Provider.ANTHROPIC)


def test_an_answer_that_calls_tools_ends_in_the_services_word(
    calls: Calls, provider: Any, gpt: Any, claude: Any
) -> None:
    """The service says `tool_calls`, where the conventions and so the span say `tool_call`."""
    provider.enqueue(replies.chat(tool_calls=[PARIS]))
    gpt.chat.completions.create(**GPT)
    provider.enqueue(replies.message(tool_calls=[PARIS]))
    claude.messages.create(**CLAUDE)

    assert [call["finishReason"] for call in calls(2)] == ["tool_calls", "tool_calls"]


def test_a_body_is_cut_where_the_form_has_a_limit_and_only_there(
    calls: Calls, form: str, provider: Any, gpt: Any, claude: Any
) -> None:
    """64 KiB in the current form; in the legacy one, `max_content_bytes` alone bounds content."""
    asked, said = "q" * 150_000, "a" * 150_000
    question = [{"role": "user", "content": asked}]
    provider.enqueue(replies.chat(said), replies.message(said))
    gpt.chat.completions.create(**{**GPT, "messages": question})
    claude.messages.create(**{**CLAUDE, "messages": question})

    chat, message = calls(2)
    found = [
        (chat["requestBody"]["messages"][0]["content"], asked),
        (chat["responseBody"]["choices"][0]["message"]["content"], said),
        (message["requestBody"]["messages"][0]["content"], asked),
        (message["responseBody"]["content"][0]["text"], said),
        (chat["outputText"], said),
    ]
    for stored, whole in found:
        if form == "traces":
            assert stored == whole
        else:
            assert 60_000 < len(stored) < 65_000
            assert "cut" in stored


def last_user_content(call: dict[str, Any]) -> Any:
    """What a page of the service shows of a call's request."""
    messages = call["requestBody"]["messages"]
    return [message["content"] for message in messages if message["role"] == "user"][-1]


def test_the_last_user_message_of_a_call_with_an_image_is_a_text(
    calls: Calls, gpt: Any, claude: Any
) -> None:
    """A list of blocks there blanks the page of the service (contract §3.7)."""
    question = {"type": "text", "text": "What is it?"}
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    gpt.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": [question, url]}]
    )
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    block = {"type": "image", "source": source}
    claude.messages.create(
        **{**CLAUDE, "messages": [{"role": "user", "content": [question, block]}]}
    )

    for call in calls(2):
        first, second = last_user_content(call).split("\n")
        assert first == "What is it?"
        assert second.startswith("[image/png, 900 bytes, sha256:")


def test_the_last_user_message_of_a_tool_round_trip_is_the_tools_result(
    calls: Calls, form: str, provider: Any, claude: Any
) -> None:
    call_id = f"toolu_{uuid.uuid4().hex}"
    provider.enqueue(replies.message(tool_calls=[replace(PARIS, id=call_id)]))
    asked = claude.messages.create(**CLAUDE)
    parts = [{"type": "text", "text": "sunny"}, {"type": "text", "text": "21 C"}]
    result = {"type": "tool_result", "tool_use_id": call_id, "content": parts}
    turns = [
        WEATHER,
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [result]},
    ]
    claude.messages.create(**{**CLAUDE, "messages": turns})

    found = calls(1 if form == "otlp" else 2)

    assert [last_user_content(call) for call in found] == [WEATHER["content"], "sunny\n21 C"]
    assert [block["type"] for block in found[1]["requestBody"]["messages"][1]["content"]][-1] == (
        "tool_use"
    )


def test_a_responses_request_is_a_conversation_too(calls: Calls, gpt: Any) -> None:
    """The newest dashboard shows `messages` as a chat, and anything else as JSON."""
    asked = "q" * 20_000
    gpt.responses.create(model="gpt-5-mini", instructions="Be brief.", input=asked)

    (call,) = calls(1)

    request = call["requestBody"]
    assert request["instructions"] == "Be brief."
    assert request["input"] == [{"role": "user", "content": asked}]
    assert request["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": asked},
    ]


def test_a_long_responses_request_is_whole_as_a_conversation(
    calls: Calls, form: str, gpt: Any
) -> None:
    """Where both do not fit, the copy that the dashboard does not show is the one that is cut."""
    asked = "q" * 50_000
    gpt.responses.create(model="gpt-5-mini", input=asked)

    (call,) = calls(1)

    request = call["requestBody"]
    assert request["messages"] == [{"role": "user", "content": asked}]
    assert ("pulse.cut" in str(request["input"])) is (form == "otlp")


def test_a_token_count_is_in_no_statistics(
    calls: Calls, form: str, changing: ChangingService, claude: Any
) -> None:
    """It is a notification, which the service counts as neither request nor tool use."""
    claude.messages.count_tokens(model="claude-haiku-4-5", messages=[WEATHER])
    claude.messages.create(**CLAUDE)

    assert len(calls(2 if form == "otlp" else 1)) == 1
    if form == "otlp":
        (count,) = (trace for trace in changing.traces(form, 2) if not trace.get("provider"))
        assert count["toolCallCount"] == 0
        (span,) = count["spans"]
        assert (span["kind"], span["label"]) == ("notification", "count_tokens")
        assert span["metadata"]["pulse.counted_tokens"] == 30
        assert span["metadata"]["pulse.request"]["messages"] == [WEATHER]
        assert span["toolName"] is None
        assert span["inputTokens"] is None


def test_what_a_block_or_a_call_says_is_the_title_of_its_trace(
    calls: Calls, changing: ChangingService, gpt: Any, claude: Any
) -> None:
    """The newest dashboard titles a trace by the `summary` of its metadata."""
    with pulse_otel.session("s", metadata={"feature": "chat"}, summary="Plans a trip"):
        gpt.chat.completions.create(**GPT)
        claude.messages.create(**CLAUDE, pulse_summary="Asks for the weather")
    claude.messages.create(**CLAUDE)

    found = [call["metadata"] for call in calls(3)]
    assert [metadata.get("summary") for metadata in found] == [
        "Plans a trip",
        "Asks for the weather",
        None,
    ]
    assert [metadata.get("feature") for metadata in found] == ["chat", "chat", None]
    page = changing.get(f"/dashboard/traces/{calls(3)[0]['traceId']}").text
    assert ">Plans a trip</h1>" in page


def test_the_legacy_service_gets_details_as_objects(calls: Calls, form: str, claude: Any) -> None:
    """The current one makes objects of JSON text itself."""
    claude.messages.create(**CLAUDE)

    (call,) = calls(1)

    name = "pulse.usage.details" if form == "otlp" else "details"
    assert isinstance(call["metadata"][name], dict)
