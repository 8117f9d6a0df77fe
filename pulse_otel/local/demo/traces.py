"""Read the traces of a demo run over HTTP, check them, and write them as a table."""

from __future__ import annotations

import dataclasses
import itertools
import operator
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, Final, TypeAlias, cast

import requests

from pulse_otel.local.demo.calls import Answer, DemoCall
from pulse_otel.terminal.table import Column, Row, heading, written
from pulse_otel.terminal.trace_table import columns_for, row_of

Trace: TypeAlias = Mapping[str, Any]

# The service stores accepted spans later: usually at once, under load after seconds.
_READ_BACK_S: Final = 15.0
_POLL_S: Final = 0.2
_TIMEOUT_S: Final = 10.0


@dataclasses.dataclass(frozen=True)
class MadeCall:
    """A call of this run, and its result."""

    call: DemoCall
    session_id: str
    answer: Answer = dataclasses.field(default_factory=Answer)
    failure: str | None = None
    """Why the call did not give the expected result."""
    priced: bool = True
    """Whether its price is known: a real account may have prices of its own."""


class NotReadable(Exception):
    """The traces could not be read; the message says why."""


def read_traces(api_url: str, api_key: str, run: str, awaited: Set[str]) -> dict[str, Trace]:
    """Return the traces of run `run` by the key of their call; wait for the `awaited` ones.

    The wait is limited; later traces are missing. Raises NotReadable if the service does not
    answer.
    """
    deadline = time.monotonic() + _READ_BACK_S
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {api_key}"
        while True:
            found = _traces_of(run, _newest(http, api_url))
            if awaited <= found.keys() or time.monotonic() > deadline:
                return found
            time.sleep(_POLL_S)


def _newest(http: requests.Session, api_url: str) -> Sequence[Trace]:
    try:
        answer = http.get(f"{api_url}/v1/traces", params={"limit": "100"}, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        traces: Sequence[Trace] = answer.json()["traces"]
    except (requests.RequestException, KeyError) as error:
        msg = f"cannot read traces from {api_url}: {error}"
        raise NotReadable(msg) from error
    return traces


def _traces_of(run: str, traces: Iterable[Trace]) -> dict[str, Trace]:
    found: dict[str, Trace] = {}
    for call in itertools.chain.from_iterable(map(_calls_of, traces)):
        metadata: Mapping[str, Any] = call.get("metadata") or {}
        if metadata.get("demo_run") == run:
            found[str(metadata.get("demo_call"))] = call
    return found


# A field of a span -> its name in a trace of one call.
_SPAN_FIELDS: Final = {"model": "modelRequested", "durationMs": "latencyMs"}


def _calls_of(trace: Trace) -> list[Trace]:
    """Split a trace into one trace per call: a tool's result joins the trace of its request.

    In the legacy form a trace is one call.
    """
    if "spans" not in trace:
        return [trace]
    spans = cast("Sequence[Trace]", trace["spans"])
    return [
        {"spans": spans, **{_SPAN_FIELDS.get(name, name): value for name, value in span.items()}}
        for span in spans
        if span.get("kind") == "llm_call"
    ]


# A check of a trace: its name, the actual value, the expected value.
_Check: TypeAlias = tuple[str, Callable[[Trace], Any], Callable[[MadeCall], Any]]
_CHECKS: Final[Sequence[_Check]] = (
    ("provider", lambda trace: trace.get("provider"), lambda made: made.call.provider),
    ("model", lambda trace: trace.get("modelRequested"), lambda made: made.call.model),
    ("status", lambda trace: trace.get("status"), lambda made: _status(made.call)),
    ("session", lambda trace: _session(trace), lambda made: made.session_id),
)
_SUCCESS_CHECKS: Final[Sequence[_Check]] = (
    ("input tokens", lambda trace: trace.get("inputTokens"), lambda made: made.answer.input_tokens),
    (
        "output tokens",
        lambda trace: trace.get("outputTokens"),
        lambda made: made.answer.output_tokens,
    ),
    ("answer", lambda trace: trace.get("outputText") or "", lambda made: made.answer.text),
)
# US dollars per million tokens: uncached input, read from the cache, written to it, output.
# openai.com/api/pricing and claude.com/pricing, November 2026.
_PRICES: Final[Mapping[str, Sequence[float]]] = {
    "gpt-4o-mini": (0.15, 0.075, 0.0, 0.60),
    "claude-haiku-4-5": (1.0, 0.10, 1.25, 5.0),
}


def problems(made: MadeCall, trace: Trace | None) -> list[str]:
    """List what is wrong with the trace of a call."""
    if made.failure is not None:
        return [made.failure]
    if trace is None:
        return ["its trace did not arrive"]
    checks: list[_Check] = [*_CHECKS]
    if not made.call.fails:
        checks += _SUCCESS_CHECKS
    if not made.call.fails and made.priced:
        checks.append(("cost in cents", lambda trace: _rounded(trace.get("costCents")), _cents))
    if "spans" in trace:
        checks.append(("tools of its trace", _tools, lambda made: made.call.tools))
    found = [
        f"{name}: expected {expected(made)!r}, the trace has {actual(trace)!r}"
        for name, actual, expected in checks
        if actual(trace) != expected(made)
    ]
    if made.call.has_text and not made.call.fails and not made.answer.text:
        found.append("the answer is empty")
    return found


def _session(trace: Trace) -> Any:
    """Return the session as the program named it.

    The legacy form, whose traces have no spans, takes only UUIDs: the exporter derives one from
    the name and puts the name into the metadata.
    """
    session = trace.get("sessionId")
    if "spans" in trace:
        return session
    metadata: Mapping[str, Any] = trace.get("metadata") or {}
    name = metadata.get("session_id")
    return name if session == legacy_session(str(name)) else session


def legacy_session(name: str) -> str:
    """Return the id of session `name` in the legacy form."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"pulse-session:{name}"))


def _status(call: DemoCall) -> str:
    return "error" if call.fails else "success"


def _cents(made: MadeCall) -> float | None:
    """Return the price of a call's tokens."""
    answer = made.answer
    uncached = answer.input_tokens - answer.cached_tokens - answer.written_tokens
    tokens = (uncached, answer.cached_tokens, answer.written_tokens, answer.output_tokens)
    prices = _PRICES[made.call.model]
    return _rounded(sum(map(operator.mul, tokens, prices)) * 100 / 1_000_000)


def _rounded(cents: float | None) -> float | None:
    return None if cents is None else round(cents, 9)


def _tools(trace: Trace) -> tuple[Any, ...]:
    """Return the tools whose spans are in the call's trace, before the call's own."""
    spans = cast("Sequence[Trace]", trace["spans"])
    return tuple(
        span.get("toolName")
        for span in spans
        if span.get("kind") == "tool_use" and str(span["timestamp"]) <= str(trace["timestamp"])
    )


# In a narrow terminal the time goes first, then the session, and so on.
COLUMNS: Final = (
    Column("time", 8, rank=7),
    Column("provider", 12, rank=5),
    Column("model", 24),
    Column("in/out", 11, rank=2, right=True),
    Column("cents", 7, rank=4, right=True),
    Column("ms", 6, rank=3, right=True),
    Column("status", 6, rank=1),
    Column("session", 12, rank=6),
    Column("answer", 10, fills=True),
)


def trace_table(made: Sequence[MadeCall], traces: Mapping[str, Trace]) -> list[str]:
    """Return the lines of a table of the traces, in the order of the calls."""
    rows = [_row(one, traces[one.call.key]) for one in made if one.call.key in traces]
    columns, width = columns_for(rows, COLUMNS)
    return [*heading(columns, width), *(written(columns, row, width) for row in rows)]


def _row(made: MadeCall, trace: Trace) -> Row:
    row = row_of({**trace, "spans": ()})  # its own answer, not that of the trace
    return {
        **row,
        "time": row["time"].rpartition(" ")[2],
        "model": str(trace.get("modelRequested")),
        "session": made.call.session,
    }
