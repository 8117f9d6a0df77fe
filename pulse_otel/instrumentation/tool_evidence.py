"""Decide which call asked for the tool whose result a request brings.

Ids repeat: some servers number the tool calls of each conversation from 0. And of two users who
say the same, one's call may be remembered and the other's not: it was not sampled, its stream is
still open, another process sent it. So a result counts only after the last message of the
assistant, which must ask for the same tool with the same arguments, and only with a proof:

| proof | in the request |
|---|---|
| the object | an id is the very object that the answer brought: it never left this process |
| the id | it is long and random, as those of OpenAI and Anthropic |
| a link | `previous_response_id`, by one of these two; the connection that both calls share |
| the conversation | the messages before the assistant's are the call's, in a group of calls |

Such a group is the program's word: a session, a user, or the trace of a span that is current.

A proof that two calls share is none. An id that a turn has twice says nothing. And a call that
is answered takes no other answer: the same one comes again with a retry.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanContext

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.instrumentation.reading import text

Caller = tuple[object, str | None, str | None]
"""A reference to the TracerProvider, session and user: equal for all calls of a round trip."""
Part = Mapping[str, Any]
Asked = tuple[str, int]
"""The name of a tool, and the hash of its arguments."""
Key = tuple[object, ...]

ARGUMENT_BYTES = 4096  # of those that are remembered; a request that repeats them has all
_LONGEST_ID = 256  # characters that are tested; some servers put kilobytes into an id
_LONG = re.compile(r"[A-Za-z0-9]{16,}")
_KINDS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")
_FEWEST_KINDS = 7  # in turn; words have fewer, also in camel case and with a number


@dataclass(frozen=True, slots=True)
class Asker:
    """A call whose answer asks for tools. `conversation` is the `digest` of its messages."""

    caller: Caller
    span: SpanContext
    conversation: int | None = None
    links: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A tool's result in a request; `asked` is the assistant's part, if the request has it."""

    part: Part
    asked: Part | None


@dataclass(frozen=True)
class Results:
    """The results that a request brings, and the messages before those of the assistant."""

    parts: Sequence[Result] = ()
    before: Sequence[Any] = ()
    links: tuple[object, ...] = ()
    limit: int = 0  # in bytes, of the `digest` of `before`

    @functools.cached_property
    def conversation(self) -> int:
        """Return the `digest` of the messages before, taken once for all results."""
        return digest(self.before, self.limit)


def asked_for(part: Part) -> tuple[Asked, str]:
    """Return what a `tool_call` part asks for, and the text of the arguments."""
    arguments = bounded_json(part.get("arguments"), ARGUMENT_BYTES)
    return (text(part.get("name")) or "", hash(arguments)), arguments


def once(parts: Sequence[Part]) -> dict[str, Part]:
    """Return the parts whose id no other of the parts has, by their ids."""
    found: dict[str, Part] = {}
    twice: set[str] = set()
    for part in parts:
        call_id = part.get("id")
        if call_id in found:
            twice.add(call_id)
        elif isinstance(call_id, str) and call_id:
            found[call_id] = part
    for call_id in twice:
        del found[call_id]
    return found


def digest(messages: Sequence[Any], limit: int) -> int:
    """Return a number that equal messages have in common, as far as `limit` bytes tell."""
    return hash(bounded_json(list(messages), limit))


def digest_of_request(
    read: Callable[[Mapping[str, Any], bool], Mapping[str, Any]],
    request: Mapping[str, Any],
    written: Mapping[str, Any],
    limit: int,
) -> int:
    """Return the `digest` of the request's messages, which are `written` already if recorded."""
    if semconv.INPUT_MESSAGES in written:
        return hash(written[semconv.INPUT_MESSAGES])
    return digest(read(request, True).get(semconv.INPUT_MESSAGES) or (), limit)


def present(*links: object) -> tuple[object, ...]:
    """Return the links that a call has."""
    return tuple([link for link in links if link])


def groups_calls(caller: Caller, current: object) -> bool:
    """Return whether the program says which calls belong together, so that a `digest` counts.

    `current` says whether a span is current: anything that is true of one.
    """
    return bool(caller[1] or caller[2] or current)


def keys_of_call(asker: Asker, call_id: str, asked: Asked) -> list[Key]:
    """Return what proves that a result answers this tool call of the answer to `asker`."""
    keys = _strong(asker.caller, call_id, asked, asker.links)
    if asker.conversation is not None:
        trace_id = asker.span.trace_id
        keys.append(_weak(asker.caller, call_id, asked, trace_id, asker.conversation))
    return keys


def keys_of_result(
    caller: Caller, result: Result, results: Results, asked: Asked | None, trace_id: int
) -> Iterator[Key]:
    """Yield the proofs that a request has, the one that costs the most last.

    `trace_id` is that of the span which is current for the request; 0 without one.
    """
    call_id = result.part.get("id")
    if not isinstance(call_id, str):
        return
    yield from _strong(caller, call_id, asked, results.links)
    if result.asked is not None and asked is not None:
        yield from _strong(caller, result.asked["id"], asked, ())
        if groups_calls(caller, trace_id):
            yield _weak(caller, call_id, asked, trace_id, results.conversation)


def _strong(
    caller: Caller, call_id: str, asked: Asked | None, links: tuple[object, ...]
) -> list[Key]:
    own = _proof(call_id, asked[0] if asked else "")
    keys: list[Key] = [] if own is None else [(caller, own)]
    if links:
        proofs = [_proof(link) for link in links]
        keys += [(caller, call_id, proof) for proof in proofs if proof is not None]
    return keys


def _weak(caller: Caller, call_id: str, asked: Asked, trace_id: int, conversation: int) -> Key:
    group = "session" if caller[1] or caller[2] else trace_id
    return caller, call_id, asked, group, conversation


def _proof(value: object, tool: str = "") -> object:
    """Return what of an id or a link no other call has: itself, or the number of its object."""
    if not isinstance(value, str) or is_random(value, tool):
        return value
    return id(value) if len(value) > 1 else None  # all texts of one character are one object


def is_random(identifier: str, tool: str = "") -> bool:
    """Return whether an id is long and random, apart from the name of the `tool` in it."""
    rest = identifier[:_LONGEST_ID].replace("-", "")
    if tool:
        rest = rest.replace(tool.replace("-", ""), "")
    for run in _LONG.findall(rest):
        if len(_KINDS.findall(run)) >= _FEWEST_KINDS and not run.isalpha():
            return True
    return False
