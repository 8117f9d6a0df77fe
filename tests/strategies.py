"""Generated requests: what a caller may pass, right or wrong.

They are recipes, out of which `fresh` makes the same arguments for each run: an iterator
can be used once only.
"""

from __future__ import annotations

import copy
import datetime
from collections import UserDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Made:
    """Something that is made anew for each run."""

    kind: str
    of: Any = None


class Counted:
    """An iterator that knows how much of it was taken."""

    def __init__(self, items: Any) -> None:
        self.items = list(items)
        self.taken = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.taken >= len(self.items):
            raise StopIteration
        self.taken += 1
        return self.items[self.taken - 1]


class Refusing:
    """An object that nothing can be read from."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} for you")

    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = object.__repr__


class RefusingMapping(UserDict[str, Any]):
    """A mapping that cannot be asked."""

    def __getitem__(self, key: str) -> Any:
        raise OSError(f"{key} is elsewhere")

    get = __getitem__


class Text(str):
    """A string of a class of its own."""

    __slots__ = ()


@dataclass
class Block:
    """A content block as an object."""

    type: str = "text"
    text: str = "from a dataclass"


def _cycle(_: Any) -> Any:
    made: list[Any] = ["round"]
    made.append(made)
    return made


def _deep(_: Any) -> Any:
    made: Any = "bottom"
    for _level in range(100):
        made = {"type": "text", "text": [made]}
    return made


MAKERS: dict[str, Callable[[Any], Any]] = {
    "iterator": Counted,
    "generator": lambda items: (item for item in list(items)),
    "tuple": tuple,
    "mapping": UserDict,
    "cycle": _cycle,
    "deep": _deep,
    "refusing": lambda _: Refusing(),
    "refusing mapping": lambda _: RefusingMapping(),
    "text": Text,
    "block": lambda _: Block(),
    "bytes": lambda _: b"\xff\x00",
    "date": lambda _: datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc),
    "set": lambda _: {"one"},
    "class": lambda _: Block,
    "function": lambda _: len,
}
_CONTAINERS = ("iterator", "generator", "tuple")
_OBJECTS = tuple(sorted(set(MAKERS) - {*_CONTAINERS, "mapping", "text"}))


def fresh(recipe: Any) -> Any:
    """The arguments that a recipe describes, made anew."""
    if isinstance(recipe, Made):
        return MAKERS[recipe.kind](fresh(recipe.of))
    if isinstance(recipe, dict):
        return {key: fresh(value) for key, value in recipe.items()}
    if isinstance(recipe, list):
        return [fresh(item) for item in recipe]
    return copy.copy(recipe)


TEXTS = st.one_of(
    st.sampled_from(["Hello", "", "\x00", "\ud800", "ß€😀", "data: x\n\n", "x" * 3000]),
    st.text(max_size=12),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**70, 10**500, 0.5, float("nan"), float("inf")]),
    TEXTS,
    st.sampled_from(["12", "stop", "auto"]),
)
JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 3, -4, 1.5, 2**70, "", "12", "text", [], {}, [None], {"type": "new"}]),
    st.sampled_from([["a", 1], {"a": {"b": None}}, [[]], [{}], "x" * 2000, "\x00", "\ud800"]),
)
OBJECTS = st.sampled_from([Made(kind) for kind in _OBJECTS])
ODD = st.one_of(
    SCALARS, JSON, OBJECTS, st.builds(Made, st.sampled_from(_CONTAINERS), st.lists(SCALARS))
)


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any] = ODD) -> Any:
    """`usual` in seven of eight."""
    return st.integers(0, 7).flatmap(lambda n: usual if n < 7 else odd)


def _contained(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(mostly(items), max_size=3)
    made = st.builds(Made, st.sampled_from(_CONTAINERS), lists)
    return st.one_of(lists, lists, made)


def _dicts(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    made = st.fixed_dictionaries(required, optional=optional)
    return mostly(made, st.one_of(st.builds(Made, st.just("mapping"), made), ODD))


_IMAGE = {"url": "data:image/png;base64,AAAA"}
_SOURCE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
BLOCKS = st.one_of(
    _dicts({"type": st.just("text"), "text": mostly(TEXTS)}, {"cache_control": mostly(JSON)}),
    st.sampled_from([{"type": "image_url", "image_url": _IMAGE}, {"type": "image"}, {}]),
    st.sampled_from([{"type": "image", "source": _SOURCE}, {"type": "thinking", "thinking": "h"}]),
    _dicts({"type": st.just("tool_use"), "id": st.just("t")}, {"name": TEXTS, "input": ODD}),
    _dicts(
        {"type": st.just("tool_result"), "tool_use_id": st.just("t")},
        {"content": mostly(TEXTS), "is_error": st.booleans()},
    ),
)
CONTENT = mostly(st.one_of(TEXTS, TEXTS.map(lambda text: Made("text", text)), _contained(BLOCKS)))
_CALLS = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
MESSAGES = mostly(
    _contained(
        _dicts(
            {"role": mostly(st.sampled_from(["user", "assistant", "tool"])), "content": CONTENT},
            {"name": mostly(TEXTS), "tool_calls": mostly(st.just(_CALLS)), "refusal": TEXTS},
        )
    )
)
_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOLS = mostly(
    _contained(
        st.sampled_from(
            [
                {"type": "function", "function": {"name": "f", "parameters": _SCHEMA}},
                {"name": "f", "description": "does", "input_schema": _SCHEMA},
                {"type": "web_search_20250305", "name": "web_search"},
            ]
        )
    )
)
HEADERS = st.dictionaries(st.sampled_from(["X-Own", "User-Agent", "accept"]), TEXTS, max_size=2)
BODIES = st.dictionaries(
    st.sampled_from(["top_k", "stream_options", "own", "model", "messages"]), JSON, max_size=2
)
_SHARED: dict[str, Any] = {
    "tools": TOOLS,
    "temperature": mostly(st.just(0.5)),
    "top_p": mostly(st.just(1)),
    "tool_choice": mostly(st.sampled_from(["auto", {"type": "auto"}])),
    "metadata": mostly(st.just({"user_id": "u"})),
    "service_tier": mostly(st.just("auto")),
    "extra_headers": mostly(HEADERS),
    "extra_query": mostly(st.just({"a": "b"})),
    "extra_body": mostly(BODIES),
    "timeout": mostly(st.just(5.0), SCALARS),
}
_REQUIRED: dict[str, dict[str, Any]] = {
    "openai": {"model": mostly(st.just("gpt-4o-mini")), "messages": MESSAGES},
    "anthropic": {
        "model": mostly(st.sampled_from(["claude-haiku-4-5", "claude-1.3"])),
        "messages": MESSAGES,
        "max_tokens": mostly(st.just(9)),
    },
}
_OWN: dict[str, dict[str, Any]] = {
    "openai": dict.fromkeys(
        ("n", "seed", "stop", "user", "max_tokens", "logit_bias", "response_format"), ODD
    )
    | {"stream_options": st.just({"include_usage": True})},
    "anthropic": {
        "system": CONTENT,
        "stop_sequences": mostly(st.just(["END"])),
        "thinking": mostly(st.just({"type": "disabled"})),
        "top_k": mostly(st.just(3)),
    },
}


@st.composite
def arguments(draw: Any, sdk: str, known: Collection[str]) -> dict[str, Any]:
    """The arguments of a call, as a recipe: out of those `known`, now and then a wrong choice."""
    made: dict[str, Any] = draw(st.fixed_dictionaries(_REQUIRED[sdk]))
    if draw(st.integers(0, 15)) == 15:
        made.pop(draw(st.sampled_from(sorted(made))))
    optional = {name: odd for name, odd in {**_SHARED, **_OWN[sdk]}.items() if name in known}
    for name in draw(st.lists(st.sampled_from(sorted(optional)), max_size=3, unique=True)):
        made[name] = draw(optional[name])
    if draw(st.integers(0, 15)) == 15:
        made["nonsense"] = 1
    return made
