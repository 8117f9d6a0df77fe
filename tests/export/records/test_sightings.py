"""Generated calls that others saw too, among neighbours with the same ids, times and texts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
from pulse_otel.export.records.parents import Parents
from pulse_otel.export.records.record import Record, Usage

MS = 1_000_000
OURS = "pulse_otel.openai"
SCOPES = (OURS, "openinference.instrumentation.langchain", "litellm")


@dataclass(frozen=True)
class Made:
    """A call that was made: all that can be seen of it."""

    number: int
    response_id: str
    model: str
    tokens: tuple[int, int]
    question: str
    answer: str
    ms: tuple[int, int]


@dataclass(frozen=True)
class Sighting:
    """What one instrumentation says of a call; some leave facts out."""

    call: Made
    scope: str
    place: str  # the trace
    parent: str | None
    silent: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.call.number}{self.scope}"

    def record(self) -> Record:
        call, (start, end) = self.call, self.call.ms
        known: dict[str, Any] = {
            "response_id": call.response_id,
            "response_model": f"{call.model}-2024-08-06",
            "usage": Usage(*call.tokens),
            "request": {"messages": [{"role": "user", "content": call.question}]},
            "output_text": call.answer,
        }
        return Record(
            kind="llm_call",
            trace_id=self.place,
            span_id=self.name,
            parent_span_id=self.parent,
            start_ns=start * MS,
            end_ns=end * MS,
            name=self.name,
            scope=self.scope,
            provider="openai",
            model=call.model,
            metadata={self.name: True},
            **{name: value for name, value in known.items() if name not in self.silent},
        )


_KNOWN = ("response_id", "usage", "request", "output_text")
_FEW = {  # so few values that calls agree in most of them
    "response_id": st.sampled_from(["chatcmpl-123", "chatcmpl-1", "chatcmpl-2"]),
    "model": st.sampled_from(["gpt-4o", "gpt-4o-mini"]),
    "tokens": st.sampled_from([(12, 3), (12, 4)]),
    "question": st.sampled_from(["hi", "bye"]),
    "answer": st.sampled_from(["Hello.", "Bye."]),
    "ms": st.sampled_from([(0, 100), (1, 99), (0, 1000), (500, 600), (90, 200)]),
}


@st.composite
def sightings(draw: st.DrawFn, unique: bool) -> list[Sighting]:
    """Return what one to three instrumentations say of up to five calls, in any order."""
    found: list[Sighting] = []
    for number in range(draw(st.integers(1, 5))):
        facts = {name: draw(values) for name, values in _FEW.items()}
        if unique:
            facts["response_id"] = f"chatcmpl-{number}"
        call = Made(number, **facts)
        for scope in draw(st.lists(st.sampled_from(SCOPES), min_size=1, unique=True)):
            root, together = draw(st.booleans()), draw(st.booleans())
            silent = () if unique else draw(st.lists(st.sampled_from(_KNOWN), max_size=2))
            place = "one" if together else f"{number}{scope}"
            parent = None if root else draw(st.sampled_from(["run", f"step {number}"]))
            found.append(Sighting(call, scope, place, parent, frozenset(silent)))
    return draw(st.permutations(found))


def settle(seen: Sequence[Sighting], waits: Sequence[float]) -> list[Record]:
    """Return what is sent of `seen`, with these seconds between one and the next."""
    now = [0.0]
    deduplicator = CallDeduplicator(5.0, lambda: now[0], age_s=lambda record: 0.0)
    out: list[Record] = []
    for number, sighting in enumerate(seen):
        out += deduplicator.add(sighting.record())
        now[0] += waits[number % len(waits)]
        out += deduplicator.due()
    out += deduplicator.flush()
    assert len(out) + deduplicator.duplicates == len(seen)
    return out


def visible_differences(one: Sighting, other: Sighting) -> Iterator[str]:
    """Yield what tells two sightings apart, as far as both say it."""
    silent, a, b = one.silent | other.silent, one.call, other.call
    facts = {
        "response_id": a.response_id != b.response_id,
        "usage": a.tokens != b.tokens,
        "request": a.question != b.question,
        "output_text": a.answer != b.answer,
        "model": a.model != b.model,
    }
    yield from (name for name, differ in facts.items() if differ and name not in silent)
    if max(a.ms[0], b.ms[0]) >= min(a.ms[1], b.ms[1]):
        yield "times"
    if one.scope == other.scope:
        yield "scope: one instrumentation records a call once"


WAITS = st.lists(st.sampled_from([0.0, 0.0, 1.0, 6.0]), min_size=1, max_size=4)
counts: Counter[str] = Counter()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=sightings(unique=False), waits=WAITS)
def test_calls_that_differ_in_anything_visible_never_become_one(
    seen: list[Sighting], waits: list[float]
) -> None:
    """In any order, in any batches; and no sighting goes but to one that says the same."""
    out = settle(seen, waits)
    groups = [[one for one in seen if one.name in record.metadata] for record in out]

    for group in groups:
        for one, other in combinations(group, 2):
            assert not list(visible_differences(one, other))
    sent = [one for group in groups for one in group]
    for dropped in (one for one in seen if one not in sent):  # they came after the record was sent
        assert any(
            not any(list(visible_differences(dropped, one)) for one in group) for group in groups
        )
    most = Counter(one.scope for one in seen).most_common(1)[0][1]
    assert len(out) >= most
    counts.update(
        examples=1,
        calls=len({one.call for one in seen}),
        sightings=len(seen),
        records=len(out),
        merged=len(seen) - len(out),
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=sightings(unique=True), waits=WAITS)
def test_where_the_ids_are_unique_each_call_is_one_record(
    seen: list[Sighting], waits: list[float]
) -> None:
    """With its tokens, whatever else agrees, in any order and in any batches."""
    out = settle(seen, waits)
    calls = {one.call for one in seen}

    assert Counter(record.response_id for record in out) == Counter(c.response_id for c in calls)
    assert sum(r.usage.input or 0 for r in out) == sum(call.tokens[0] for call in calls)
    counts.update({"unique: calls": len(calls), "unique: sightings": len(seen)})
    counts.update({"unique: records": len(out)})


@settings(max_examples=300, deadline=None)
@given(
    facts=st.fixed_dictionaries(_FEW),
    others=st.fixed_dictionaries(_FEW),
    scope=st.sampled_from(SCOPES[1:]),
    order=st.booleans(),
    has_id=st.booleans(),
    waits=WAITS,
)
def test_a_call_beneath_another_call_is_the_same_only_if_nothing_says_otherwise(
    facts: dict[str, Any],
    others: dict[str, Any],
    scope: str,
    order: bool,
    has_id: bool,
    waits: list[float],
) -> None:
    """Without an id, the question, the answer or the tokens may differ; not two with the answer."""
    silent = frozenset(() if has_id else ("response_id",))
    outer = Sighting(Made(1, **{**facts, "ms": (0, 1000)}), scope, "one", "agent", silent)
    inner = Sighting(Made(2, **{**others, "ms": (10, 900)}), OURS, "one", outer.name)
    unlike = set(visible_differences(outer, inner))
    both = [{"usage", "output_text"}, {"request", "output_text"}]
    says_otherwise = any(names <= unlike for names in both) and not has_id
    is_other = says_otherwise or bool(unlike & {"response_id", "model"})

    out = settle([outer, inner] if order else [inner, outer], waits)

    assert len(out) == (2 if is_other else 1)
    counts.update({"nested": 1, "nested: two calls": is_other})


def test_the_counts_of_the_generated_cases() -> None:
    """They stand in the output of a failing run, and with `-s`."""
    sys.stdout.write(f"\n{dict(counts)}\n")

    assert not counts or counts["unique: records"] == counts["unique: calls"]


def call(scope: str, number: int = 1, **more: Any) -> Sighting:
    facts: dict[str, Any] = {
        "response_id": "chatcmpl-123",
        "model": "gpt-4o",
        "tokens": (12, 3),
        "question": "hi",
        "answer": "Hello.",
        "ms": (0, 100),
    }
    place = {"place": f"trace of {number}{scope}", "parent": None}
    place |= {name: more.pop(name) for name in ("place", "parent", "silent") if name in more}
    return Sighting(Made(number, **{**facts, **more}), scope, **place)  # type: ignore[arg-type]


def test_calls_that_cannot_be_told_apart_stay_as_they_were_recorded() -> None:
    """Two calls at once with the same id and texts, each seen twice, or one of them once."""
    four = [call(scope, number) for number in (1, 2) for scope in SCOPES[:2]]

    assert len(settle(four, [0.0])) == 4
    assert len(settle(four[:3], [0.0])) == 3
    assert len(settle(four[1:], [0.0])) == 3
    assert len(settle(four[:2], [0.0])) == 1


def test_the_record_stands_in_the_tree_of_the_framework_and_has_what_both_know() -> None:
    ours = call(OURS, silent=frozenset(["request"])).record()
    theirs = call(SCOPES[1], place="run", parent="agent", silent=frozenset(["usage"])).record()

    for records in ([ours, theirs], [theirs, ours]):
        deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
        out = [shipped for record in records for shipped in deduplicator.add(record)]
        (shipped,) = [*out, *deduplicator.flush()]

        assert (shipped.trace_id, shipped.parent_span_id) == ("run", "agent")
        assert shipped.span_id == theirs.span_id
        assert shipped.usage == ours.usage
        assert shipped.request == theirs.request


def test_an_estimate_of_the_tokens_gives_way_to_what_the_provider_counted() -> None:
    ours = call(OURS).record()
    theirs = replace(
        call("litellm", tokens=(8, 2)).record(), estimates_usage=True, reported_cost_cents=7.0
    )
    deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
    out = [shipped for record in (ours, theirs) for shipped in deduplicator.add(record)]
    (shipped,) = [*out, *deduplicator.flush()]

    assert shipped.usage == Usage(12, 3)
    assert shipped.reported_cost_cents is None
    assert shipped.trace_id == ours.trace_id  # of two roots, ours


def test_a_first_call_whose_framework_took_longer_to_begin_has_one_record() -> None:
    """Imports made the outer span 1.5 times as long; there is no id to go by."""
    silent = frozenset(["response_id"])
    ours = call(OURS, place="t", parent="p", ms=(70, 233))
    theirs = call("somebody", place="t", parent="p", ms=(0, 248), silent=silent)

    assert len(settle([ours, theirs], [0.0])) == 1
    another = call("somebody", 2, place="t", parent="p", ms=(1, 249), silent=silent)
    assert len(settle([ours, theirs, another], [0.0])) == 3


def test_a_third_sighting_that_comes_late_is_not_sent_for_another_call() -> None:
    """The first pair was sent; what is left of the second pair is a call of its own."""
    first, second = [call(scope) for scope in SCOPES[:2]], call(SCOPES[1], 2)

    out = settle([*first, second], [0.0, 6.0])

    assert [record.name for record in out] == [first[0].name, second.name]


def test_one_call_within_another_of_other_tokens_is_a_second_call() -> None:
    """A program that asks a small question while it answers a large one."""
    outer = call("framework", place="t", ms=(0, 300), answer="No.")
    inner = call(
        OURS, 2, place="t", parent=outer.name, ms=(10, 90), tokens=(5, 1), response_id="other"
    )
    unlike = call(OURS, 3, place="t", parent=outer.name, ms=(10, 90), tokens=(5, 1))

    assert len(settle([inner, outer], [0.0])) == 2
    for silent in (frozenset(["response_id"]), frozenset(["response_id", "output_text"])):
        quiet = call("framework", place="t", ms=(0, 300), answer="No.", silent=silent)
        assert len(settle([unlike, quiet], [0.0])) == 2


def test_a_framework_that_adds_the_reasoning_to_the_output_records_the_same_call() -> None:
    """As Google's ADK with LiteLLM, which has a prefix before the name of the model, too."""
    names = {"place": "t", "silent": frozenset(["response_id", "request", "output_text"])}
    outer = call("gcp.vertex.agent", model="openai/gpt-4o", tokens=(120, 65), **names).record()
    inner = call(OURS, 2, place="t", parent=outer.span_id, ms=(10, 90)).record()
    inner = replace(inner, usage=Usage(120, 45, reasoning=20))

    def sent(usage: Usage) -> list[Record]:
        deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
        seen = (inner, replace(outer, usage=usage))
        return [*(one for new in seen for one in deduplicator.add(new)), *deduplicator.flush()]

    assert [one.usage for one in sent(Usage(120, 65, reasoning=20))] == [inner.usage]
    for other in (Usage(121, 65, reasoning=20), Usage(120, 65, reasoning=21), Usage(120, 65)):
        assert len(sent(other)) == 2


def test_calls_that_differ_in_what_was_asked_are_two() -> None:
    """They agree in id, time, last question, answer and tokens, and one call has no other."""
    hello = {"role": "user", "content": "hi"}
    told = {"role": "user", "content": "I am Ann"}
    ours, theirs = call(OURS).record(), call(SCOPES[1], 2).record()
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"session_id": "a"}, {"session_id": "b"}),
        ({"user_id": "a"}, {"user_id": "b"}),
        ({"request": {"messages": [told, hello]}}, {"request": {"messages": [hello]}}),
        (
            {"request": {"messages": [{"role": "system", "content": "French"}, hello]}},
            {"request": {"system": "German", "messages": [hello]}},
        ),
        (
            {"request": {"messages": [hello], "temperature": 0.1}},
            {"request": {"messages": [hello], "temperature": 0.9}},
        ),
    ]

    for one, other in pairs:
        assert sent_of(replace(ours, **one), replace(theirs, **other)) == 2
        assert sent_of(replace(ours, **one), replace(theirs, **one)) == 1


def test_calls_below_two_agents_of_two_traces_are_two() -> None:
    pair = [call(OURS, parent="a").record(), call(SCOPES[1], parent="b").record()]
    parents = Parents(lambda span: None)
    deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0, parents=parents)
    for one in pair:
        assert one.parent_span_id is not None
        parents.seen(
            replace(one, kind="agent_run", span_id=one.parent_span_id, parent_span_id=None)
        )
        deduplicator.add(one)

    assert len(deduplicator.flush()) == 2
    assert sent_of(*pair) == 1  # where nobody knows what is above them


def sent_of(*records: Record) -> int:
    deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
    return sum(len(deduplicator.add(one)) for one in records) + len(deduplicator.flush())


def test_two_calls_one_after_the_other_are_two() -> None:
    silent = frozenset(["response_id"])
    first = call(OURS, place="t", parent="agent", ms=(0, 20))
    second = call(SCOPES[1], 2, place="t", parent="agent", ms=(21, 26), silent=silent)

    assert len(settle([first, second], [0.0])) == 2


def test_names_of_models_that_begin_alike_are_two_models() -> None:
    names = ["gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-4.1", "claude-haiku-4", "claude-haiku-4-5"]

    for one, other in pairwise(names):
        pair = [call(OURS, model=one), call(SCOPES[1], model=other)]
        assert len(settle(pair, [0.0])) == 2
