"""Parsing that raises: the answer was read and billed, so the ERROR has it all."""

from __future__ import annotations

import asyncio
import gc
import inspect
import time
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pydantic
import pytest
from opentelemetry.trace import StatusCode

from pulse_otel import observe
from pulse_otel.local.provider.reply import Reply
from tests.conftest import MESSAGES
from tests.instrumentation.billing import chunk, completion, events, message, whole
from tests.versions import has


class Hero(pydantic.BaseModel):
    name: str
    age: int


CUT, INVALID = '{"name": "Mon', '{"name": 5}'
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cost": 0.01}
NEW_USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "served",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": [
        {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "status": "incomplete",
            "content": [{"type": "output_text", "text": CUT, "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": NEW_USAGE,
}
CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES, "response_format": Hero}
CLAUDE: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": MESSAGES}


def _chat(client: Any) -> Any:
    chat = client.chat if has("openai chat.completions.parse") else client.beta.chat
    return chat.completions


def _parse(client: Any) -> Any:
    return _chat(client).parse(**CHAT)


def _raw(methods: Any) -> Any:
    return methods.with_streaming_response


def _parse_raw(client: Any) -> None:
    with _raw(client.chat.completions).parse(**CHAT) as response:
        response.parse()


def _parsed(raw: Any) -> Any:
    """`parse()` of a raw response, now or once an async client has it."""

    async def parsed() -> None:
        (await raw).parse()

    return parsed() if inspect.isawaitable(raw) else raw.parse()


def _claude_cut() -> dict[str, Any]:
    content = [{"type": "text", "text": CUT}]
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {**message(usage), "content": content, "stop_reason": "max_tokens"}


Program = Callable[[Any], Any]
CASES: dict[str, tuple[str, Any, Program, str, str]] = {
    "cut": ("openai", completion(USAGE, text=CUT, finish="length"), _parse, "length", CUT),
    "invalid": ("openai", completion(USAGE, text=INVALID), _parse, "stop", INVALID),
    "raw": ("openai", completion(USAGE, text=CUT, finish="length"), _parse_raw, "length", CUT),
    "raw, read": (
        "openai",
        completion(USAGE, text=CUT, finish="length"),
        lambda c: _parsed(_chat(c).with_raw_response.parse(**CHAT)),
        "length",
        CUT,
    ),
    "raw, read and invalid": (
        "openai",
        completion(USAGE, text=INVALID),
        lambda c: _parsed(_chat(c).with_raw_response.parse(**CHAT)),
        "stop",
        INVALID,
    ),
    "responses": (
        "openai",
        RESPONSE,
        lambda c: c.responses.parse(model="m", input="x", text_format=Hero),
        "length",
        CUT,
    ),
    "responses, raw": (
        "openai",
        RESPONSE,
        lambda c: _parsed(
            c.responses.with_raw_response.parse(model="m", input="x", text_format=Hero)
        ),
        "length",
        CUT,
    ),
    "anthropic": (
        "anthropic",
        _claude_cut(),
        lambda c: c.messages.parse(**CLAUDE, output_format=Hero),
        "length",
        CUT,
    ),
}  # fmt: skip
UNLESS = {
    "anthropic": "anthropic messages.parse",
    "raw": "openai chat.completions.parse",
    "raw, read": "openai chat.completions.parse",
    "raw, read and invalid": "openai chat.completions.parse",
    "responses, raw": "openai chat.completions.parse",
}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_error_has_tokens_reason_and_text(
    name: str, is_async: bool, provider: Any, spans: Any
) -> None:
    sdk, answer, program, reason, text = CASES[name]
    if (name in UNLESS and not has(UNLESS[name])) or (is_async and name == "raw"):
        pytest.skip("this SDK has no such method")
    provider.enqueue(whole(answer))

    error = _failure(provider, sdk, program, is_async)

    (span,) = spans.get_finished_spans()
    found = span.attributes
    assert span.status.status_code is StatusCode.ERROR
    assert type(error).__name__ in found["error.type"]
    assert found["gen_ai.usage.output_tokens"] == 5
    assert found["gen_ai.response.finish_reasons"] == (reason,)
    assert text.replace('"', '\\"') in found["gen_ai.output.messages"]
    assert found.get("pulse.cost_cents") == (1 if "cost" in str(answer) else None)


def _failure(provider: Any, sdk: str, program: Program, is_async: bool) -> Exception:
    settings: dict[str, Any] = {"api_key": "k", "max_retries": 0}
    settings["base_url"] = provider.openai_url if sdk == "openai" else provider.anthropic_url
    kind = "Async" * is_async + ("OpenAI" if sdk == "openai" else "Anthropic")
    client = observe(getattr(openai if sdk == "openai" else anthropic, kind)(**settings), sdk)

    async def run() -> None:
        async with client:
            await program(client)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - the SDKs have many
        if is_async:
            asyncio.run(run())
        with client:
            program(client)
    return raised.value


def test_strict_validation(provider: Any, spans: Any) -> None:
    """The answer is in the record even where nobody can tell what it means."""
    provider.enqueue(whole({**completion(USAGE), "choices": "nonsense"}))
    settings: dict[str, Any] = {"api_key": "k", "base_url": provider.openai_url}
    client = openai.OpenAI(**settings, max_retries=0, _strict_response_validation=True)

    with client, pytest.raises(openai.APIResponseValidationError):
        observe(client, "openai").chat.completions.create(model="m", messages=MESSAGES)

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["gen_ai.usage.output_tokens"] == 5
    assert "nonsense" in span.attributes["gen_ai.output.messages"]


def _raw_of(provider: Any, answer: Any, **settings: Any) -> Any:
    """The raw response of a client whose `parse()` checks the answer."""
    provider.enqueue(answer)
    client = openai.OpenAI(api_key="k", base_url=provider.openai_url, max_retries=0, **settings)
    with client:
        methods = observe(client, "openai").chat.completions.with_raw_response
        return methods.create(model="m", messages=MESSAGES)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (whole({**completion(USAGE), "choices": "nonsense"}), openai.APIResponseValidationError),
        (Reply(body=b'{"id": '), ValueError),
    ],
    ids=["another shape", "no JSON"],
)
def test_a_raw_answer_that_is_refused(answer: Any, error: Any, provider: Any, spans: Any) -> None:
    raw = _raw_of(provider, answer, _strict_response_validation=True)

    with pytest.raises(error):
        raw.parse()

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_a_raw_answer_that_is_accepted(provider: Any, spans: Any) -> None:
    raw = _raw_of(provider, whole(completion(USAGE)), _strict_response_validation=True)

    assert raw.parse() is raw.parse()

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["gen_ai.usage.output_tokens"] == 5


def test_a_raw_answer_that_is_never_parsed_ended_when_it_was_read(
    provider: Any, spans: Any
) -> None:
    raw = _raw_of(provider, whole(completion(USAGE)), _strict_response_validation=True)
    read_by = time.time_ns()
    assert "Hello" in raw.text

    del raw
    gc.collect()

    (span,) = spans.get_finished_spans()
    assert span.end_time <= read_by
    assert span.attributes["gen_ai.usage.output_tokens"] == 5


@pytest.mark.parametrize(("text", "reason"), [(CUT, "length"), (INVALID, "stop")])
def test_a_helper_that_raises_in_the_stream(
    text: str, reason: str, provider: Any, spans: Any
) -> None:
    """It leaves the stream before the usage arrives; the text so far is there."""
    pieces = [chunk({"role": "assistant", "content": text}), chunk({}, reason)]
    provider.enqueue(events(*pieces, {**chunk(usage=USAGE), "choices": []}, "[DONE]"))
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        observe(client, "openai")
        with pytest.raises(Exception) as raised, _chat(client).stream(**CHAT) as stream:  # noqa: PT011
            stream.get_final_completion()

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert type(raised.value).__name__ in span.attributes["error.type"]
    assert text.replace('"', '\\"') in span.attributes["gen_ai.output.messages"]


def test_an_error_of_the_program_in_the_stream_is_none_of_the_call(
    provider: Any, spans: Any
) -> None:
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        observe(client, "openai")
        with (
            pytest.raises(RuntimeError, match="mine"),
            _chat(client).stream(model="m", messages=MESSAGES) as stream,
        ):
            next(iter(stream))
            raise RuntimeError("mine")

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is not StatusCode.ERROR
