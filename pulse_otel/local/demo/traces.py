"""Read the traces of a demo run over HTTP, check them, and show them as a table."""

from __future__ import annotations

import dataclasses
import itertools
import operator
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final, TypeAlias, cast

import requests
from rich import box
from rich.table import Table
from rich.text import Text

from pulse_otel.local.demo.calls import Answer, DemoCall
from pulse_otel.printable import printable

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
    checks = [*_CHECKS]
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


def trace_table(made: Sequence[MadeCall], traces: Mapping[str, Trace]) -> Table:
    """Make a table of the traces in the order of the calls, at most 80 columns wide."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("time", style="dim", no_wrap=True)
    table.add_column("provider", no_wrap=True)
    table.add_column("model", style="cyan", no_wrap=True)
    table.add_column("in/out", justify="right", no_wrap=True)
    table.add_column("cents", justify="right", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("session", style="magenta", no_wrap=True)
    # The one column that shrinks in a narrow terminal.
    table.add_column("answer")
    for one in made:
        trace = traces.get(one.call.key)
        if trace is not None:
            table.add_row(*_cells(one, trace))
    return table


def _cells(made: MadeCall, trace: Trace) -> list[Text]:
    failed = trace.get("status") == "error"
    cents = trace.get("costCents")
    return [
        _shown(_clock(str(trace.get("timestamp")))),
        _shown(trace.get("provider")),
        _shown(trace.get("modelRequested")),
        _shown("" if failed else f"{trace.get('inputTokens')}/{trace.get('outputTokens')}"),
        _shown(f"{cents:.3f}" if isinstance(cents, (int, float)) and cents > 0 else ""),
        _shown(f"{trace.get('latencyMs') or 0:.0f}"),
        Text("error", "bold red") if failed else Text("ok", "green"),
        _shown(made.call.session),
        _answer(made, trace, failed),
    ]


def _shown(value: object) -> Text:
    """A cell of what the service says: a string would be searched for markup, and links made."""
    return Text(printable(str(value)))


def _answer(made: MadeCall, trace: Trace, failed: bool) -> Text:
    text = " ".join(str(trace.get("outputText") or "").split())
    if failed:
        text = _error_text(trace.get("error"))
    elif not text and not made.call.has_text:
        text = "(calls a tool)"
    return Text(
        printable(text),
        "" if made.call.has_text and not failed else "dim",
        no_wrap=True,
        overflow="ellipsis",
    )


def _error_text(error: Any) -> str:
    if isinstance(error, dict):
        return _error_text(cast("Trace", error).get("message"))
    return " ".join(str(error or "").split())


def _clock(timestamp: str) -> str:
    """Return the local time of day of an ISO date and time."""
    try:
        # Python 3.10 does not parse a Z.
        moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    except ValueError:
        return timestamp[11:19]
    return f"{moment.astimezone():%H:%M:%S}"
