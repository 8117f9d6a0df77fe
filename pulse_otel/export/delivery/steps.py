"""What a delivery is made of: the steps from an ended span to an answer of the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

if TYPE_CHECKING:
    from pulse_otel.export.payloads.form import Encoded, Form
    from pulse_otel.export.records.record import Record
    from pulse_otel.export.transport.outcome import Outcome


def _nothing() -> None:
    return None


def as_it_is(record: Record) -> Record:
    """Return `record`: a step that a program did not ask for."""
    return record


class Steps(NamedTuple):
    """What the worker does not do itself. Deadlines are times of `time.monotonic`.

    All but `size` are called by one thread at a time, and never by a caller's.
    """

    size: Callable[[Any], int]  # bytes of a span in memory, an estimate
    read: Callable[[ReadableSpan], Record | None]  # None: no GenAI span
    form: Callable[[float], Form | Outcome]  # what to write in by now, or why that is not known
    post: Callable[[Form, Sequence[Encoded], float], Outcome]
    attempt_s: float
    degrade: Callable[[ReadableSpan], Record | None] = lambda span: None  # where `read` fails
    sample: Callable[[Record], Record | None] = lambda record: record  # None: it is left out
    price: Callable[[Record], Record] = as_it_is
    redact: Callable[[Record], Record] = as_it_is
    hold_s: float = 0.0  # how long after its end a call waits for a second recording of it
    collect: Callable[[], object] = _nothing  # have the processors before us hand over
    prepare: Callable[[], None] = _nothing  # once, before all: what is to be imported
    where: str = ""  # the service's address, as it is logged

    def located(self, cause: str) -> str:
        """Return `cause` with the address that it is about."""
        return f"{cause} [{self.where}]" if cause and self.where else cause
