"""Which fields of an object have an attribute, whatever objects came before."""

from __future__ import annotations

from pulse_otel.instrumentation.reading import Rules, integer

RULES = Rules(
    (("a",), "first", integer),
    (("b",), "first", integer),
    (("c", "d"), "second", integer),
)


def test_each_object_is_read_by_its_own_fields_after_many_others() -> None:
    for number in range(200):  # more combinations of names than are remembered
        RULES.extract({f"other {number}": 1, "a": 2, "c": {f"other {number}": 1}})

    assert RULES.extract({"b": 3, "c": {"d": 4}}) == {"first": 3, "second": 4}
    assert RULES.extract({"b": 3, "a": 2, "c": {"e": 4}}) == {"first": 2}
    assert RULES.extract({**{str(n): n for n in range(500)}, "b": 5}) == {"first": 5}
    assert RULES.extract({"a": None, "b": 0, "c": None}) == {"first": 0}
