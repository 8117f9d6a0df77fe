"""What Pulse is told about each span that another instrumentation was recorded with."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Record, Usage
from tests.conftest import ROOT
from tests.export.spans import DIALECTS, all_recorded, recorded

OPENAI_USAGE = Usage(input=120, output=45, cache_read=64, reasoning=20)
ANTHROPIC_USAGE = Usage(input=120, output=45, cache_read=80, cache_write=10, reasoning=20)
ANSWER = "Hello! Paris is sunny."
EMAIL = "Say hello. My email is bob@example.com."

# What a dialect does not say, or says otherwise: (dialect, start of the case) -> fields
_NO_CONTENT: dict[str, Any] = {"output_text": None, "question": None, "tools": None}
_EXCEPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("official-v2-legacy", ""): {
        **_NO_CONTENT,
        "cache_read": None,
        "reasoning": None,
    },
    ("official-v2-legacy", "openai_chat_stream"): {"finish_reason": None},
    ("traceloop", "anthropic"): {"reasoning": None},
    ("traceloop", "anthropic_stream"): {"output": 46},  # its own mistake: 45, and message_start's 1
    ("traceloop", "openai_chat_stream"): {"reasoning": None},
    ("langfuse", ""): {"model": None, "response_id": None},
    ("langfuse", "openai_chat"): {"finish_reason": None},
    ("langfuse", "openai_chat_stream"): {"finish_reason": "stop"},
    ("langfuse", "openai_tool_call"): {"finish_reason": None},
    ("langfuse", "openai_responses"): {"finish_reason": None},
    ("langfuse", "openai_error_429"): {"model": "err-429"},
    ("anthropic-native-content", "anthropic_stream"): {"output_text": None},
    ("anthropic-native-content", "anthropic_stream_helper"): {"output_text": ANSWER},
    ("anthropic-native-content", "anthropic_tool_use"): {"tools": None},
}


def expected(dialect: str, case: str, **usual: Any) -> dict[str, Any]:
    found = dict(usual)
    for (name, start), fields in _EXCEPTIONS.items():
        if name == dialect and case.startswith(start):
            found |= {key: value for key, value in fields.items() if key in usual}
    return found


def said(record: Record) -> dict[str, Any]:
    """The fields that the expectations name."""
    request = record.request or {}
    messages = request.get("messages") or request.get("input") or []
    users = [m for m in messages if isinstance(m, dict) and m.get("role") == "user"]
    tools = request.get("tools")
    return {
        "kind": record.kind,
        "operation": record.operation,
        "provider": record.provider,
        "model": record.model,
        "response_model": record.response_model,
        "response_id": record.response_id,
        "input": record.usage.input,
        "output": record.usage.output,
        "cache_read": record.usage.cache_read,
        "cache_write": record.usage.cache_write,
        "reasoning": record.usage.reasoning,
        "finish_reason": record.finish_reason,
        "output_text": record.output_text,
        "question": users[0]["content"] if users else None,
        "tools": [(tool.get("function") or tool)["name"] for tool in tools] if tools else None,
    }


def check(dialect: str, case: str, record: Record, **usual: Any) -> None:
    wanted = expected(dialect, case, kind="llm_call", **usual)
    found = said(record)
    assert {key: found[key] for key in wanted} == wanted


def records(dialect: str, case: str) -> list[Record]:
    spans = recorded(dialect)[case]
    if dialect == "official-genai-with-native":
        spans = spans[1:]
    return [record for span in spans if (record := read(span))]


def having(*cases: str) -> list[Any]:
    return [
        pytest.param(dialect, case, id=f"{dialect}/{case}")
        for dialect in DIALECTS
        for case in recorded(dialect)
        if case in cases
    ]


@pytest.mark.parametrize(("dialect", "case"), having("openai_chat", "openai_chat_stream"))
def test_openai_chat(dialect: str, case: str) -> None:
    (record,) = records(dialect, case)

    check(
        dialect,
        case,
        record,
        operation="chat",
        provider="openai",
        model="gpt-4o-mini",
        response_model="gpt-4o-mini-2024-07-18",
        response_id="chatcmpl-123",
        input=120,
        output=45,
        cache_read=64,
        reasoning=20,
        finish_reason="stop",
        output_text=ANSWER,
        question=EMAIL,
    )


@pytest.mark.parametrize(("dialect", "case"), having("openai_tool_call", "anthropic_tool_use"))
def test_a_tool_loop(dialect: str, case: str) -> None:
    """The first call asks for the tools, the second has their results."""
    asking, answering = records(dialect, case)

    check(
        dialect,
        case,
        asking,
        finish_reason="tool_calls",
        question="Weather in Paris?",
        tools=["get_weather"],
    )
    check(dialect, case, answering, finish_reason="stop", output_text=ANSWER)
    if dialect not in ("official-v2-legacy", "logfire"):
        assert _calls(asking) == _calls_in_history(answering)
        assert "sunny 21C" in str((answering.request or {})["messages"][2])


def _calls(record: Record) -> list[tuple[Any, ...]]:
    response = record.response or {}
    if "choices" in response:
        return _openai_calls(response["choices"][0]["message"])
    return _anthropic_calls(response["content"])


def _calls_in_history(record: Record) -> list[tuple[Any, ...]]:
    asked = (record.request or {})["messages"][1]
    return _openai_calls(asked) if "tool_calls" in asked else _anthropic_calls(asked["content"])


def _openai_calls(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    calls = message["tool_calls"]
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


def _anthropic_calls(blocks: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    used = [block for block in blocks if block["type"] == "tool_use"]
    assert used
    return [(block["id"], block["name"], block["input"]) for block in used]


@pytest.mark.parametrize(
    ("dialect", "case"),
    having("anthropic_messages", "anthropic_stream", "anthropic_stream_helper"),
)
def test_anthropic_messages(dialect: str, case: str) -> None:
    (record,) = records(dialect, case)

    check(
        dialect,
        case,
        record,
        operation="chat",
        provider="anthropic",
        model="claude-haiku-5-5",
        response_model="claude-haiku-5-5",
        response_id="msg_123",
        input=120,
        output=45,
        cache_read=80,
        cache_write=10,
        reasoning=20,
        finish_reason="stop",
        output_text=ANSWER,
        question=EMAIL,
    )
    usage = (record.response or {})["usage"]
    assert usage["input_tokens"] == 30  # the API leaves the cache out
    assert (record.response or {})["stop_reason"] == "end_turn"


@pytest.mark.parametrize(("dialect", "case"), having("openai_responses"))
def test_openai_responses(dialect: str, case: str) -> None:
    (record,) = records(dialect, case)

    check(
        dialect,
        case,
        record,
        operation="chat",
        provider="openai",
        model="gpt-5-mini",
        response_model="gpt-5-mini-2026-02-01",
        response_id="resp_123",
        input=120,
        output=45,
        cache_read=64,
        reasoning=20,
        finish_reason="stop",
        output_text="Hello from responses.",
        question=EMAIL,
    )
    assert (record.request or {})["instructions"] == "Be brief."
    assert (record.response or {})["output"][-1]["content"] == [
        {"type": "output_text", "text": "Hello from responses."}
    ]


@pytest.mark.parametrize(("dialect", "case"), having("openai_embeddings"))
def test_openai_embeddings(dialect: str, case: str) -> None:
    (record,) = records(dialect, case)

    check(
        dialect,
        case,
        record,
        operation="embeddings",
        provider="openai",
        model="text-embedding-3-small",
        response_model="text-embedding-3-small",
        input=7,
        output=None,
    )
    if dialect in ("openinference", "langfuse", "traceloop"):
        assert (record.request or {})["input"] == ["hello", "world"]
    assert "0.1" not in str(record.response)  # no vectors


@pytest.mark.parametrize(("dialect", "case"), having("openai_error_429", "anthropic_error_429"))
def test_errors(dialect: str, case: str) -> None:
    (record,) = records(dialect, case)

    check(dialect, case, record, model="err-429", response_model=None, output_text=None)
    assert record.is_error
    assert record.error is not None
    assert record.error["status"] == 429
    if dialect != "anthropic-native-content":
        anthropic = case.startswith("anthropic")
        message = "Number of request tokens has exceeded your rate limit"
        assert record.error["message"] == (
            message if anthropic else "Rate limit reached for err-429"
        )
    if case == "anthropic_error_429":
        assert record.error["code"] == "rate_limit_error"
        assert record.error["request_id"] == "req_ant_1"


def test_all_recorded_spans_are_read() -> None:
    """But for the openings of Logfire's streams, whose end is a record of its own."""
    unread = [
        (dialect, case)
        for dialect, case, spans in all_recorded()
        for span in spans
        if read(span) is None
    ]

    assert sorted(unread) == [
        ("logfire", "anthropic_stream"),
        ("logfire", "anthropic_stream_helper"),
        ("logfire", "openai_chat_stream"),
    ]


def test_logfires_stream_begins_when_the_call_did() -> None:
    opening, log_record = recorded("logfire")["openai_chat_stream"]
    (record,) = records("logfire", "openai_chat_stream")

    assert record.end_ns == log_record.start_time
    assert (record.end_ns - record.start_ns) / 1e9 == pytest.approx(0.080931951)
    assert abs(record.start_ns - (opening.end_time or 0)) < 5_000_000


def test_the_page_about_dialects_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "dialect_table.py"), "--check"]

    assert subprocess.run(command, check=False, cwd=ROOT).returncode == 0
