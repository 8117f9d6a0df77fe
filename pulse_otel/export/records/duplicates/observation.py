"""A call as one or several instrumentations recorded it."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.records.record import UNKNOWN_USAGE, Record, made, updated

Message = dict[str, Any]
SpanId = tuple[str, str]
"""The trace id and the span id."""

OURS = (semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC)
_LEFT_OUT = ("__REDACTED__", "redacted-by-litellm")  # what stands for a text that is not recorded
_COMPARED = 2_000  # characters: bounds cut the rest in places of their own


@dataclass
class CallObservation:
    """The record of a call, and what finds and compares others of the same call.

    Texts are compared by their hashes, so that they need not be kept.
    """

    record: Record
    ids: frozenset[SpanId]  # of its spans
    parents: frozenset[SpanId]  # of its spans
    scopes: frozenset[str]
    linked: frozenset[SpanId]  # spans of ours that were made within these
    question: int | None = None
    answer: int | None = None
    tools: int | None = None  # that the answer asks for
    history: int | None = None  # all that the user said
    system: int | None = None
    session: int | None = None
    user: int | None = None
    parameters: Mapping[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def of(cls, record: Record) -> CallObservation:
        """Return the observation of one span."""
        trace_id, parent = record.trace_id, record.parent_span_id
        request = record.request or _NOTHING
        messages = _dicts(request.get("messages") or request.get("input"))
        history, system = _said(request, messages)
        found: dict[str, Any] = {
            "record": record,
            "ids": frozenset(((trace_id, record.span_id),)),
            "parents": frozenset(((trace_id, parent),) if parent else ()),
            "scopes": frozenset((record.scope,)),
            "linked": frozenset(record.contains),
            "question": _hash(_question(request, messages)),
            "answer": _hash(record.output_text),
            "tools": _hash(_tool_calls(record.response or _NOTHING)),
            "session": _hash(record.session_id),
            "user": _hash(record.user_id),
            "history": history,
            "system": system,
            "parameters": {
                name: request[name]
                for name in _PARAMETERS
                if name in request and isinstance(request[name], (int, float))
            },
        }
        return made(cls, found)

    @property
    def has_ours(self) -> bool:
        """Whether one of the spans is our own."""
        return not self.scopes.isdisjoint(OURS)

    @property
    def has_tokens(self) -> bool:
        """Whether any usage is known."""
        return self.record.usage != UNKNOWN_USAGE

    def beneath(self, above: SpanId) -> CallObservation:
        """Return this one with `above` as a further parent."""
        return updated(self, parents=self.parents | {above})

    def is_below(self, other: CallObservation) -> bool:
        """Return whether a span of `other` is the parent of one of these."""
        return not self.parents.isdisjoint(other.ids)

    def repeats(self, other: CallObservation) -> bool:
        """Return whether a span of `other` was made within one of these, if not beneath it."""
        return not self.linked.isdisjoint(other.ids)

    def repeats_only(self, other: CallObservation) -> bool:
        """Return whether it repeats `other` and no further call."""
        return bool(self.linked) and self.linked <= other.ids

    def joined(self, other: CallObservation, record: Record) -> CallObservation:
        """Return both as one, whose record is `record`."""
        return CallObservation(
            record,
            ids=self.ids | other.ids,
            parents=self.parents | other.parents,
            scopes=self.scopes | other.scopes,
            linked=self.linked | other.linked,
            question=other.question if self.question is None else self.question,
            answer=other.answer if self.answer is None else self.answer,
            tools=other.tools if self.tools is None else self.tools,
            history=other.history if self.history is None else self.history,
            system=other.system if self.system is None else self.system,
            session=other.session if self.session is None else self.session,
            user=other.user if self.user is None else self.user,
            parameters={**other.parameters, **self.parameters},
        )

    def forget_texts(self) -> None:
        """Keep only what finds and compares others of the same call, without content."""
        values = self.record.__dict__
        kept: dict[str, Any] = {name: values[name] for name in _KEPT if name in values}
        kept["name"], kept["metadata"], kept["attributes"] = "", {}, {}
        self.record = made(Record, kept)


_KEPT = (  # of the record of a call that was sent
    *("kind", "trace_id", "span_id", "parent_span_id", "start_ns", "end_ns"),
    *("provider", "model", "response_model", "response_id", "usage", "estimates_usage"),
)


def _hash(text: str | None) -> int | None:
    if not text:
        return None
    found = text[:_COMPARED].strip()
    return hash(found) if found and found not in _LEFT_OUT else None


_NOTHING: Mapping[str, Any] = {}
_PARAMETERS = (
    *("temperature", "top_p", "top_k", "seed"),
    *("presence_penalty", "frequency_penalty"),
)
_MOST_MESSAGES = 64  # of a longer history the bounds may have cut some
_SYSTEM_ROLES = ("system", "developer")


def _said(request: Mapping[str, Any], messages: list[Message]) -> tuple[int | None, int | None]:
    """Return the hashes of what the user and the system said; none of a history that may be cut."""
    given = request.get("system") or request.get("instructions")
    user: list[int] = []
    system: list[int] = []
    _add(system, _text(given) if given else None)
    for message in messages if len(messages) <= _MOST_MESSAGES else ():
        role = message.get("role")
        if role == "user":
            _add(user, _text(message.get("content")))
        elif role in _SYSTEM_ROLES:
            _add(system, _text(message.get("content")))
    return hash(tuple(user)) if user else None, hash(tuple(system)) if system else None


def _add(hashes: list[int], text: str | None) -> None:
    known = _hash(text)
    if known is not None:
        hashes.append(known)


def _question(request: Mapping[str, Any], messages: list[Message]) -> str | None:
    """Return the text of the last message of the user, if it is plain text."""
    asked = request.get("messages") or request.get("input") or request.get("prompt")
    if isinstance(asked, str):
        return asked
    for message in reversed(messages[-_LOOK_BACK:]):
        if message.get("role") == "user":
            return _text(message.get("content"))
    return None


_LOOK_BACK = 16  # messages: the results of tools may follow the last one of the user


def _text(content: object) -> str | None:
    if isinstance(content, str):
        return content
    texts = [block.get("text") for block in _dicts(content)]
    known = [text for text in texts if isinstance(text, str)]
    return "".join(known) if len(known) == len(texts) else None


_CALLS = ("tool_use", "function_call")  # types of blocks


def _tool_calls(response: Mapping[str, Any]) -> str | None:
    """Return the ids of the tool calls that an answer asks for."""
    calls: list[dict[str, Any]] = []
    for choice in _dicts(response.get("choices")):
        message = choice.get("message")
        if isinstance(message, dict) and "tool_calls" in message:
            calls += _dicts(message["tool_calls"])
    for name in ("content", "output"):
        if name in response:
            blocks = _dicts(response[name])
            calls += [block for block in blocks if block.get("type") in _CALLS]
    if not calls:
        return None
    return " ".join(sorted([str(call.get("call_id") or call.get("id")) for call in calls]))


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, (list, tuple)):
        return []
    return [item for item in value if isinstance(item, dict)]
