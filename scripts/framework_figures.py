"""What the service has of a run of a framework's program, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Span = dict[str, Any]


@dataclass(frozen=True)
class Due:
    """What should be there: one record for each call, one tree for each run, each tool once."""

    calls: int  # answers of the provider
    unstated: int  # those that say nothing of tokens: streams for which nobody asked it
    tokens: int
    tools: int
    runs: tuple[str, ...]  # their sessions


@dataclass(frozen=True)
class Figures:
    """What is there."""

    calls: int
    unstated: int
    tokens_due: int
    tools_due: int
    runs: int
    spans: int
    records: int  # spans of LLM calls
    traces: int
    roots: int  # spans without a parent, or whose parent the service does not have
    orphans: int  # the latter
    tools: int
    tools_empty: int  # without their input or output
    strays: int  # spans of another session than those of the program
    tokens: int
    failed: str = ""  # the end of what the program said, if it did not end well

    def columns(self) -> dict[str, tuple[str, bool]]:
        """Return each column's text, and whether all is as it should be."""
        apart = f" in {self.traces} traces" if self.traces != self.runs else ""
        emptied = f", {self.tools_empty} emptied" if self.tools_empty else ""
        unstated = f", {self.unstated} unstated" if self.unstated else ""
        return {
            "records": _of(self.records, self.calls),
            "trees": _of(self.roots, self.runs, apart),
            "orphans": (str(self.orphans), not self.orphans),
            "tools": _of(self.tools, self.tools_due, emptied),
            "session": _of(self.spans - self.strays, self.spans),
            "tokens": (
                f"{self.tokens} of {self.tokens_due}{unstated}",
                self.tokens == self.tokens_due,
            ),
        }

    def faults(self) -> dict[str, str]:
        """Return the columns that are not as they should be."""
        if self.failed:
            return {"program": "failed"}
        return {name: text for name, (text, good) in self.columns().items() if not good}


def _of(found: int, due: int, fault: str = "") -> tuple[str, bool]:
    return f"{found} of {due}{fault}", found == due and not fault


def counted(spans: Sequence[Span], due: Due, failed: str = "") -> Figures:
    """Count what `spans` has of what is due."""
    ids = {span["spanId"] for span in spans}
    calls = [span for span in spans if span["kind"] == "llm_call"]
    tools = [span for span in spans if span["kind"] == "tool_use"]
    parents = [span.get("parentSpanId") for span in spans]
    return Figures(
        calls=due.calls,
        unstated=due.unstated,
        tokens_due=due.tokens,
        tools_due=due.tools,
        runs=len(due.runs),
        spans=len(spans),
        records=len(calls),
        traces=len({span["traceId"] for span in spans}),
        roots=sum(parent not in ids for parent in parents),
        orphans=sum(bool(parent) and parent not in ids for parent in parents),
        tools=len(tools),
        tools_empty=sum(not (t.get("toolInput") and t.get("toolResponse")) for t in tools),
        strays=sum(span["sessionId"] not in due.runs for span in spans),
        tokens=sum((c.get("inputTokens") or 0) + (c.get("outputTokens") or 0) for c in calls),
        failed=failed,
    )


def tree(spans: Sequence[Span]) -> Iterator[str]:
    """Write each span beneath its parent, in the order of time."""
    ids = {span["spanId"] for span in spans}
    below: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: str(span["timestamp"])):
        parent = span.get("parentSpanId")
        below.setdefault(parent if parent in ids else "", []).append(span)
    yield from _lines(below, "", 1)


def _lines(below: dict[str, list[Span]], at: str, depth: int) -> Iterator[str]:
    for span in below.get(at, ()):
        orphan = " orphan" if depth == 1 and span.get("parentSpanId") else ""
        named = [span.get(name) for name in ("toolName", "agentName", "model", "outputText")]
        words = (span["kind"], *(repr(name[:40]) for name in named if name))
        place = f"session {span['sessionId'][:12]}, trace {span['traceId'][:6]}"
        yield f"{'  ' * depth}{' '.join(words)} ({place}){orphan}"
        yield from _lines(below, span["spanId"], depth + 1)
