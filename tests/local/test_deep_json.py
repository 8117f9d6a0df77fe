"""JSON of any depth is read and written as Python's own module reads and writes a flat one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_otel.local import deep_json

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


def number(text: str) -> int | float:
    """Read a number as `json` does."""
    return float(text) if set(text) & set(".eE") else int(text)


@given(VALUES, st.sampled_from([None, 1]))
def test_a_value_is_read_as_json_does(value: Any, indent: int | None) -> None:
    assert deep_json.read(json.dumps(value, indent=indent), number) == value


@given(VALUES)
def test_a_value_is_written_as_json_does(value: Any) -> None:
    expected = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert deep_json.write(value) == expected


@given(st.text(st.sampled_from('[]{},:"1 -.enul\\t'), max_size=12))
def test_text_is_refused_as_json_does(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"\w"):
            deep_json.read(text, number)
    else:
        assert deep_json.read(text, number) == expected


@pytest.mark.parametrize("part", ["[", '{"a":'])
def test_100_000_levels_are_no_problem(part: str) -> None:
    end = "]" if part == "[" else "}"
    text = f"{part * 100_000}1{end * 100_000}"
    assert deep_json.write(deep_json.read(text, number)) == text
