"""Ways to leave a stream: one span each, ended when it was left, with what had arrived.

Every way is gone twice, with a bare client and with an observed one: what the caller sees, and
the connections that are left behind, are the same.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pulse_otel.local.provider.server import ScriptedProvider
from tests.stream_cases import KINDS, TEXT, client_of, connections
from tests.stream_ways import WAYS, Run, Way


def _go(way: Way, run: Run, provider: Any) -> Run:
    """Go the way, and note what is left behind."""
    reply = run.kind.reply(TEXT)
    if way.pause_s:
        chunks = reply.chunks or ()
        said = 1 + next(n for n, chunk in enumerate(chunks) if TEXT.split()[0].encode() in chunk)
        halves = b"".join(chunks[:said]), b"".join(chunks[said:])
        reply = dataclasses.replace(reply, chunks=halves, chunk_delay_s=way.pause_s)
    provider.enqueue(reply.cut_after(run.kind.cut) if way.cut else reply)
    if not inspect.iscoroutinefunction(way.go):
        try:
            way.go(run)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises
            run.raised = _name(error)
        run.left_open = connections(run.client)
        run.client.close()
        return run

    async def main() -> None:
        try:
            await way.go(run)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the same
            run.raised = _name(error)
        run.left_open = connections(run.client)
        await run.client.close()

    asyncio.run(main())
    return run


def _name(error: BaseException) -> str:
    return f"{type(error).__module__.partition('.')[0]}.{type(error).__qualname__}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Any]:
    """One for the whole table."""
    with ScriptedProvider() as running:
        yield running


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", [name for name in KINDS if "beta" not in name])
@pytest.mark.parametrize("name", WAYS)
def test_way(name: str, kind: str, provider: Any, spans: InMemorySpanExporter) -> None:
    way, of = WAYS[name], KINDS[kind]
    asynchronous = inspect.iscoroutinefunction(way.go)
    clients = [
        client_of(of, provider, asynchronous=asynchronous, observed=observed)
        for observed in (False, True)
    ]

    bare = _go(way, Run(of, clients[0], spans), provider)
    assert spans.get_finished_spans() == ()
    observed = _go(way, Run(of, clients[1], spans), provider)

    assert observed.seen() == bare.seen()
    (span,) = spans.get_finished_spans()
    expected = bare.raised if way.error == "raised" else way.error
    assert span.attributes.get("error.type") == expected
    assert span.status.status_code is (StatusCode.ERROR if expected else StatusCode.UNSET)
    said = span.attributes.get("gen_ai.output.messages", "")
    assert (f'"content":"{observed.text}"' in said) is (way.arrives != "nothing")
    assert (observed.text == TEXT) is (way.arrives == "all")
    if of.sdk == "anthropic" and way.arrives != "nothing":
        assert span.attributes["gen_ai.usage.input_tokens"] == 120
    assert ("gen_ai.usage.output_tokens" in span.attributes) is (way.arrives == "all")
