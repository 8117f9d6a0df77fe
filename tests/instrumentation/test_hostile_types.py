"""Values whose type has methods that end the program: we call none that the SDK does not call."""

from __future__ import annotations

import dataclasses
import enum
from collections import OrderedDict, UserDict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel.values import plain
from tests.conftest import MESSAGES, Clients


class Stop(BaseException):
    """What ends the program."""


def _stop(*_: Any) -> Any:
    raise Stop


class Shown:
    """An object with a method; the text of the method shows the object."""

    __repr__ = _stop

    def method(self) -> None:
        """Do nothing."""


class Endless(Mapping[Any, Any]):
    """A mapping that claims one key and has no end; the test ends at ten thousand."""

    def __getitem__(self, key: Any) -> Any:
        return 1

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        yield from range(10_000)
        raise Stop


class StoppingMapping(Endless):
    __iter__ = __getitem__ = _stop


class StoppingDict(dict[str, Any]):
    __iter__ = __contains__ = __getitem__ = get = items = keys = __len__ = _stop


class StoppingList(list[Any]):
    __getitem__ = __len__ = __contains__ = _stop


class StoppingEnum(enum.Enum):
    MEMBER = 1

    value = property(_stop)  # type: ignore[assignment]


class StoppingBytes(bytes):
    __len__ = __iter__ = _stop


class StoppingInt(int):
    __abs__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _stop


class StoppingFloat(float):
    __abs__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = is_integer = _stop


class StoppingText(str):
    __bool__ = __len__ = __contains__ = lower = startswith = isascii = _stop


class StoppingTextOfText(str):
    __str__ = __repr__ = _stop


class StoppingTextOfInt(int):
    __str__ = __repr__ = __getattribute__ = _stop
    __class__ = property(_stop)  # type: ignore[assignment]


class StoppingFields(list[Any]):
    __dict__ = property(_stop)  # type: ignore[assignment]


class StoppingClass(type):
    __getattr__ = _stop


class StoppingZone(tzinfo):
    utcoffset = dst = tzname = _stop


class Disguised:
    __class__ = property(_stop)  # type: ignore[assignment]


class Slots:
    __slots__ = ()
    __getattr__ = _stop


@dataclasses.dataclass
class Odd:
    field: int = 1
    __getattribute__ = _stop


VALUES: dict[str, Any] = {
    "method": Shown().method,
    "error": ValueError(Shown()),
    "slice": slice(Shown()),
    "endless": Endless(),
    "mapping": StoppingMapping(),
    "view": MappingProxyType(StoppingMapping()),
    "dict": StoppingDict(type="x"),
    "list": StoppingList(["x"]),
    "enum": StoppingEnum.MEMBER,
    "bytes": StoppingBytes(b"x"),
    "int": StoppingInt(1),
    "float": StoppingFloat(1),
    "text": StoppingText("auto"),
    "text of a text": StoppingTextOfText("x"),
    "text of an int": StoppingTextOfInt(7),
    "fields": StoppingFields("x"),
    "slots": Slots(),
    "dataclass": Odd(),
    "time": datetime(2026, 1, 1, tzinfo=StoppingZone()),
}


# pytest itself asks a value of a module for attributes, so that these are made in the test.
LATE = {
    "metaclass": lambda: StoppingClass("OfStoppingClass", (), {})(),
    "class": lambda: StoppingClass("OfStoppingClass", (), {}),
    "disguised": Disguised,
}


def _value(name: str) -> Any:
    return LATE[name]() if name in LATE else VALUES[name]


def _outcome(client: Any, request: dict[str, Any]) -> str:
    try:
        client.chat.completions.create(**{"model": "gpt-4o", "messages": MESSAGES, **request})
    except BaseException as error:  # noqa: BLE001 - as it is without us
        return type(error).__name__
    return "answered"


def _request(place: str, value: Any) -> dict[str, Any]:
    if place == "metadata":
        return {"metadata": {"e": value}}
    if place == "extra_body":
        return {"extra_body": {"temperature": value, "response_format": value, "tools": value}}
    return {place: [value] if place == "tools" else value}


@pytest.mark.row("E3")
@pytest.mark.parametrize("name", [*VALUES, *LATE])
@pytest.mark.parametrize(
    "place", ["metadata", "tools", "temperature", "seed", "response_format", "extra_body", "stop"]
)
def test_a_request_ends_as_it_does_without_us(
    name: str, place: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    bare, observed = clients.openai(), pulse_otel.observe(clients.openai(), provider="openai")
    request = _request(place, _value(name))

    expected = _outcome(bare, request)

    assert _outcome(observed, request) == expected
    if expected == "answered":
        assert spans.get_finished_spans()


@pytest.mark.row("E3")
@pytest.mark.parametrize("name", ["text", "int", "float", "text of a text", "text of an int"])
@pytest.mark.parametrize("place", ["body", "inside of it"])
def test_a_request_with_a_key_of_such_a_type_ends_as_it_does_without_us(
    name: str, place: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    bare, observed = clients.openai(), pulse_otel.observe(clients.openai(), provider="openai")
    body = {_value(name): 1}
    request = {"extra_body": body if place == "body" else {"x": body}}

    expected = _outcome(bare, request)

    assert _outcome(observed, request) == expected
    if expected == "answered":
        assert spans.get_finished_spans()


@pytest.mark.row("E3")
@pytest.mark.parametrize("name", [*VALUES, *LATE])
@pytest.mark.parametrize("place", ["session", "metadata", "inside of metadata"])
def test_a_parameter_of_ours_ends_no_call(
    name: str, place: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    value = _value(name)
    client = pulse_otel.observe(clients.openai(), provider="openai")
    request: dict[str, Any] = {
        "session": {"pulse_session_id": value},
        "metadata": {"pulse_metadata": value},
        "inside of metadata": {"pulse_metadata": {"x": value}},
    }[place]

    assert _outcome(client, request) == "answered"
    assert spans.get_finished_spans()


@pytest.mark.row("E3")
def test_the_values_of_such_types_are_read_as_python_stores_them() -> None:
    found = plain({name: _value(name) for name in [*VALUES, *LATE]})

    assert found == {
        "method": "[method]",
        "error": "[ValueError]",
        "slice": "[slice]",
        "endless": "[Endless]",
        "mapping": "[StoppingMapping]",
        "view": "[mappingproxy]",
        "dict": {"type": "x"},
        "list": ["x"],
        "enum": 1,
        "bytes": "[1 bytes]",
        "int": 1,
        "float": 1.0,
        "text": "auto",
        "text of a text": "x",
        "text of an int": 7,
        "fields": ["x"],
        "disguised": "[Disguised]",
        "metaclass": "[OfStoppingClass]",
        "class": "[StoppingClass]",
        "slots": "[Slots]",
        "dataclass": {"field": 1},
        "time": "[datetime]",
    }


@pytest.mark.row("E3")
def test_a_usual_mapping_that_is_no_plain_dict_is_read() -> None:
    inner = {"a": 1}

    for mapping in (OrderedDict(inner), MappingProxyType(inner), UserDict(inner)):
        assert plain(mapping) == inner
    assert plain(httpx2.Headers({"a": "1"})) == {"a": "1"}
    assert plain([timedelta(1), 1 + 2j]) == ["1 day, 0:00:00", "(1+2j)"]
