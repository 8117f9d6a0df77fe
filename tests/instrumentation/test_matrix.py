"""Every way to be set up x every kind of call x both SDKs: one inference span at each exporter.

The anthropic SDK's own tracing is at its defaults, which is on; in the last rows the official
GenAI instrumentations are on as well, loaded by the launcher in an order that is not ours.
"""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from pulse_otel.instrumentation import call
from tests.conftest import KEY, RunPython, Service

KINDS = ("sync", "stream", "async", "async stream")
SDKS = ("openai", "anthropic")

PROGRAM = """
import asyncio, json, sys
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI
from opentelemetry import context, propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

setup = sys.argv[1]
memories = [InMemorySpanExporter(), InMemorySpanExporter()]

def attach_exporters(provider):
    for memory in memories:
        provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider

if setup == "before":
    trace.set_tracer_provider(attach_exporters(TracerProvider()))
if setup.startswith("zero code"):
    observe = lambda client, provider: client
    flush = lambda: None
    attach_exporters(trace.get_tracer_provider())
else:
    from pulse_otel import flush_buffer, init_pulse, observe
    init_pulse()
    flush = lambda: flush_buffer(10)

clients = gpt, agpt, claude, aclaude = [
    observe(OpenAI(), "openai"), observe(AsyncOpenAI(), "openai"),
    observe(Anthropic(), "anthropic"), observe(AsyncAnthropic(), "anthropic"),
]
if setup == "after":
    trace.set_tracer_provider(attach_exporters(TracerProvider()))

G = dict(model="gpt-4o-mini", messages=[dict(role="user", content="hi")])
C = dict(model="claude-haiku-4-5", max_tokens=9, messages=[dict(role="user", content="hi")])

def stream(made):
    for item in made:
        pass

async def astream(made):
    async for item in await made:
        pass

def openai_sync(s): gpt.chat.completions.create(pulse_session_id=s, **G)
def openai_stream(s): stream(gpt.chat.completions.create(stream=True, pulse_session_id=s, **G))
async def openai_async(s): await agpt.chat.completions.create(pulse_session_id=s, **G)
async def openai_async_stream(s):
    await astream(agpt.chat.completions.create(stream=True, pulse_session_id=s, **G))
def anthropic_sync(s): claude.messages.create(pulse_session_id=s, **C)
def anthropic_stream(s): stream(claude.messages.create(stream=True, pulse_session_id=s, **C))
async def anthropic_async(s): await aclaude.messages.create(pulse_session_id=s, **C)
async def anthropic_async_stream(s):
    await astream(aclaude.messages.create(stream=True, pulse_session_id=s, **C))

# Where there is no provider, the parent is one of another process.
REMOTE = {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}
parents = {}

async def main():
    for sdk in ("openai", "anthropic"):
        for kind in ("sync", "stream", "async", "async stream"):
            name = sdk + " " + kind
            call = globals()[name.replace(" ", "_")]
            parent = propagate.extract(REMOTE) if setup == "none" else context.Context()
            token = context.attach(parent)
            with trace.get_tracer("app").start_as_current_span("parent of " + name) as parent:
                parents[name] = format(parent.get_span_context().span_id, "016x")
                result = call(name)
                if result is not None:
                    await result
            context.detach(token)
    await agpt.close()
    await aclaude.close()

asyncio.run(main())
gpt.close()
claude.close()
flush()
seen = [
    [
        [
            span.attributes.get("session.id"),
            format(span.parent.span_id, "016x"),
            span.instrumentation_scope.name,
        ]
        for span in memory.get_finished_spans()
        if span.name.split()[0] in ("chat", "anthropic.messages.create")
    ]
    for memory in memories
]
print(json.dumps([parents, seen]))
"""

LAUNCHED = """
import sys
from opentelemetry.instrumentation.auto_instrumentation import run
sys.argv[1:] = [sys.executable, "-c", {program!r}, {setup!r}]
run()
"""
OFFICIAL = importlib.util.find_spec("opentelemetry.instrumentation.genai") is not None
WIRED = hasattr(call, "reuse_active_span")  # until `LlmCall.open` asks for one


def _run(setup: str, run_python: RunPython, environ: dict[str, str]) -> Any:
    if setup.startswith("zero code"):
        script = LAUNCHED.format(program=PROGRAM, setup=setup)
    else:
        script = f"import sys; sys.argv[1:] = [{setup!r}]\n" + PROGRAM
    done = run_python(script, **environ)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "setup",
    [
        "none",
        "before",
        "after",
        "zero code",
        pytest.param(
            "zero code, official",
            marks=pytest.mark.skipif(not (OFFICIAL and WIRED), reason="not there"),
        ),
    ],
)
def test_one_inference_span_at_each_exporter_with_the_right_parent(
    setup: str, provider: Any, service: Service, run_python: RunPython
) -> None:
    parents, seen = _run(
        setup,
        run_python,
        {
            "PULSE_API_KEY": KEY,
            "PULSE_API_URL": service.url,
            "OPENAI_API_KEY": "k",
            "ANTHROPIC_API_KEY": "k",
            "OPENAI_BASE_URL": provider.openai_url,
            "ANTHROPIC_BASE_URL": provider.anthropic_url,
            "OTEL_TRACES_EXPORTER": "pulse",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ""
            if setup.endswith("official")
            else "openai,anthropic",
        },
    )

    calls = [f"{sdk} {kind}" for sdk in SDKS for kind in KINDS]
    assert len(provider.requests) == len(calls)
    if setup == "none":
        (trace,) = service.traces(1)
        assert (trace["traceId"], trace["spanCount"]) == ("ab" * 16, len(calls))
        assert seen == [[], []]
        return
    scope = "opentelemetry.instrumentation.genai." if setup.endswith("official") else "pulse_otel."
    for exporter in seen:
        assert {call: parent for call, parent, _ in exporter} == parents
        assert len(exporter) == len(calls)
        assert all(name.startswith(scope) for _, _, name in exporter)
    delivered = service.traces(len(calls))
    assert {trace["sessionId"] for trace in delivered} == set(calls)
    for trace in delivered:  # whoever's the span is, we fill it
        assert trace["spanCount"] == 1
        assert trace["requestBody"]["messages"][0]["content"] == "hi"
