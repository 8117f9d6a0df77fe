"""Which fields of an object have an attribute, whatever objects came before."""

from __future__ import annotations

from typing import Any

from pulse_otel.instrumentation.counts import Counts
from pulse_otel.instrumentation.reading import Rules, integer

RULES: Any = (
    (("a",), "first", integer),
    (("b",), "first", integer),
    (("c", "d"), "second", integer),
)


def test_each_object_is_read_by_its_own_fields_after_many_others() -> None:
    for rules in (Rules(*RULES), Counts(*RULES)):
        for number in range(200):  # more combinations of names than are remembered
            rules.extract({f"other {number}": 1, "a": 2})

        assert rules.extract({"b": 3, "c": {"d": 4}}) == {"first": 3, "second": 4}
        assert rules.extract({"b": 3, "a": 2, "c": {"e": 4}}) == {"first": 2}
        assert rules.extract({**{str(n): n for n in range(500)}, "b": 5}) == {"first": 5}
        assert rules.extract({"a": None, "b": 0, "c": None}) == {"first": 0}
