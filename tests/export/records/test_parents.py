"""Each record that is sent hangs on its nearest ancestor that is sent."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from pulse_otel.export import dialects
from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.delivery.queue import SpanQueue
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.export.records.parents import Parents
from pulse_otel.export.records.record import Record
from pulse_otel.export.records.started_spans import StartedSpans
from pulse_otel.export.span_watch import is_for_pulse, watch
from pulse_otel.ids import SystemIdGenerator

MS = 1_000_000
LLM = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3}
ROUND_S = "pulse_otel.export.delivery.queue.ROUND_S"  # a slow machine must not split a round
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "http": ("http.server", {"http.method": "GET"}),
    "labelled": ("http.server", {"gen_ai.conversation.id": "a session of the program"}),
    "agent": ("framework", {"gen_ai.operation.name": "invoke_agent"}),
    "tool": ("framework", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}),
    "call": ("pulse_otel.openai", LLM),
    "outer": ("opentelemetry.util.genai", LLM),
    "middle": ("opentelemetry.instrumentation.other", LLM),
}
PLAIN = ("http", "labelled")
CALLS = ("call", "outer", "middle")
SENT = ("agent", "tool", *CALLS)


@dataclass
class Node:
    """A span to be: its kind, and the place of its parent in the list of nodes."""

    kind: str
    parent: int | None


@dataclass
class Plan:
    """The nodes, and what happens: a start, an end, a batch handed over, a round of the worker."""

    nodes: list[Node]
    steps: list[tuple[str, int]]
    old: bool  # the spans ended long ago: no call is held back


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    random: Random = draw(st.randoms(use_true_random=False))
    nodes: list[Node] = []
    for position in range(random.randrange(1, 25)):
        parent = random.choice([None, *range(position), *range(max(0, position - 3), position)])
        kind = random.choice(list(KINDS)[: 4 if _inside_of_call(nodes, parent) else 6])
        nodes.append(Node(kind, parent))
    for outer in [n for n, node in enumerate(nodes) if node.kind == "outer"]:
        _add_call(random, nodes, outer)
    return Plan(nodes, _schedule(random, nodes), random.random() < 0.5)


def _inside_of_call(nodes: list[Node], parent: int | None) -> bool:
    """Whether a call here would be a second one inside of another: it may stand beside that."""
    while parent is not None and nodes[parent].kind in PLAIN:
        parent = nodes[parent].parent
    return parent is not None and nodes[parent].kind in CALLS


def _add_call(random: Random, nodes: list[Node], outer: int) -> None:
    """Add one call inside of `outer`, at times seen by a third instrumentation in between."""
    parent = outer
    if random.random() < 0.5:
        nodes.append(Node("middle", parent))
        parent = len(nodes) - 1
        nodes += [Node(random.choice(["http", "tool"]), parent) for _ in range(random.randrange(2))]
    nodes.append(Node("call", parent))


def _schedule(random: Random, nodes: list[Node]) -> list[tuple[str, int]]:
    """Start the nodes in their order, end each at any time after that.

    Of a call that three saw, the inner span ends first.
    """
    steps: list[tuple[str, int]] = [("start", n) for n in range(len(nodes))]
    after: dict[int, int] = {}
    for n, node in reversed(list(enumerate(nodes))):
        begin = max(steps.index(("start", n)), after.get(n, 0)) + 1
        at = random.randrange(begin, len(steps) + 1)
        steps.insert(at, ("end", n))
        after = {outer: end + (end >= at) for outer, end in after.items()}
        above = None if node.parent is None else nodes[node.parent].kind
        if node.parent is not None and node.kind in CALLS and "middle" in (node.kind, above):
            after[node.parent] = at
    for what, often in (("batch", random.randrange(6)), ("round", random.randrange(6))):
        for _ in range(often):
            steps.insert(random.randrange(len(steps) + 1), (what, random.randrange(2)))
    return [*steps, ("batch", 0), ("round", 1)]


@dataclass
class Kept(SpanProcessor):
    """Keeps what ended, as a batch processor does."""

    ended: list[ReadableSpan] = field(default_factory=list[ReadableSpan])

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def new_provider() -> TracerProvider:
    """Its ids are random: Hypothesis seeds Python's own generator, of which the SDK makes ids."""
    return TracerProvider(shutdown_on_exit=False, id_generator=SystemIdGenerator())


def queue_of(kept: Kept, sent: list[Record]) -> tuple[SpanQueue, Callable[[], None]]:
    """The queue of a delivery, and what hands over to it what ended, as a batch processor does."""
    never: Any = None
    ledger = Ledger()

    def hand_over() -> None:
        with ledger.lock:
            queue.add([span for span in kept.ended if is_for_pulse(span)])
        kept.ended.clear()

    steps = Steps(
        size=lambda span: 1,
        read=dialects.read,
        form=never,
        post=never,
        attempt_s=1,
        hold_s=60,
        collect=hand_over,
    )
    queue = SpanQueue(ledger, steps, sent.extend)
    return queue, hand_over


def carry_out(plan: Plan, watched: bool) -> tuple[list[str], list[Record]]:
    """Return the ids of the nodes' spans, and what was sent in the order in which it was."""
    provider, kept, sent = new_provider(), Kept(), list[Record]()
    if watched:
        watch(provider)
    provider.add_span_processor(kept)
    queue, hand_over = queue_of(kept, sent)
    spans: list[trace.Span] = []
    now = time.time_ns() - (3600_000 if plan.old else 0) * MS
    for at, (what, number) in enumerate(plan.steps):
        if what == "start":
            spans.append(started(provider, plan.nodes[number], spans, now + at * MS // 4))
        elif what == "end":
            spans[number].end(now + at * MS // 4)
            # The program lets go of it.
            spans[number] = trace.NonRecordingSpan(spans[number].get_span_context())
        if what == "batch" or (what, number) == ("round", 1):  # a flush
            hand_over()
        if what == "round":
            queue.drain(time.monotonic() + 10, bool(number))
    return [trace.format_span_id(s.get_span_context().span_id) for s in spans], sent


def started(
    provider: TracerProvider, node: Node, spans: list[trace.Span], at_ns: int
) -> trace.Span:
    scope, attributes = KINDS[node.kind]
    parent = trace.INVALID_SPAN if node.parent is None else spans[node.parent]
    context = trace.set_span_in_context(parent)
    span = provider.get_tracer(scope).start_span(node.kind, context, start_time=at_ns)
    span.set_attributes(attributes)  # as many do: not with the start
    return span


def id_of(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return trace.format_span_id(context.span_id)


class Expected:
    """The tree that should have been sent, as far as it is known which spans of a call were."""

    def __init__(self, plan: Plan, ids: list[str], sent: list[Record]) -> None:
        self.nodes = plan.nodes
        self.ids = ids
        self.sent = {record.span_id for record in sent}
        self.of = {span_id: n for n, span_id in enumerate(self.ids) if plan.nodes[n].kind in SENT}

    def one_of(self, n: int) -> frozenset[int]:
        """The spans that are of one call with node `n`."""
        while (parent := self.nodes[n].parent) is not None and self.is_one_call(n, parent):
            n = parent
        group = [n]
        while inside := [c for c in self.below(group[-1]) if self.is_one_call(c, group[-1])]:
            group += inside
        return frozenset(group)

    def below(self, n: int) -> Iterator[int]:
        return (c for c, node in enumerate(self.nodes) if node.parent == n)

    def is_one_call(self, inner: int, outer: int) -> bool:
        kinds = self.nodes[inner].kind, self.nodes[outer].kind
        return kinds in {("middle", "outer"), ("call", "outer"), ("call", "middle")}

    def above(self, n: int) -> frozenset[int] | None:
        """The spans of the nearest record above node `n`, but of another call or agent."""
        own, above = self.one_of(n), self.nodes[n].parent
        while above is not None and (above in own or self.nodes[above].kind not in SENT):
            above = self.nodes[above].parent
        return None if above is None else self.one_of(above)


COUNTED = Counter[str]()


def count(plan: Plan, sent: list[Record], expected: Expected) -> None:
    kinds = [plan.nodes[expected.of[record.span_id]].kind for record in sent]
    COUNTED["trees"] += 1
    COUNTED["spans"] += len(plan.nodes)
    COUNTED["records sent"] += len(sent)
    COUNTED["calls that were merged"] += sum(node.kind == "outer" for node in plan.nodes)
    COUNTED["of these sent with the outer id"] += kinds.count("outer")
    COUNTED["calls that three saw"] += sum(node.kind == "middle" for node in plan.nodes)
    COUNTED["records whose parent was replaced"] += sum(
        record.parent_span_id != raw_parent(plan, expected, record) for record in sent
    )


def raw_parent(plan: Plan, expected: Expected, record: Record) -> str | None:
    parent = plan.nodes[expected.of[record.span_id]].parent
    return None if parent is None else expected.ids[parent]


def assert_one_tree(plan: Plan, watched: bool) -> None:
    ids, sent = carry_out(plan, watched)
    expected = Expected(plan, ids, sent)

    assert len(expected.sent) == len(sent), "an id was sent twice"
    kinds = {record.span_id: record.kind for record in sent}
    for group in {expected.one_of(n) for n in expected.of.values()}:
        found = [kinds[ids[n]] for n in group if ids[n] in kinds]
        # Of a call that three saw, an outer span may stand in its place without content.
        assert len(found) == 1 or (len(group) > 2 and found.count("llm_call") == 1), group
    parents = {record.span_id: record.parent_span_id for record in sent}
    for record in sent:
        n = expected.of[record.span_id]
        own, above = expected.one_of(n), record.parent_span_id
        for _ in own:
            if above is not None and expected.of[above] in own:
                above = parents[above]
        assert (above and expected.one_of(expected.of[above])) == expected.above(n), record.name
    count(plan, sent, expected)


@pytest.mark.parametrize("trees", [200, pytest.param(2000, marks=pytest.mark.long)])
def test_any_tree_in_any_order_is_sent_without_orphans(
    trees: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees of spans that are sent, or not, or merged; ended in any order, read in any batches."""
    monkeypatch.setattr(ROUND_S, 60)
    COUNTED.clear()

    @settings(max_examples=trees, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(plans())
    def run(plan: Plan) -> None:
        assert_one_tree(plan, watched=True)

    run()
    sys.stdout.write(f"{dict(COUNTED)}\n")  # pytest -rP shows it
    assert min(COUNTED.values()) > 0, "some case never came"


@pytest.mark.parametrize("trees", [50, pytest.param(1000, marks=pytest.mark.long)])
def test_no_start_needs_to_be_seen_if_all_come_in_one_batch(
    trees: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An exporter behind a batch processor of the program's: the usual short run."""
    monkeypatch.setattr(ROUND_S, 60)

    @settings(max_examples=trees, deadline=None)
    @given(plans())
    def run(plan: Plan) -> None:
        steps = [step for step in plan.steps if step[0] in ("start", "end")]
        plan.steps = [*steps, ("batch", 0), ("round", 1)]
        assert_one_tree(plan, watched=False)

    run()


def record(span_id: str, parent: str | None = None, **more: Any) -> Record:
    fields: dict[str, Any] = {"kind": "llm_call", "trace_id": "t", "name": span_id, **more}
    return Record(span_id=span_id, parent_span_id=parent, start_ns=0, end_ns=MS, **fields)


def test_what_hangs_on_a_record_of_another_trace_moves_with_it() -> None:
    """A call in a trace of its own is part of one in the framework's: so is what is below it."""
    parents = Parents(lambda span: None)
    inner, tool, below = record("a"), record("b", "a", kind="tool_use"), record("c", "b")
    for one in (inner, tool, below):
        parents.seen(one)

    parents.merged(("t", "a"), kept=("other", "a"))
    parents.merged(("other", "x"), kept=("other", "a"))

    assert parents.place(below) == ("other", "c", "b")  # before its parent
    assert parents.place(tool) == ("other", "b", "a")
    assert parents.place(record("d", "x", trace_id="other")) == ("other", "d", "a")


def test_a_chain_of_merges_leads_to_the_last_one_and_never_in_a_circle() -> None:
    parents = Parents(lambda span: None)
    for dropped, kept in [("a", "b"), ("b", "c"), ("c", "a"), ("b", "b")]:
        parents.merged(("t", dropped), kept=("t", kept))

    assert parents.place(record("d", "a")) == ("t", "d", "c")
    assert parents.place(record("c", "b")) == ("t", "c", None)


def test_an_outermost_span_that_is_merged_into_a_call_puts_nothing_in_between_below_it() -> None:
    """The call named the span in between, whose own parent became part of the call."""
    parents = Parents(lambda span: None)
    agent, outer = record("agent", kind="agent_run"), record("outer", "agent")
    inner = record("call", "between")
    parents.seen(inner)
    assert parents.place(inner).parent_span_id == "between"
    for one in (between := record("between", "outer"), outer, agent):
        parents.seen(one)

    stand_in = parents.stand_in(between)
    parents.merged(("t", "outer"), kept=("t", "call"))

    assert stand_in is not None
    assert stand_in.agent_name == "around a call: between"
    assert parents.place(stand_in) == ("t", "between", "agent")


def test_a_call_that_other_processes_record_too_keeps_the_id_that_they_share() -> None:
    parents = Parents(lambda span: None)
    parents.seen(record("x"))
    assert parents.place(record("tool", "x", kind="tool_use")).parent_span_id == "x"

    parents.merged(("t", "x"), kept=("t", "shared"))

    assert parents.place(record("shared", "x", is_shared=True)).span_id == "shared"


def test_what_is_remembered_is_bounded() -> None:
    """More spans than there is room for: each in its tree, the oldest forgotten."""
    started_spans = StartedSpans(limit=20)
    parents = Parents(dialects.read, started=started_spans, limit=20)
    provider = new_provider()
    tracer = provider.get_tracer("framework")
    for _ in range(300):
        spans = [tracer.start_span("a", attributes=KINDS["agent"][1])]
        for kind in ("http", "http", "agent"):
            spans.append(
                tracer.start_span(
                    "b", trace.set_span_in_context(spans[-1]), attributes=KINDS[kind][1]
                )
            )
        for span in spans:
            assert isinstance(span, Span)
            started_spans.started(span)
        inner = dialects.read(spans[-1])
        assert inner is not None
        parents.seen(inner)
        parents.merged((inner.trace_id, "b" * 16), (inner.trace_id, inner.span_id))

        assert parents.place(inner).parent_span_id == id_of(spans[0])

    assert len(started_spans) <= 42
    sizes = [len(value) for value in vars(parents).values() if isinstance(value, dict)]
    assert len(sizes) == 7
    assert max(sizes) == 20
