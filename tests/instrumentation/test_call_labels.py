"""`pulse_otel.call`: labels that ride on `extra_headers` reach the record, and never the wire."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import OpenAIInstrumentor, observe
from pulse_otel.call_labels import labels_of
from tests.conftest import MESSAGES, Clients, RunPython
from tests.instrumentation.anthropic import test_methods as claude
from tests.instrumentation.openai.calls import MANAGERS, PARSED, PLAIN, STREAMED, Call, named

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}
RAW = ("with_raw_response", "with_streaming_response")
LABELS: dict[str, Any] = {"session_id": "s-1", "user_id": "u-1", "metadata": {"a": 1}}


def _labels() -> dict[str, Any]:
    return pulse_otel.call(**LABELS, headers={"x-own": "1"})


def _check(spans: InMemorySpanExporter, provider: Any) -> None:
    """Every request was recorded with the labels; of the headers, only the caller's was sent."""
    found = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    assert len(found) == len(provider.requests) > 0
    for attributes in found:
        assert attributes["gen_ai.conversation.id"] == attributes["session.id"] == "s-1"
        assert attributes["user.id"] == "u-1"
        assert attributes["pulse.metadata"] == '{"a":1}'
    for sent in provider.requests:
        assert sent.headers["x-own"] == "1"
        assert not [name for name in sent.headers if "pulse" in name]
        assert b"pulse" not in sent.body.lower() or b"Hello Pulse" in sent.body


async def _read(result: Any, mode: str) -> None:
    """Read a call's result to its end, whichever it is."""
    if hasattr(result, "__await__"):
        result = await result
    if mode == "with_streaming_response":
        await _read_body(result)
        return
    if mode:
        result = result.parse()
        if hasattr(result, "__await__"):
            result = await result
    if hasattr(result, "__aenter__"):
        await claude.afinish(result)
    else:
        claude.finish(result)


async def _read_body(manager: Any) -> None:
    if hasattr(manager, "__aenter__"):
        async with manager as response:
            await response.read()
    else:
        with manager as response:
            response.read()


def _run(
    make: Callable[[], Any], sdk: str, modes: tuple[str, ...], use: Callable[[Any, str], Any]
) -> None:
    """Call in each of `modes` with the client that `make` makes, which may be an async one."""

    async def run() -> None:
        client = observe(make(), sdk)
        try:
            for mode in modes:
                await _read(use(client, mode), mode)
        finally:
            closed = client.close()
            if closed is not None:
                await closed

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@pytest.mark.parametrize("make", [openai.OpenAI, openai.AsyncOpenAI])
@pytest.mark.parametrize("method", [*PLAIN, *PARSED, *STREAMED, *MANAGERS], ids=named)
def test_every_method_of_openai_takes_labels(
    method: Call, make: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    modes = ("", *RAW) if method in PLAIN else ("",)
    for _ in modes if method.reply else ():
        provider.enqueue(method.reply)

    def use(client: Any, mode: str) -> Any:
        return method.on(client, mode)(**method.arguments, extra_headers=_labels())

    settings = {"api_key": "k", "base_url": provider.openai_url, "max_retries": 0}
    _run(lambda: make(**settings), "openai", modes, use)

    _check(spans, provider)


@pytest.mark.parametrize("make", [anthropic.Anthropic, anthropic.AsyncAnthropic])
@pytest.mark.parametrize("name", claude.METHODS)
def test_every_method_of_anthropic_takes_labels(
    name: str, make: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    path, arguments, _ = claude.METHODS[name]

    def use(client: Any, mode: str) -> Any:
        return claude.method(client, path, mode)(**arguments, extra_headers=_labels())

    settings = {"api_key": "k", "base_url": provider.anthropic_url, "max_retries": 0}
    modes = ("", *RAW) if name in claude.RAW else ("",)
    _run(lambda: make(**settings), "anthropic", modes, use)

    _check(spans, provider)


def test_a_client_made_from_another_takes_labels(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    client = observe(clients.openai(), "openai").with_options(timeout=9).copy()

    client.chat.completions.create(**GPT, extra_headers=_labels())
    client.chat.completions.with_raw_response.create(**GPT, extra_headers=_labels())

    _check(spans, provider)


def test_the_calls_labels_win_and_extend_the_metadata(
    openai_client: Any, spans: InMemorySpanExporter
) -> None:
    observe(openai_client, "openai", {"session_id": "client", "metadata": {"a": 0, "b": 0}})

    with pulse_otel.session("block", user_id="block"):
        openai_client.chat.completions.create(
            **GPT, extra_headers=pulse_otel.call(session_id="own", metadata={"a": 1}, summary="t")
        )

    (span,) = spans.get_finished_spans()
    found = dict(span.attributes or {})
    assert (found["session.id"], found["user.id"]) == ("own", "block")
    assert json.loads(str(found["pulse.metadata"])) == {"a": 1, "b": 0, "summary": "t"}


def test_one_object_serves_several_threads_and_calls(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    client, labels = observe(clients.openai(), "openai"), _labels()
    create = client.chat.completions.with_raw_response.create
    threads = [
        threading.Thread(target=lambda: create(**GPT, extra_headers=labels)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(provider.requests) == 4
    _check(spans, provider)


# In this process no SDK is patched, or only the other one, or none any more.
UNPATCHED = """
import anthropic, openai, pulse_otel
from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor
LABELS = pulse_otel.call(session_id="s", metadata={"a": 1}, headers={"x-own": "1"})
ASK = dict(model="m", max_tokens=9, messages=[dict(role="user", content="hi")])
ASK["extra_headers"] = LABELS

def ask(*resources):
    for resource in resources:
        resource.create(**ASK)
        resource.with_raw_response.create(**ASK)
        with resource.with_streaming_response.create(**ASK) as response:
            response.read()

with openai.OpenAI() as gpt, anthropic.Anthropic() as claude:
    ask(gpt.chat.completions, claude.messages, claude.beta.messages)
    pulse_otel.init_pulse()
    ask(gpt.chat.completions, claude.messages)
    OpenAIInstrumentor().instrument()
    ask(gpt.chat.completions, claude.messages)
    AnthropicInstrumentor().instrument()
    OpenAIInstrumentor().uninstrument()
    AnthropicInstrumentor().uninstrument()
    ask(gpt.chat.completions, claude.messages)
pulse_otel.shutdown(0)
"""


def test_where_nobody_records_nothing_of_ours_is_sent(provider: Any, run_python: RunPython) -> None:
    environ = {
        "PULSE_API_KEY": "pulse_sk_x",
        "PULSE_API_URL": "http://127.0.0.1:9",
        "OPENAI_API_KEY": "k",
        "ANTHROPIC_API_KEY": "k",
        "OPENAI_BASE_URL": provider.openai_url,
        "ANTHROPIC_BASE_URL": provider.anthropic_url,
    }

    done = run_python(UNPATCHED, timeout=90, **environ)

    assert done.returncode == 0, done.stderr
    assert len(provider.requests) == 27
    for sent in provider.requests:
        assert sent.headers["x-own"] == "1"
        assert not [name for name in sent.headers if "pulse" in name]
        assert b"pulse" not in sent.body


def test_a_client_that_is_not_recorded_sends_nothing_of_ours(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    observe(clients.openai(), "openai")
    other = clients.openai()

    other.chat.completions.create(**GPT, extra_headers=_labels())
    other.chat.completions.with_raw_response.create(**GPT, extra_headers=_labels())
    with pytest.raises(openai.NotFoundError):  # a request that is never recorded
        other.models.with_raw_response.list(extra_headers=_labels())

    assert spans.get_finished_spans() == ()
    assert [sent.headers["x-own"] for sent in provider.requests] == ["1"] * 3
    assert not [name for sent in provider.requests for name in sent.headers if "pulse" in name]


def test_a_method_kept_from_before_sends_nothing_of_ours(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    """It is not ours to take labels from; that the call is recorded does not need them."""
    OpenAIInstrumentor().uninstrument()
    client = clients.openai()
    create = type(client.chat.completions).create
    bare = getattr(create, "__wrapped__", create)
    observe(client, "openai")

    bare(client.chat.completions, **GPT, extra_headers=_labels())

    assert len(spans.get_finished_spans()) == 1
    (sent,) = provider.requests
    assert (sent.headers["x-own"], "x-pulse-parameters" in sent.headers) == ("1", False)


COPIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "copy()": lambda labels: labels.copy(),
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda labels: pickle.loads(pickle.dumps(labels)),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_has_the_labels_too(way: str) -> None:
    made = COPIES[way](_labels())

    assert made == {"x-own": "1"}
    assert labels_of(made) == LABELS


def test_it_is_a_dict_of_the_callers_own_headers(clients: Clients, spans: Any) -> None:
    """Also while an SDK is patched: to whoever else copies it, it has no other entries."""
    observe(clients.openai(), "openai")
    for own in ({}, {"x-own": "1"}):
        labels = pulse_otel.call(session_id="s", headers=own)
        views = [dict(labels), {**labels}, {key: labels[key] for key in labels.keys()}]  # noqa: SIM118
        assert views == [own] * 3
        assert (list(labels), len(labels), list(labels.items())) == (
            [*own],
            len(own),
            [*own.items()],
        )
        assert json.loads(json.dumps(labels)) == own
        with pytest.raises(KeyError):
            labels["x-other"]


def test_a_framework_may_add_a_header(provider: Any, openai_client: Any, spans: Any) -> None:
    observe(openai_client, "openai")
    labels = _labels()
    labels.setdefault("x-theirs", "2")

    openai_client.chat.completions.create(**GPT, extra_headers=labels)

    _check(spans, provider)
    assert provider.requests[0].headers["x-theirs"] == "2"


def test_labels_of_a_wrong_type_end_no_call(
    openai_client: Any,
    spans: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    observe(openai_client, "openai")
    wrong: Any = {"session_id": 7, "user_id": object, "metadata": ["a"]}

    for raw in (False, True):
        resource = openai_client.chat.completions
        create = resource.with_raw_response.create if raw else resource.create
        create(**GPT, extra_headers=pulse_otel.call(**wrong))

    found = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    assert [attributes["session.id"] for attributes in found] == ["7", "7"]
    assert "pulse-otel: metadata: expected a dict, got list" in caplog.messages


def test_no_labels_are_no_labels(openai_client: Any, spans: InMemorySpanExporter) -> None:
    observe(openai_client, "openai", {"session_id": "client"})

    openai_client.chat.completions.create(**GPT, extra_headers=pulse_otel.call(session_id=None))

    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["session.id"] == "client"
