"""The read routes: the filters they take (contract §3.5), the traces they derive (§3.4).

What they show is in camelCase. A field without a value is absent, not null. The exceptions are
the contract's own: `errorService`, and the provider fields of a trace without any llm_call.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from pulse_otel.local.store import KINDS, SOURCES, STATUSES, Json, SpanRow

View: TypeAlias = dict[str, Json]
Parser: TypeAlias = Callable[[str], "str | int"]

_CALL = "llm_call"
_TOOL = "tool_use"
_PREVIEW_CHARACTERS = 140
_CALL_FIELDS = (
    "provider", "modelRequested", "modelUsed", "inputTokens", "outputTokens", "costCents",
    "requestBody", "responseBody",
)  # fmt: skip


_UUID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    "|0{8}-0{4}-0{4}-0{4}-0{12}|f{8}-f{4}-f{4}-f{4}-f{12}",
    re.IGNORECASE,
)
_FIRST_MS_EPOCH = 100_000_000_000  # smaller numbers are seconds: as ms they would be before 1974


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError("Invalid UUID")
    return text


def _one_of(options: tuple[str, ...]) -> Parser:
    def parse(text: str) -> str:
        if text not in options:
            raise ValueError("Invalid option: expected one of " + "|".join(options))
        return text

    return parse


def _instant(text: str) -> int:
    """`YYYY-MM-DD`, ISO 8601, epoch seconds or milliseconds, as ms (contract §2.5)."""
    if re.fullmatch("[0-9]{1,14}", text):
        return int(text) if int(text) >= _FIRST_MS_EPOCH else int(text) * 1000
    moment = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)


def _last_instant(text: str) -> int:
    """As `_instant`; a date without a time means the whole day."""
    whole_day = timedelta(days=1) // timedelta(milliseconds=1) - 1
    return _instant(text) + (whole_day if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else 0)


def _integer(least: int, most: int) -> Parser:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(f"Invalid input: expected an integer from {least} to {most}")
        return int(text)

    return parse


_SHARED_FILTERS: Mapping[str, Parser] = {
    "source": _one_of(SOURCES),
    "service": str,
    "provider": str,
    "model": str,
    "date_from": _instant,
    "date_to": _last_instant,
}
# Ingest takes any session id, this one route reads UUIDs only (contract §3.5).
TRACE_FILTERS: Mapping[str, Parser] = {
    **_SHARED_FILTERS,
    "session_id": _uuid,
    "status": _one_of(STATUSES),
}
SPAN_FILTERS: Mapping[str, Parser] = {
    **_SHARED_FILTERS,
    "session_id": str,
    "trace_id": str,
    "kind": _one_of(KINDS),
    "tool_name": str,
    "status": _one_of(STATUSES),
}
PAGE: Mapping[str, Parser] = {"limit": _integer(1, 1000), "offset": _integer(0, 10**15)}


class BadParameter(ValueError):
    """A query parameter that the route refuses with a 400."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def parse_query(query: Mapping[str, str], parsers: Mapping[str, Parser]) -> dict[str, str | int]:
    """The known parameters of `query`; unknown ones are ignored. Raises BadParameter."""
    return {name: _parsed(name, query[name], parsers[name]) for name in parsers if name in query}


def _parsed(name: str, text: str, parser: Parser) -> str | int:
    try:
        return parser(text)
    except (ValueError, OverflowError) as error:
        raise BadParameter(name, str(error)) from error


def span_view(span: SpanRow) -> View:
    """One span as the service shows it."""
    columns = {field.name: getattr(span, field.name) for field in dataclasses.fields(span)}
    columns["timestamp"] = _iso(span.timestamp)
    # A tool's label is its name, anything else is called by its event type (contract §3.3, §3.4).
    columns["label"] = (span.tool_name if span.kind == _TOOL else None) or span.event_type
    return _present({_camel_case(name): value for name, value in columns.items()})


def trace_view(spans: Sequence[SpanRow]) -> View:
    """The trace that `spans` are; they share a trace id and are sorted by start (§3.4)."""
    calls = [span for span in spans if span.kind == _CALL]
    main = (calls or spans)[0]
    failed = [span for span in spans if span.status == "error"]
    services: list[Json] = list(dict.fromkeys(span.service for span in spans if span.service))
    tool_calls = len({span.tool_use_id or span.span_id for span in spans if span.kind == _TOOL})
    view = _present(
        {
            "traceId": main.trace_id,
            "sessionId": main.session_id,
            "timestamp": _iso(main.timestamp),
            # All durations: a parent and its child both count.
            "latencyMs": sum(span.duration_ms or 0 for span in spans),
            "source": main.source,
            "services": services,
            "spanCount": len(spans),
            "summary": (main.model or "unknown") if calls else f"{tool_calls} tool calls",
            "toolCallCount": tool_calls,
            # Only the tools of coding agents edit files, and only their own hooks report it.
            "filesEdited": 0,
            "providerRequestId": main.provider_request_id,
            "outputText": main.output_text,
            "finishReason": main.finish_reason,
            "status": "error" if failed else "success",
            "error": next((span.error for span in spans if span.error is not None), None),
            "metadata": {**main.metadata, "toolCalls": tool_calls},
        }
    )
    view["errorService"] = failed[0].service if failed else None
    view["spans"] = [span_view(span) for span in spans]
    return {**view, **_call_view(calls)}


def session_view(session_id: str, spans: Iterable[SpanRow]) -> View:
    """A session: the traces of the spans that name it, oldest first (contract §3.4, §3.5)."""
    traces: dict[str, list[SpanRow]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return {"sessionId": session_id, "traces": [trace_view(group) for group in traces.values()]}


def page_row(spans: Sequence[SpanRow]) -> View:
    """The few columns of a trace that the page at `/` lists."""
    trace = trace_view(spans)
    tokens = [trace.get("inputTokens"), trace.get("outputTokens")]
    text = trace.get("outputText") or _error_text(trace.get("error"))
    return {
        **trace,
        "time": str(trace["timestamp"]).replace("T", " ").removesuffix("Z"),
        "tokens": None if None in tokens else " → ".join(f"{count:,}" for count in tokens),
        "cost": _dollars(trace.get("costCents")),
        "preview": _first_words(text) if isinstance(text, str) else "",
    }


def _call_view(calls: Sequence[SpanRow]) -> View:
    """What only an llm_call has: the first one's request and answer, the sums of all (§3.4)."""
    if not calls:
        return dict.fromkeys(_CALL_FIELDS)
    first = calls[0]
    model = first.model or "unknown"
    return _present(
        {
            "provider": first.provider or "sdk",
            "modelRequested": model,
            "modelUsed": first.model_used or model,
            "inputTokens": sum(call.input_tokens or 0 for call in calls),
            "outputTokens": sum(call.output_tokens or 0 for call in calls),
            "costCents": sum(call.cost_cents or 0 for call in calls),
            "requestBody": _body(first.metadata, "request"),
            "responseBody": _body(first.metadata, "response"),
        }
    )


def _body(metadata: Mapping[str, Json], name: str) -> Json:
    body = metadata.get(f"pulse.{name}")
    return metadata.get(name) if body is None else body


def _present(view: View) -> View:
    return {name: value for name, value in view.items() if value is not None}


def _camel_case(name: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def _dollars(cents: Json) -> str | None:
    """Dollars with 4 decimals (contract §3.7), but a tiny cost does not look like none."""
    if not isinstance(cents, (int, float)):
        return None
    return "< $0.0001" if 0 < cents < 0.01 else f"${cents / 100:,.4f}"


def _error_text(error: Json) -> Json:
    return error.get("message") if isinstance(error, dict) else error


def _first_words(text: str) -> str:
    words = " ".join(text.split())
    shown = words[:_PREVIEW_CHARACTERS]
    return shown if shown == words else f"{shown}…"
