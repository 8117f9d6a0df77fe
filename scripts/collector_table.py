"""What the development service has of the same calls by three roads, field by field."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anthropic
import openai
import requests
from collector_calls import CALLS, Program
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor, PulseSpanExporter
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.collectors import Collector
from tests.conftest import KEY
from tests.provider.endpoints import TEST_ENDPOINTS

ROADS: Final = ("direct", "our exporter, gateway.yaml", "stock OTLP, otelcol.yaml")
_LATEST_S: Final = 20.0
# These differ by road or by run, and say nothing about the call.
_NOT_COMPARED: Final = frozenset({"projectId", "timestamp"})
_BODIES: Final = frozenset({"pulse.request", "pulse.response"})
_HEADERS: Final = {"Authorization": f"Bearer {KEY}"}

Fields = dict[str, Any]
Key = tuple[str, str]
Found = dict[Key, Fields]
"""The fields of each span, by the name of the call and the id of the span."""


@contextlib.contextmanager
def _program(provider: ScriptedProvider, exporters: Sequence[SpanExporter]) -> Iterator[Program]:
    """Record a program's calls once, and hand them to all exporters."""
    tracing = TracerProvider(resource=Resource.create({"service.name": "checkout"}))
    for exporter in exporters:
        tracing.add_span_processor(BatchSpanProcessor(exporter))
    instrumentors = (OpenAIInstrumentor(), AnthropicInstrumentor())
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=tracing, capture_content=True)
    settings: dict[str, Any] = {"api_key": "k", "max_retries": 0}
    with (
        openai.OpenAI(base_url=provider.openai_url, **settings) as one,
        anthropic.Anthropic(base_url=provider.anthropic_url, **settings) as other,
    ):
        yield Program(one, other, tracing.get_tracer("the program's own"), provider)
    for instrumentor in instrumentors:
        instrumentor.uninstrument()
    tracing.shutdown()


def fetch(folder: Path) -> list[Found]:
    """Make all calls; return what each road brought."""
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(serving(create_app())) for _ in ROADS]
        ours, stock = (
            stack.enter_context(Collector(name, folder / name, PULSE_API_URL=url))
            for name, url in zip(("gateway.yaml", "otelcol.yaml"), urls[1:], strict=True)
        )
        provider = stack.enter_context(ScriptedProvider(TEST_ENDPOINTS))
        exporters = (
            PulseSpanExporter(KEY, urls[0]),
            PulseSpanExporter(api_url=ours.url, protocol="collector"),
            OTLPSpanExporter(f"{stock.url}/v1/traces"),
        )
        calls: dict[str, str] = {}
        with _program(provider, exporters) as program:
            for name, call in CALLS.items():
                with program.tracer.start_as_current_span("run") as run:
                    call(program)
                calls[f"{run.get_span_context().trace_id:032x}"] = name
        sent = [ours.sent(), ours.sent(), stock.sent()]  # the direct road sends what ours does
        return [_fields(url, calls, count) for url, count in zip(urls, sent, strict=True)]


def _fields(url: str, calls: Mapping[str, str], count: int) -> Found:
    """Return what the service has, once it has `count` spans."""
    found: Found = {}
    deadline = time.monotonic() + _LATEST_S
    while len(found) < count and time.monotonic() < deadline:
        answer = requests.get(f"{url}/v1/traces", {"limit": 1000}, headers=_HEADERS, timeout=10)
        for trace in answer.json()["traces"]:
            for span in trace["spans"]:
                found[calls[trace["traceId"]], span["spanId"]] = flat(span)
    return found


def flat(span: Mapping[str, Any]) -> Fields:
    """Return the fields of a span that have a value; those of its bodies each for itself."""
    fields = {name: value for name, value in span.items() if name not in _NOT_COMPARED}
    for name, value in fields.pop("metadata").items():
        fields[name.removeprefix("pulse.") if name in _BODIES else f"metadata.{name}"] = value
    for body in ("request", "response"):
        if isinstance(fields.get(body), dict):
            fields |= {f"{body}.{name}": value for name, value in fields.pop(body).items()}
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}


def table(found: Sequence[Found]) -> list[str]:
    """Return the table: per field, in how many spans each road has it, and where it differs."""
    direct = found[0]
    names = dict.fromkeys(name for fields in direct.values() for name in fields)
    lines = [f"| field | {' | '.join(ROADS)} |", f"|---{'|---' * len(ROADS)}|"]
    lines.append(f"| spans | {' | '.join(_spans(road, direct) for road in found)} |")
    for name in sorted(names, key=_place):
        having = [key for key in direct if name in direct[key]]
        cells = [_compared(name, having, direct, road) for road in found[1:]]
        lines.append(f"| `{name}` | {len(having)} | {' | '.join(cells)} |")
    extra = [_extra(road, direct) for road in found[1:]]
    return [*lines, f"| fields that direct sending does not have | | {' | '.join(extra)} |"]


def _place(name: str) -> tuple[bool, bool, str]:
    """Columns first, then the bodies, then the metadata."""
    return (name.startswith("metadata."), "." in name, name)


def _spans(road: Found, direct: Found) -> str:
    lacking = [call for call, span in direct if (call, span) not in road]
    return f"{len(road)}" + (f"; none: {_listed(lacking)}" if lacking else "")


def _compared(name: str, having: Sequence[Key], direct: Found, road: Found) -> str:
    """Say in how many spans the field is as by the direct road, and in which calls it is not."""
    there = [key for key in having if name in road.get(key, {})]
    equal = [key for key in there if road[key][name] == direct[key][name]]
    said = [str(len(equal))]
    for word, keys in (("other", set(there) - set(equal)), ("none", set(having) - set(there))):
        if keys:
            every = len(keys) == len(having) > 1
            said.append(f"{word}: {'all' if every else _listed(call for call, _ in keys)}")
    return "; ".join(said)


def _extra(road: Found, direct: Found) -> str:
    """List the fields that a road alone has."""
    names = {name for key, fields in road.items() for name in fields.keys() - direct.get(key, {})}
    return ", ".join(f"`{name}`" for name in sorted(names))


def _listed(calls: Iterable[str]) -> str:
    """List each call once, in the order of the calls."""
    given = set(calls)
    return ", ".join(name for name in CALLS if name in given)
