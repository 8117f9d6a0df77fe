"""Values that are no JSON, raise, recurse or lie: they become strict JSON, and nothing else."""

from __future__ import annotations

import dataclasses
import enum
import io
import json
import math
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel.bounds import bounded_json
from pulse_otel.values import plain, to_json
from tests.conftest import MESSAGES, Clients


def strict(text: str) -> Any:
    """What `text` is; it must be JSON in the strict sense, and fit for the service's database."""

    def no_constant(name: str) -> None:
        raise AssertionError(name)

    assert "\x00" not in text
    assert not re.search(r"(?<!\\)(?:\\\\)*\\u0000", text)  # that escape, not its six letters
    text.encode()  # no lone surrogate
    return json.loads(text, parse_constant=no_constant)


class Colour(enum.Enum):
    RED = float("nan")


class Point(pydantic.BaseModel):
    x: Any = None


@dataclasses.dataclass
class Pair:
    left: Any
    right: Any = 2**200


class Scalar:
    """As numpy's: a number by its methods, of a class that JSON does not know."""

    def item(self) -> float:
        return math.nan

    __float__ = item


odd_texts = st.text(
    st.sampled_from('a\x00\x01\x1b\x7f\x85\u2028\ufffe\uffff\ud800\udfff\u0301😀é\\"\n'),
    max_size=30,
)
odd_numbers = st.one_of(
    st.floats(),
    st.sampled_from([-0.0, 5e-324, 2**63, -(2**63) - 1, 2**200, 1e308]),
    st.decimals(),
    st.fractions(),
    st.sampled_from([Decimal("sNaN"), Fraction(1, 3), Scalar(), Colour.RED, True, None, 1 + 2j]),
)
leaves = odd_texts | odd_numbers | st.binary(max_size=20)
keys = odd_texts | odd_numbers.filter(lambda value: value.__hash__ is not None)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:  # also a signalling NaN
        return False
    return True


anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys.filter(_hashable), inner, max_size=4)
        | inner.map(Pair)
        | inner.map(lambda value: Point(x=value))
        | st.sets(leaves.filter(_hashable), max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.row("E1", "E2")
@given(anything)
@settings(max_examples=200, deadline=None)
def test_anything_is_strict_json(value: Any) -> None:
    strict(to_json(value))
    strict(bounded_json(value, 300))


@pytest.mark.row("E1")
def test_the_rest_of_a_text_is_kept() -> None:
    marks = "e" + "\u0301" * 1_000_000

    assert strict(to_json({"text": marks})) == {"text": marks}
    assert strict(to_json("before\ud800after\x00end")) == "before\ufffdafter\ufffdend"
    assert strict(to_json("\ufffe\uffff\x1b[0m")) == "\ufffe\uffff\x1b[0m"


class Raising:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class Recursing:
    def __repr__(self) -> str:
        return repr(self)

    __str__ = __repr__


class Lying:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return dict


class Dumping(pydantic.BaseModel):
    def model_dump(self, **options: Any) -> Any:
        raise RuntimeError


class Broken(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError

    keys = __iter__ = items


@pytest.mark.row("E3")
@pytest.mark.parametrize(
    "make", [Raising, Recursing, Lying, Dumping, Broken, SimpleNamespace, object]
)
def test_an_object_that_does_not_want_to_be_read(make: Any) -> None:
    found = strict(to_json({"odd": make(), "list": [make()], "good": "kept"}))

    assert found["good"] == "kept"


@pytest.mark.row("E4")
def test_depth_cycles_and_what_must_not_be_read() -> None:
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = [deep] if isinstance(deep, dict) else {"a": deep}
    cycle: list[Any] = []
    cycle.append({"again": cycle})
    generator = (n for n in range(3))
    file = io.StringIO("unread")

    assert len(to_json(deep)) < 100_000
    strict(to_json(deep))
    strict(to_json([cycle, generator, file]))
    assert list(generator) == [0, 1, 2]
    assert file.read() == "unread"
    assert "5000000 bytes" in to_json({"image": [b"\xff" * 5_000_000, {1}]})
    assert len(bounded_json({"image": b"\xff" * 5_000_000}, 1000)) <= 1000


class Stop(BaseException):
    """What ends the program, as KeyboardInterrupt does, wherever one of these objects is read."""


class Stopping:
    def __getattr__(self, name: str) -> Any:
        raise Stop(name)

    def __str__(self) -> str:
        raise Stop

    __repr__ = __iter__ = __len__ = __bool__ = __str__


class StoppingModel(pydantic.BaseModel):
    def model_dump(self, **options: Any) -> Any:
        raise Stop

    def __str__(self) -> str:
        raise Stop


class StoppingText(str):
    def __str__(self) -> str:
        raise Stop

    __repr__ = __str__


@pytest.mark.row("E3")
@pytest.mark.parametrize("make", [Stopping, StoppingModel, partial(StoppingText, "Hello")])
@pytest.mark.parametrize(
    "place",
    ["messages", "content", "model", "tools", "temperature", "extra_body", "user"],
)
def test_no_object_of_a_request_is_asked_for_what_the_sdk_does_not_ask(
    make: Any, place: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    """The call ends as it does without us, and its span is there if it got as far as the hook."""

    def outcome(client: Any) -> str:
        request: dict[str, Any] = {"model": "gpt-4o", "messages": [dict(MESSAGES[0])]}
        if place == "messages":
            request["messages"].append(make())
        elif place == "content":
            request["messages"][0]["content"] = make()
        elif place == "extra_body":
            request["extra_body"] = {"more": [make()]}
        else:
            request[place] = [make()] if place == "tools" else make()
        try:
            client.chat.completions.create(**request)
        except BaseException as error:  # noqa: BLE001 - as it is without us
            return type(error).__name__
        return "answered"

    bare, observed = clients.openai(), pulse_otel.observe(clients.openai(), provider="openai")

    assert outcome(observed) == outcome(bare)
    if outcome(bare) == "answered":
        assert spans.get_finished_spans()


@pytest.mark.row("E3")
def test_an_object_of_an_unknown_type_is_named_by_its_type() -> None:
    values = {"odd": Stopping(), "model": StoppingModel(), "text": StoppingText("kept")}

    assert strict(to_json(plain(values))) == {"odd": "[Stopping]", "model": {}, "text": "kept"}


@pytest.mark.row("E3")
def test_the_text_of_usual_types_is_kept() -> None:
    values = [Decimal("1.50"), UUID(int=1), Path("/tmp"), date(2026, 11, 28), Fraction(1, 3)]

    assert plain(values) == [str(value) for value in values]
