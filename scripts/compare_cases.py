"""The requests of `compare_services.py`, as tables: uploads first, then reads of what they stored.

All ids contain `run`, and all times lie within one day long ago, so that a service with other data
gives the same answers.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode

MS = 1_000_000
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Case:
    """One request; `key` false leaves the key out."""

    method: str
    path: str
    body: bytes | None = None
    key: bool = True
    name: str = ""


@dataclass(frozen=True)
class Run:
    """The ids and the day of one comparison."""

    id: str

    @classmethod
    def new(cls) -> Run:
        """Make a run of its own ids, at a day between 2001 and 2014."""
        return cls(uuid.uuid4().hex)

    @property
    def start_ms(self) -> int:
        """The first ms of the day."""
        day = datetime(2001, 1, 1, tzinfo=timezone.utc) + timedelta(days=int(self.id, 16) % 5000)
        return int(day.timestamp() * 1000)

    def uuid(self, name: object) -> str:
        """Return a UUID that belongs to `name`."""
        return str(uuid.uuid5(uuid.UUID(self.id), str(name)))

    def iso(self, offset_ms: int = 0) -> str:
        """Return a time of the day."""
        at = datetime.fromtimestamp((self.start_ms + offset_ms) // 1000, timezone.utc)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{(self.start_ms + offset_ms) % 1000:03}Z"


CALL = {
    "pulse.kind": "llm_call", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024", "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5, "pulse.cost_cents": 0.5, "pulse.output_text": "Hello",
    "pulse.request": '{"messages":[]}', "pulse.response": '{"id":1}', "service.name": "app",
}  # fmt: skip
TOOL = {"pulse.kind": "tool_use", "pulse.tool.name": "Edit", "pulse.tool.id": "c1"}
# Attributes of a span, one row each.
ATTRIBUTES: list[dict[str, Any]] = [
    CALL, TOOL, {**TOOL, "pulse.summary": "Edits"}, {}, {"http.method": "GET"},
    {"pulse.kind": "chain"}, {"pulse.kind": "agent_run"}, {"pulse.event_type": "step"},
    {"pulse.event_type": "session_start"}, {"pulse.event_type": ""}, {"pulse.source": "codex"},
    {"pulse.source": "python"}, {"gen_ai.usage.input_tokens": 12.5},
    {"gen_ai.usage.input_tokens": "12"}, {"gen_ai.usage.output_tokens": -1},
    {"pulse.cost_cents": "0.25"}, {"pulse.cost_cents": -1}, {"pulse.error": ""},
    {"pulse.error": '{"message":"m"}'}, {"pulse.error": "null"}, {"pulse.tool.name": "no tool"},
    {"pulse.session_name": "12"}, {"pulse.session_name": ""}, {"pulse.session_name": 12},
    {"pulse.metadata": {"user": "u", "n": 1}}, {"pulse.metadata": '{"user":"u"}'},
    {"pulse.x": "123"}, {"pulse.x": "1e999"}, {"pulse.x": "[" * 3000 + "]" * 3000},
    {"gen_ai.response.finish_reasons": '["stop"]'}, {"gen_ai.response.finish_reasons": ["stop"]},
    {"pulse.metadata.summary": "A title"}, {**CALL, "pulse.summary": "A title"},
]  # fmt: skip
# Fields of a span that replace its own, one row each.
FIELDS: list[dict[str, Any]] = [
    {"startTimeUnixNano": "soon"}, {"startTimeUnixNano": None}, {"endTimeUnixNano": None},
    {"endTimeUnixNano": ""}, {"endTimeUnixNano": -1}, {"endTimeUnixNano": []},
    {"endTimeUnixNano": "9" * 30}, {"endTimeUnixNano": "soon"}, {"parentSpanId": None},
    {"parentSpanId": []}, {"parentSpanId": 7}, {"parentSpanId": "dangling"}, {"traceId": 7},
    {"traceId": ""}, {"spanId": None}, {"spanId": 7}, {"attributes": ["a"]}, {"attributes": {}},
    {"status": {"code": 2}}, {"status": {"code": "2"}},
    *({"attributes": [{"key": "pulse.x", "value": value}]} for value in (
        {"stringValue": 5}, {"boolValue": "true"}, {"intValue": "five"}, {"bytesValue": "AA"}, {},
    )),
]  # fmt: skip
RESOURCES: list[Any] = [{"attributes": {}}, {"attributes": [None]}, {"attributes": []}, {}, None]
BODIES = ["", "x", "[]", "{}", '{"resourceSpans":[]}', '{"resourceSpans":[NaN]}', "[" * 3000]
PLAIN: list[dict[str, Any]] = [
    {}, {"source": "sdk"}, {"source": "python"}, {"kind": "chain"}, {"timestamp": "2001-01-01"},
    {"tool_name": "Write", "tool_input": {"a": 1}, "duration_ms": 5}, {"duration_ms": -1},
    {"input_tokens": 1.5}, {"metadata": []}, {"model": None}, {"unknown": 1}, {"session_id": 7},
]  # fmt: skip
LEGACY: list[dict[str, Any]] = [
    {}, {"provider": "azure"}, {"latency_ms": -1}, {"input_tokens": 1.5}, {"cost_cents": 1},
    {"metadata": None}, {"session_id": "no uuid"}, {"timestamp": "2001-01-01"}, {"status": "ok"},
    {"model_requested": ""}, {"request_body": []}, {"output_text": "hi", "input_tokens": 3},
    {"metadata": {"summary": "A title"}}, {"unknown": 1},
]  # fmt: skip
QUERIES: list[dict[str, str]] = [
    {}, {"limit": "2"}, {"limit": "1e2"}, {"limit": " 5"}, {"limit": "0"}, {"limit": "1001"},
    {"limit": "x"}, {"limit": ""}, {"limit": "1.5"}, {"offset": "-1"}, {"offset": "1"},
    {"status": "error"}, {"status": "ok"}, {"status": ""}, {"provider": "openai"},
    {"provider": "sdk"}, {"provider": ""}, {"model": "gpt-4o"}, {"model": "gpt-4o-2024"},
    {"model": "unknown"}, {"model": ""}, {"source": "codex"}, {"source": "python"},
    {"service": "app"}, {"service": ""}, {"session_id": "no uuid"}, {"session_id": ""},
    {"summary": "title"}, {"kind": "tool_use"}, {"kind": "chain"}, {"tool_name": "Edit"},
    {"unknown": "x"}, {"date_from": "bad"}, {"date_to": "2001-13-01"},
    {"date_from": "2001-01", "date_to": "2001-02"}, {"date_from": "Nov 27 2000", "date_to": "-5"},
]  # fmt: skip
PATHS = [
    "/health", "/v1", "/v1/unknown", "/v1/sessions", "/v1/traces/unknown", "/v1/spans/unknown",
    "/v1/sessions/unknown", "/v1/sessions/unknown/spans", "/v1/traces/", "/dashboard/api/unknown",
]  # fmt: skip


def uploads(run: Run, *, legacy: bool) -> Iterator[Case]:
    """Yield the uploads; the last one stores the span or trace `last`."""
    own = _legacy_uploads(run) if legacy else _current_uploads(run)
    yield from own
    for path in ("batch", "async"):
        for body in ("[]", "{}", "x", "[1]"):
            yield Case("POST", f"/v1/spans/{path}", body.encode(), name=body)
        for index, fields in enumerate([*PLAIN, PLAIN[0]]):
            one = json.dumps([_plain(run, f"{path} {index % len(PLAIN)}", fields)])
            yield Case("POST", f"/v1/spans/{path}", one.encode(), name=f"{fields}")
    last = json.dumps([_plain(run, "last", {})]).encode()
    yield Case("POST", "/v1/spans/async", last, name="last")


def _current_uploads(run: Run) -> Iterator[Case]:
    yield from (Case("POST", "/v1/traces", body.encode(), name=body[:30]) for body in BODIES)
    rows = [*({"attributes": _attributes(found)} for found in ATTRIBUTES), *FIELDS]
    for index, fields in enumerate(rows):
        yield _export(_span(run, index, fields), name=str(fields)[:80])
    yield _export(_span(run, 0, {}), name="a repeated span")
    for index, resource in enumerate(RESOURCES):
        one = _span(run, f"resource {index}", {})
        yield _export(one, {"resource": resource}, name=f"resource {resource}")
    for index, found in enumerate([{"pulse.kind": "agent_run"}, CALL, TOOL, CALL]):
        fields = {"attributes": _attributes(found), "traceId": f"{run.id} tree"}
        yield _export(_span(run, f"tree {index}", fields), name=f"tree {index}")


def _legacy_uploads(run: Run) -> Iterator[Case]:
    for path in ("batch", "async"):
        for body in ("", "x", "{}", "[]", "[1]", "[" * 3000):
            yield Case("POST", f"/v1/traces/{path}", body.encode(), name=body[:30])
        for index, fields in enumerate([*LEGACY, LEGACY[0]]):
            one = {
                "trace_id": run.uuid(f"{path} {index % len(LEGACY)}"),
                "timestamp": run.iso(index),
                "provider": "openai",
                "model_requested": "gpt-4o",
                "request_body": {},
                "status": "success",
                "latency_ms": 12,
                **fields,
            }
            yield Case("POST", f"/v1/traces/{path}", json.dumps([one]).encode(), name=f"{fields}")


def reads(run: Run, *, legacy: bool) -> Iterator[Case]:
    """Yield the reads."""
    day = {"date_from": run.iso(), "date_to": run.iso(DAY_MS - 1)}
    for path in ("/v1/traces", "/v1/spans"):
        yield Case("GET", path, key=False)
        yield from (Case("GET", f"{path}?{urlencode({**day, **query})}") for query in QUERIES)
    names = ("", "/spans", "/overview-extended")
    groups = [{"group_by": name} for name in ("hour", "day", "model", "provider", "week", "")]
    periods = [
        {},
        {"date_from": "2001-01-01", "date_to": "5"},
        day,
        *({**day, **g} for g in groups),
    ]
    for name in names:
        yield from (Case("GET", f"/v1/analytics{name}?{urlencode(one)}") for one in periods)
    yield from (Case("GET", path, key=key) for path in PATHS for key in (True, False))
    yield from (Case("GET", f"/v1/{path}") for path in (_legacy_paths if legacy else _paths)(run))
    for method, path in (("PUT", "/v1/traces"), ("POST", "/v1/spans"), ("POST", "/v1/auth/login")):
        yield from (Case(method, path, b"{}", key=key) for key in (True, False))


def _paths(run: Run) -> Iterator[str]:
    for index in range(len(ATTRIBUTES) + len(FIELDS)):
        one = quote(f"{run.id} {index}", safe="")
        yield from (f"traces/{one}", f"spans/{one}", f"sessions/{one}", f"sessions/{one}/spans")
    yield f"traces/{quote(f'{run.id} tree', safe='')}"
    yield f"sessions/{quote(f'{run.id} tree', safe='')}"
    yield f"spans/{run.uuid('batch 5')}"


def _legacy_paths(run: Run) -> Iterator[str]:
    for path in ("batch", "async"):
        yield from (f"traces/{run.uuid(f'{path} {index}')}" for index in range(len(LEGACY)))
    yield f"spans/{run.uuid('batch 5')}"


def last_stored(run: Run) -> str:
    """Return the path of what the last upload stored."""
    return f"/v1/spans/{run.uuid('last')}"


def _plain(run: Run, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    own = {
        "span_id": run.uuid(name),
        "trace_id": f"{run.id} {name}",
        "session_id": f"{run.id} plain",
        "timestamp": run.iso(10),
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "post_tool_use",
        "status": "success",
    }
    return {**own, **fields}


def _span(run: Run, name: object, fields: dict[str, Any]) -> dict[str, Any]:
    begin = run.start_ms + 1000
    own = {
        "traceId": f"{run.id} {name}",
        "spanId": f"{run.id} {name}",
        "name": "a span",
        "startTimeUnixNano": str(begin * MS),
        "endTimeUnixNano": str((begin + 10) * MS),
    }
    return {**own, **fields}


def _export(span: dict[str, Any], group: dict[str, Any] | None = None, *, name: str) -> Case:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}], **(group or {})}]}
    return Case("POST", "/v1/traces", json.dumps(body).encode(), name=name)


def _attributes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in found.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
    return {kinds[type(value)]: value}
