"""The same exchange, recorded by us and by another instrumentation: what both know is equal."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import COUNTS, Record
from tests.export.exchanges import EXCHANGES, our_spans
from tests.export.spans import DIALECTS, recorded

# Where another instrumentation says something else than the provider did. (dialect, field): why
_WRONG = {
    ("traceloop", "usage.output"): "adds the 1 of message_start to the final count of a stream",
    ("traceloop", "response.usage.output_tokens"): "the same",
    ("logfire", "request.messages.1.content"): "has the repr of the SDK's objects",
    ("logfire", "response.output."): "leaves the reasoning items of a response out",
    ("official-genai", "response.output."): "the same",
    ("langfuse", "request.service_tier"): "has the tier of the response among the parameters",
    ("official-v2-legacy", "error.name"): "has the class without its module",
    ("anthropic-native-content", "error.name"): "has the API's error type, no class",
}
# When and where, not what
_NOT_COMPARED = ("trace_id", "span_id", "start_ns", "end_ns", "name", "scope", "service_name")


def facts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The known leaves of nested mappings and lists, and how long the lists are."""
    if isinstance(value, (list, tuple)):
        yield f"{path}.length", len(value)
        value = dict(enumerate(value))
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from facts(item, f"{path}.{key}" if path else str(key))
    elif value is not None:
        yield path, value


NAMES = [field.name for field in dataclasses.fields(Record)]


def known(record: Record) -> dict[str, Any]:
    fields = {name: getattr(record, name) for name in NAMES if name not in _NOT_COMPARED}
    fields["usage"] = {n: getattr(record.usage, n) for n in COUNTS}
    found = dict(facts(fields))
    found.pop("attributes.gen_ai.response.time_to_first_chunk", None)
    return found


def _is_known(dialect: str, field: str) -> bool:
    return any(dialect == name and field.startswith(start) for name, start in _WRONG)


CASES = [(dialect, case) for dialect in DIALECTS for case in recorded(dialect) if case in EXCHANGES]


def calls(spans: list[ReadableSpan]) -> list[Record]:
    """The LLM calls; of tool loops, we record the tools as well."""
    records = [record for span in spans if (record := read(span))]
    return [record for record in records if record.kind == "llm_call"]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


@pytest.mark.parametrize(("dialect", "case"), CASES, ids=["/".join(pair) for pair in CASES])
def test_what_both_know_is_equal(dialect: str, case: str, provider: Any, clients: Any) -> None:
    theirs = calls(recorded(dialect)[case])
    ours = calls(our_spans(case, provider, clients))
    if dialect == "official-genai-with-native":
        theirs = theirs[1:]  # duplicates are tested elsewhere
    assert len(theirs) == len(ours)

    for our, their in zip(map(known, ours), map(known, theirs), strict=True):
        both = our.keys() & their.keys()
        differences = {
            field: (our[field], their[field])
            for field in sorted(both)
            if our[field] != their[field] and not _is_known(dialect, field)
        }
        say(f"{dialect}/{case}: {len(both)} fields are known to both")
        say(f"  only ours: {sorted(our.keys() - their.keys())}")
        say(f"  only theirs: {sorted(their.keys() - our.keys())}")
        assert {"kind", "operation", "provider", "is_error"} <= both
        assert not differences
