"""Exchanges that are always tried: every mode and way to leave a stream, and what was seen to
break others: fields that are null, text, or lists, errors with odd bodies, streams cut short.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.conftest import DEPRECATED
from tests.exchange import Call
from tests.reply_strategies import ERROR, EVENTS, WHOLE, Reply, encoded, stream_of
from tests.strategies import Made

Exchange = tuple[str, Call, list[Reply], dict[str, Any]]

_HELLO = [{"role": "user", "content": "Hello"}]
USUAL: dict[str, dict[str, Any]] = {
    "openai": {"model": "gpt-4o-mini", "messages": _HELLO},
    "anthropic": {"model": DEPRECATED, "messages": _HELLO, "max_tokens": 9},
}
_PARTS = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
_ARGUMENTS: dict[str, Any] = {
    "messages": [
        Made("generator", _HELLO),
        [{"role": "user", "content": Made("iterator", _PARTS)}],
        [{"role": "user", "content": Made("generator", _PARTS)}],
        [{"role": "user", "content": [Made("refusing")]}],
        [Made("refusing mapping"), Made("cycle")],
        None,
        "Hello",
    ],
    "tools": [Made("iterator", [{"name": "f", "input_schema": {}}]), Made("deep"), 7],
    "extra_headers": [{"X-Own": "1"}, {"X-Stainless-Raw-Response": "true"}, [("a", "b")]],
    "extra_body": [{"stream_options": None}, {"own": Made("iterator", [1])}, "text"],
    "extra_query": [{"a": "b"}],
    "model": [None, 5, "\ud800", Made("text", "m")],
    "nonsense": [1],
}
# Where in a response (of either SDK: what it lacks is skipped) -> what stands there.
_BENT: tuple[tuple[tuple[Any, ...], Any], ...] = (
    (("choices",), None),
    (("choices",), {"a": 1}),
    (("choices", 0), None),
    (("choices", 0, "message"), None),
    (("choices", 0, "message", "content"), [{"type": "new"}]),
    (("choices", 0, "message", "tool_calls"), "text"),
    (("choices", 0, "delta"), None),
    (("choices", 0, "delta"), "text"),
    (("choices", 0, "finish_reason"), 5),
    (("content",), None),
    (("content",), "text"),
    (("content", 0), {"type": "new", "x": 1}),
    (("content", 0), None),
    (("message",), None),
    (("message", "usage"), "text"),
    (("delta",), None),
    (("content_block",), None),
    (("usage",), "many"),
    (("usage",), [1]),
    (("usage", "prompt_tokens"), "12"),
    (("usage", "input_tokens"), "12"),
    (("usage", "output_tokens"), 2**70),
    (("model",), None),
    (("type",), "new"),
    (("id",), ["a"]),
)
_BODIES = (b"", b"null", b"[]", b"{", b"<html>", b"\xff", b'"text"', b'{"error": "text"}')
_READS = ("parse", "read", "text", "json", "iter_lines", "iter_bytes", "close", "nothing")
_MODES = ("", "with_raw_response", "with_streaming_response")


def answer(body: Any, status: int = 200) -> list[Reply]:
    """One whole answer of JSON, or of whatever bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", "retry-after-ms": "1"}
    return [Reply(status, headers, [data])]


def _stream(sdk: str, events: Any) -> list[Reply]:
    return [stream_of(sdk, [encoded(event) for event in events])]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of `value` with `new` at `path`; None if it has no such place."""
    made = place = copy.deepcopy(value)
    for key in path[:-1]:
        try:
            place = place[key]
        except (KeyError, IndexError, TypeError):
            return None
    if not isinstance(place, (dict, list)) or path[-1] not in (
        place if isinstance(place, dict) else range(len(place))
    ):
        return None
    place[path[-1]] = new
    return made


def usual(sdk: str, methods: list[str]) -> Iterator[Exchange]:
    """The exchanges, named; `methods` are the further ones that the SDK has."""
    plain, streamed = USUAL[sdk], {**USUAL[sdk], "stream": True}
    whole, stream = answer(WHOLE[sdk]), _stream(sdk, EVENTS[sdk])
    for mode in _MODES:
        for read in _READS if mode else ("",):
            for given, script in ((plain, whole), (streamed, stream), (streamed, whole)):
                call = Call(sdk, "create", given, mode, (read, "parse"))
                yield f"{mode} {read}", call, script, {}
    for leave in ("", "close", "with", "drop"):
        for take in (0, 2, 99):
            yield (
                f"stream {leave} {take}",
                Call(sdk, "create", streamed, take=take, leave=leave),
                stream,
                {},
            )
            for method in methods:
                call = Call(sdk, method, plain, take=take, leave=leave)
                yield f"{method} {leave} {take}", call, whole if method == "parse" else stream, {}
    yield from _wrong(sdk, plain, streamed)


def _wrong(sdk: str, plain: Any, streamed: Any) -> Iterator[Exchange]:
    whole = answer(WHOLE[sdk])
    for name, values in _ARGUMENTS.items():
        for value in values:
            call = Call(sdk, "create", {**plain, name: value})
            yield f"{name}={value!r:.60}", call, whole, {"pulse_session_id": "s"}
    for path, new in _BENT:
        bent = _replaced(WHOLE[sdk], path, new)
        if bent is not None:
            for mode in _MODES:
                yield f"{path}", Call(sdk, "create", plain, mode), answer(bent), {}
        for index, event in enumerate(EVENTS[sdk]):
            changed = _replaced(event, path, new)
            if changed is not None:
                events = [*EVENTS[sdk][:index], changed, *EVENTS[sdk][index + 1 :]]
                call = Call(sdk, "create", streamed)
                yield f"stream {index} {path}", call, _stream(sdk, events), {}
    for body in _BODIES:
        for status in (200, 400, 500):
            yield f"{status} {body!r}", Call(sdk, "create", plain), answer(body, status), {}
        yield f"raw {body!r}", Call(sdk, "create", plain, "with_raw_response"), answer(body), {}
    retried = [*answer(ERROR[sdk], 429), *whole]
    yield "retried", Call(sdk, "create", plain, retries=1), retried, {}
    data = b"".join(encoded(event) for event in EVENTS[sdk])
    for end in range(1, len(data), len(data) // 7):
        for fails in ("", "read"):
            cut = Reply(200, {"content-type": "text/event-stream"}, [data[:end]], fails)
            yield f"cut at {end} {fails}", Call(sdk, "create", streamed), [cut], {}
    yield "refused", Call(sdk, "create", plain), [Reply(200, {}, [], "connect")], {}
