"""A content above its bound is cut in one pass: valid JSON, nearly all that fits, said in place."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bounds import conversation, message, shapes
from pulse_otel.bounds import NOTES, bounded_json, shortened, whole
from pulse_otel.export.bodies import trim
from pulse_otel.export.dialects import parts
from pulse_otel.export.payloads import otlp
from pulse_otel.settings import MAX_CONTENT_BYTES
from pulse_otel.values import to_json
from tests.growth import ratio

SHAPES = shapes()
TIMES = {"2 fields, 14 deep": 4.5, "35 nested lists": 4.5}
"""How many times `json.dumps` the bound takes, where that is more than three: each level counts."""


@pytest.mark.parametrize("name", SHAPES)
def test_the_bound_takes_no_more_than_a_few_times_json_dumps(name: str) -> None:
    value, most = SHAPES[name], TIMES.get(name, 3)

    took = ratio(lambda: bounded_json(value, MAX_CONTENT_BYTES), lambda: json.dumps(value), most)

    assert took < most


@pytest.mark.parametrize("name", SHAPES)
def test_the_bound_is_nearly_filled_and_never_exceeded(name: str) -> None:
    text = bounded_json(SHAPES[name], MAX_CONTENT_BYTES)

    json.loads(text)
    assert 0.9 * MAX_CONTENT_BYTES < len(text.encode()) <= MAX_CONTENT_BYTES
    assert "left out" in text or " bytes cut]" in text


@pytest.mark.parametrize("name", SHAPES)
def test_a_body_is_trimmed_by_the_same_rule(name: str) -> None:
    limit = otlp.FORM.max_body_bytes

    text = to_json(trim.fit(SHAPES[name], limit))

    assert 0.9 * limit < len(text.encode()) <= limit
    assert "pulse.cut" in text


@pytest.mark.parametrize("value", [10**30, -(10**30), 1 / 3, True])
def test_a_number_is_not_cut(value: Any) -> None:
    assert shortened(value, 18, NOTES) is None


def test_a_value_that_fits_exactly_is_whole() -> None:
    assert whole([1, 2], 5) == b"[1,2]"
    assert whole([1, 2], 4) is None


def test_the_note_in_a_text_says_how_much_is_cut() -> None:
    kept, _, note = json.loads(bounded_json("x" * 1000, 200)).partition("… ")

    assert note == f"[{1000 - len(kept)} bytes cut]"


def test_the_latest_item_that_does_not_fit_is_shortened() -> None:
    """Earlier ones are left out."""
    kept = json.loads(bounded_json(["first", "p" * 5000, "b" * 5000, "m", "last"], 2000))

    shortened_one = kept.pop(2)
    assert kept == ["first", {"truncated": "1 items left out"}, "m", "last"]
    assert shortened_one.startswith("bbb")


def test_the_first_item_takes_a_quarter_of_the_room_where_the_last_one_needs_the_rest() -> None:
    text = bounded_json(["f" * 300, "m", "l" * 5000], 1000)

    first, *_, last = json.loads(text)
    assert 150 < len(to_json(first)) <= 250
    assert len(text.encode()) > 900
    assert last.startswith("lll")


def test_fields_that_are_kept_stand_in_their_order() -> None:
    names = [f"k{n}" for n in range(100)]

    kept = list(json.loads(bounded_json(dict.fromkeys(names, "x" * 20), 1500)))

    assert kept[:-1] == names[: len(kept) - 1]
    assert len(kept) > 30


def test_a_long_name_and_its_long_value_share_the_room() -> None:
    text = bounded_json({"n" * 1000: "v" * 1000}, 400)

    ((name, value),) = json.loads(text).items()
    assert len(text.encode()) <= 400
    assert name.startswith("nnn")
    assert value.startswith("vvv")


@pytest.mark.parametrize("last", [10, 30_000])
def test_the_note_counts_what_is_not_there_at_all(last: int) -> None:
    """An item that is shortened is there."""
    items = ["x" * 30_000 for _ in range(20)] + ["x" * last]

    first, note, *latest = json.loads(bounded_json(items, 70_000))

    assert first[:1] == "x"
    assert note == {"truncated": f"{len(items) - 1 - len(latest)} items left out"}


def test_fields_are_kept_whole_where_a_share_of_each_could_not_be_read() -> None:
    kept = json.loads(bounded_json({f"k{n}": "x" * 200 for n in range(30)}, 3000))

    assert kept.pop("truncated") == f"{30 - len(kept)} fields left out"
    assert sum(value == "x" * 200 for value in kept.values()) >= len(kept) - 1 > 10


def test_of_a_text_in_a_body_the_end_is_kept_too() -> None:
    """In the middle of a long prompt stands the least."""
    text = "first " + "x" * 200_000 + " last"

    kept = trim.fit({"content": text}, 10_000)["content"]

    assert kept.startswith("first ")
    assert kept.endswith(" last")


@pytest.mark.parametrize("kind", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_what_is_nested_too_deeply_to_be_cut_is_left_out(kind: Any) -> None:
    value: Any = "x" * 1000
    for _ in range(400):
        value = kind(value)

    text = bounded_json(value, 900)

    json.loads(text)
    assert len(text) <= 900
    assert "truncated" in text or "too deep" in text


class Text(str):
    """A text of the program's own type."""


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Text("x" * 500), "xxx"),
        (("x" * 500, "end"), "end"),
        (MappingProxyType({"a": "x" * 500, "b": "end"}), "end"),
        ({"t": (1, Text("x" * 500), "end")}, "end"),
    ],
    ids=["text", "tuple", "mapping", "within"],
)
def test_values_of_other_types_are_cut_like_the_usual_ones(value: Any, kept: str) -> None:
    text = bounded_json(value, 200)

    assert type(json.loads(text)) is type(json.loads(to_json(value)))
    assert kept in text


def test_a_value_inside_of_itself_is_cut_too() -> None:
    value: dict[str, Any] = {"text": "t" * 100}
    value["again"] = [value, value]

    text = bounded_json(value, MAX_CONTENT_BYTES)

    json.loads(text)
    assert len(text.encode()) <= MAX_CONTENT_BYTES


def test_the_first_and_the_latest_messages_are_kept_and_the_gap_is_said_there() -> None:
    given = conversation(2000)

    kept = json.loads(bounded_json(given, MAX_CONTENT_BYTES))

    assert kept[0] == given[0]
    assert kept[-300:] == given[-300:]
    assert kept[1] == {"truncated": f"{2000 - (len(kept) - 1)} items left out"}


def test_a_last_message_that_is_too_long_keeps_the_one_before_it() -> None:
    given = [message("a", "system"), message("b" * 1000), message("c" * 500_000)]

    kept = json.loads(bounded_json(given, MAX_CONTENT_BYTES))

    assert kept[:2] == given[:2]
    assert kept[2]["role"] == "user"
    assert kept[2]["parts"][0]["content"].startswith("ccc")


def test_the_exporter_reads_the_gap_as_a_message_and_says_it_also_after_a_cut_of_its_own() -> None:
    kept = json.loads(bounded_json(conversation(1000), MAX_CONTENT_BYTES))
    left_out = kept[1]["truncated"]

    read = parts.recorded(kept)
    said = [{"role": m["role"], "content": m["parts"][0]["content"]} for m in read]
    trimmed = trim.request({"messages": said}, otlp.FORM.max_body_bytes)["messages"]

    assert trimmed[1] == {"role": "cut", "content": f"[{left_out}]"}
    assert trimmed[2]["pulse.cut"].endswith(" bytes")
    assert trimmed[-1] == said[-1]


trees = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=200),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=30), inner, max_size=40)
    ),
    max_leaves=60,
)


@settings(max_examples=100, deadline=None)
@given(trees, st.integers(min_value=64, max_value=2000))
def test_any_value_fits(value: Any, limit: int) -> None:
    text = bounded_json(value, limit)

    json.loads(text)
    assert len(text.encode()) <= limit
