"""Label a block of code with a session, user and metadata, in the OpenTelemetry context."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context

from pulse_otel import semconv
from pulse_otel.block import Block
from pulse_otel.guard import guarded
from pulse_otel.log import rate_limited
from pulse_otel.span_starts import add_once
from pulse_otel.texts import as_text, scrub
from pulse_otel.values import plain

_METADATA_BYTES = 32_768
_OUR_SCOPES = "pulse_otel."
_OF_BLOCK = {
    semconv.PULSE_SESSION_ID: semconv.CONVERSATION_ID,
    semconv.PULSE_USER_ID: semconv.USER_ID,
}
_SUMMARY = "summary"  # of the metadata: the trace's title in the service (contract §3.4)
_KEY = otel_context.create_key("pulse-otel-session")
_AROUND = otel_context.create_key("pulse-otel-around")  # the span in which the block began
UNIT = otel_context.create_key("pulse-otel-unit")
"""Of the context: the open unit of work (`pulse_otel.units`)."""
_PAUSED = otel_context.create_key("pulse-otel-paused")
_LABELLED = "_pulse_labelled"  # of a TracerProvider: its spans are labelled with their block


class Session(NamedTuple):
    """Hold the labels of spans; None and empty mean unknown."""

    id: str | None = None
    user_id: str | None = None
    metadata: Mapping[str, Any] = {}

    def over(self, outer: Session) -> Session:
        """Fill the gaps of this session from `outer`; the metadata are merged."""
        return Session(
            id=self.id or outer.id,
            user_id=self.user_id or outer.user_id,
            metadata={**outer.metadata, **self.metadata} if outer.metadata else self.metadata,
        )


NO_SESSION = Session()


def label(name: str, value: object) -> str | None:
    """Return the text of a label; warn of a collection, which is none, and leave it out."""
    if issubclass(type(value), (dict, list, tuple, set)):
        kind = type(value).__name__
        rate_limited.warning(name, "pulse-otel: %s: expected a str, got %s", name, kind)
        return None
    return None if value is None else as_text(value)


def session_of_block(context: Context | None = None) -> Session | None:
    """Return the session of the current block, if there is one."""
    found = otel_context.get_value(_KEY, context)
    return found if isinstance(found, Session) else None


def current_session(context: Context | None = None) -> Session:
    """Return the session of the block, else that in baggage (``session.id``, ``user.id``)."""
    if context is not None and not context:
        return NO_SESSION
    found = session_of_block(context)
    if found is not None:
        return found
    carried = _baggage(context)
    if not carried:
        return NO_SESSION
    return Session(
        id=_text(carried.get(semconv.SESSION_ID) or carried.get(semconv.CONVERSATION_ID)),
        user_id=_text(carried.get(semconv.USER_ID)),
    )


def _baggage(context: Context | None) -> Mapping[str, object]:
    """Return the baggage of `context`; while nobody has imported its module, there is none."""
    get_all: Any = getattr(sys.modules.get("opentelemetry.baggage"), "get_all", None)
    found: Mapping[str, object] = get_all(context) if get_all is not None else {}
    return found


def labelled(session: Session, context: Context | None = None) -> Context:
    """Return `context` as it is in a block with the labels of `session`."""
    return otel_context.set_value(_KEY, session.over(current_session(context)), context)


def pause() -> Context:
    """Return the current context as one in which nothing is recorded."""
    pauses.any = True
    return otel_context.set_value(_PAUSED, True)


def is_paused(context: Context | None = None) -> bool:
    """Return whether nothing is recorded in `context`, or the current one."""
    return pauses.any and otel_context.get_value(_PAUSED, context) is True


class pauses:
    """Hold whether the program ever paused: one that never does has no more to look at."""

    any = False


def labels(session: Session) -> dict[str, Any]:
    """Return a session as span attributes, with the conventions' names; metadata is JSON text."""
    found: dict[str, Any] = {}
    if session.id:
        found[semconv.CONVERSATION_ID] = found[semconv.SESSION_ID] = scrub(session.id)
    if session.user_id:
        found[semconv.USER_ID] = scrub(session.user_id)
    if session.metadata:
        from pulse_otel.bounds import bounded_json  # there, if an SDK is patched

        found[semconv.PULSE_METADATA] = bounded_json(plain(session.metadata), _METADATA_BYTES)
    return found


def _label(span: Any, context: Context | None) -> None:
    """Label a span with its block; one of ours, which has those labels, with its parent's run."""
    if pauses.any and (is_paused(context) or is_paused()):
        span.set_attribute(semconv.PULSE_PAUSED, True)
    if context is not None and not context:
        return  # neither a block nor a parent
    if span.instrumentation_scope.name.startswith(_OUR_SCOPES):
        if span.parent is not None and semconv.CONVERSATION_ID not in span.attributes:
            _label_with_run(span, trace.get_current_span(context))
        return
    session = session_of_block(context)
    if session is not None:
        found = labels(session)
        # The library may set an id of its run later on, under the conventions' names.
        found |= {key: found[theirs] for key, theirs in _OF_BLOCK.items() if theirs in found}
        span.set_attributes(found)


def _label_with_run(span: Any, parent: Any) -> None:
    """Give `span` the id of its library's run that `parent` has: one trace is in one session."""
    around: Mapping[str, Any] = getattr(parent, "attributes", None) or {}
    run = _text(around.get(semconv.CONVERSATION_ID)) or _text(around.get(semconv.SESSION_ID))
    if run is not None:
        span.set_attributes(labels(Session(run)))


def _label_open(provider: Any) -> None:
    """Label the current span if it began in the current block, before `provider` was known."""
    span: Any = trace.get_current_span()
    processor = getattr(provider, "_active_span_processor", None)
    if processor is None or getattr(span, "_span_processor", None) is not processor:
        return
    if span.is_recording() and span is not otel_context.get_value(_AROUND):
        _label(span, None)


def tell_unit(session: Session, context: Context | None = None) -> None:
    """Tell the open unit of work of a session inside of it, unless nothing there is recorded."""
    unit: Any = otel_context.get_value(UNIT, context)
    if unit is not None and session.id and not is_paused(context):
        guarded(unit.joins, session)


class _OtherSpans:
    """Label the spans of other libraries: at the TracerProviders that are named, and the global."""

    def __init__(self) -> None:
        self._wanted = False  # nobody records anything, and spans are left as they are

    def label(self, provider: Any = None) -> None:
        """Label the spans of `provider`, and those of the global TracerProvider of each moment."""
        self._wanted = True
        found = trace.get_tracer_provider() if provider is None else provider
        if add_once(found, _LABELLED, started=_label):
            guarded(_label_open, found)

    def before_block(self) -> None:
        """Add the global TracerProvider: the program may have set it since the last block."""
        if self._wanted:
            add_once(trace.get_tracer_provider(), _LABELLED, started=_label)


other_spans = _OtherSpans()


def with_summary(metadata: Mapping[str, Any], summary: object) -> dict[str, Any]:
    """Return `metadata` with the title of a trace, which the service looks for there."""
    return {**metadata} if summary is None else {**metadata, _SUMMARY: str(summary)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


class session(Block):
    """Label all calls in a block, or in a decorated function, with a session.

    It works in sync and async code, with ``with`` and ``async with``, and above plain and async
    functions. Tasks inherit it; threads inherit it if their context is handed on, as with any
    OpenTelemetry context. An inner block wins over an outer one, and adds to its metadata; the
    labels of a client or a call win over both.

    Args:
        session_id: The conversation that the calls belong to.
        user_id: The user that they are made for.
        metadata: What else to note.
        summary: The title of the traces.

    Raises:
        TypeError: An argument has the wrong type.
    """

    def __init__(
        self,
        session_id: str | None = None,
        *,
        user_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        summary: str | None = None,
    ) -> None:
        if isinstance(session_id, type) or inspect.isroutine(session_id):
            raise TypeError("session: as a decorator it takes parentheses: @session(...)")
        if metadata is not None and not isinstance(metadata, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"session: metadata: expected a dict, got {type(metadata).__name__}")
        self._own = Session(
            id=label("session_id", session_id),
            user_id=label("user_id", user_id),
            metadata=plain(dict(with_summary(metadata or {}, summary))),
        )

    def _context(self) -> Context:
        guarded(other_spans.before_block)
        context = labelled(self._own)
        context = otel_context.set_value(_AROUND, trace.get_current_span(), context)
        tell_unit(current_session(context), context)
        return context
