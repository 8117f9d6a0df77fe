"""Every method of the anthropic SDK that makes a call: recorded once, `pulse_*` taken out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from pulse_otel.local.provider.replies import DEFAULT_TEXT
from tests.conftest import MESSAGES, Clients

ASK: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": MESSAGES}
COUNT: dict[str, Any] = {"model": "claude-haiku-4-5", "messages": MESSAGES}
PROMPT: dict[str, Any] = {"model": "m", "max_tokens_to_sample": 9, "prompt": "Hello Pulse"}
PULSE: dict[str, Any] = {"pulse_session_id": "s", "pulse_metadata": {"a": 1}}

# name -> path of the method on a client, arguments, operation
METHODS: dict[str, tuple[str, dict[str, Any], str]] = {
    "create": ("messages.create", ASK, "chat"),
    "create, streamed": ("messages.create", {**ASK, "stream": True}, "chat"),
    "parse": ("messages.parse", ASK, "chat"),
    "stream": ("messages.stream", ASK, "chat"),
    "count_tokens": ("messages.count_tokens", COUNT, "count_tokens"),
    "beta create": ("beta.messages.create", ASK, "chat"),
    "beta create, streamed": ("beta.messages.create", {**ASK, "stream": True}, "chat"),
    "beta parse": ("beta.messages.parse", ASK, "chat"),
    "beta stream": ("beta.messages.stream", ASK, "chat"),
    "beta count_tokens": ("beta.messages.count_tokens", COUNT, "count_tokens"),
    "completions": ("completions.create", PROMPT, "text_completion"),
    "completions, streamed": ("completions.create", {**PROMPT, "stream": True}, "text_completion"),
}
RAW = [name for name in METHODS if "stream" not in METHODS[name][0]]


def method(client: Any, path: str, raw: str = "") -> Callable[..., Any]:
    """The method at `path`; skips where this version has none."""
    found = client
    *resources, name = path.split(".")
    for part in [*resources, raw, name] if raw else [*resources, name]:
        found = getattr(found, part, None)
        if found is None:
            pytest.skip(f"anthropic {anthropic.__version__} has no {raw} {path}")
    return found


def finish(result: Any) -> Any:
    """Read what was returned to its end."""
    if hasattr(result, "__enter__") and not hasattr(result, "__next__"):
        with result as stream:
            return list(stream)
    return list(result) if hasattr(result, "__next__") else result


async def afinish(result: Any) -> Any:
    result = await result if asyncio.iscoroutine(result) else result
    if hasattr(result, "__aenter__") and not hasattr(result, "__anext__"):
        async with result as stream:
            return [item async for item in stream]
    return [item async for item in result] if hasattr(result, "__anext__") else result


@pytest.fixture
def client(clients: Clients, spans: Any) -> Any:
    return observe(clients.anthropic(), "anthropic")


def check(
    name: str, provider: Any, spans: InMemorySpanExporter, pulse: dict[str, Any] = PULSE
) -> None:
    """One span of the method's operation, with what the reply says; nothing of ours was sent."""
    operation = METHODS[name][2]
    (span,) = spans.get_finished_spans()
    found = span.attributes
    assert found["gen_ai.operation.name"] == operation
    assert span.name == f"{operation} {METHODS[name][1]['model']}"
    assert "Hello Pulse" in found["gen_ai.input.messages"]
    assert found.get("session.id") == pulse.get("pulse_session_id")
    assert found.get("pulse.metadata") == ('{"a":1}' if pulse else None)
    assert (DEFAULT_TEXT in found.get("gen_ai.output.messages", "")) is (
        operation != "count_tokens"
    )
    assert found.get("gen_ai.usage.input_tokens") == (120 if operation == "chat" else None)
    assert found.get("gen_ai.usage.output_tokens") == (45 if operation == "chat" else None)
    assert found.get("pulse.counted_tokens") == (30 if operation == "count_tokens" else None)
    if operation != "count_tokens":
        assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert found.get("gen_ai.request.stream") == (True if "stream" in name else None)
    (received,) = provider.requests
    assert not [header for header in received.headers if "pulse" in header]
    assert b"pulse_" not in received.body


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str, client: Any, provider: Any, spans: InMemorySpanExporter) -> None:
    path, arguments, _ = METHODS[name]

    finish(method(client, path)(**arguments, **PULSE))

    check(name, provider, spans)


@pytest.mark.parametrize("name", METHODS)
def test_async_method(name: str, provider: Any, spans: InMemorySpanExporter) -> None:
    path, arguments, _ = METHODS[name]
    method(anthropic.AsyncAnthropic(api_key="k"), path)

    async def main() -> None:
        url = provider.anthropic_url
        async with anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
            observe(client, "anthropic")
            await afinish(method(client, path)(**arguments, **PULSE))

    asyncio.run(main())
    check(name, provider, spans)


@pytest.mark.parametrize("mode", ["with_raw_response", "with_streaming_response"])
@pytest.mark.parametrize("name", RAW)
def test_raw_modes(
    name: str, mode: str, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    path, arguments, _ = METHODS[name]
    result = method(client, path, mode)(**arguments, **PULSE)

    if mode == "with_raw_response":
        finish(result.parse())
    else:
        with result as response:
            finish(response.parse())

    check(name, provider, spans)


CLONES: dict[str, Callable[[Any], Any]] = {
    "with_options": lambda client: client.with_options(timeout=5),
    "copy": lambda client: client.copy(),
    "with_options of a copy": lambda client: client.copy().with_options(max_retries=0),
}


@pytest.mark.parametrize("clone", CLONES)
@pytest.mark.parametrize("name", METHODS)
def test_clones(
    clone: str, name: str, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    path, arguments, _ = METHODS[name]

    finish(method(CLONES[clone](client), path)(**arguments, **PULSE))

    check(name, provider, spans)


@pytest.fixture
def unpatched() -> Iterator[Any]:
    """The SDK without our wrappers, as before the first `observe`."""
    from pulse_otel.instrumentation.anthropic.endpoints import PATCHES

    kept, PATCHES.keep = PATCHES.keep, False
    PATCHES.release()
    yield PATCHES
    PATCHES.keep = kept


@pytest.mark.parametrize("raw", ["", "with_raw_response"])
@pytest.mark.parametrize("name", RAW)
def test_references_from_before(
    name: str,
    raw: str,
    unpatched: Any,
    clients: Clients,
    provider: Any,
    spans: InMemorySpanExporter,
) -> None:
    client = clients.anthropic()
    path, arguments, _ = METHODS[name]
    cached = method(client, path, raw)

    observe(client, "anthropic")
    result = cached(**arguments)
    finish(result.parse() if raw else result)

    check(name, provider, spans, {})


def test_nothing_changes_for_a_client_that_is_not_observed(
    clients: Clients, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    clients.anthropic().messages.create(**ASK)

    assert spans.get_finished_spans() == ()
    assert len(provider.requests) == 1
