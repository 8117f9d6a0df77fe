"""What a delivery is made of: the steps from an ended span to an answer of the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.records.record import Record
from pulse_otel.export.transport.outcome import Outcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Steps(Generic[T]):
    """What the worker does not do itself. Deadlines are times of `time.monotonic`.

    All but `size` are called by one thread at a time, and not by a caller's.
    """

    size: Callable[[T], int]  # a cheap estimate in bytes
    read: Callable[[T], Record | None]  # None: not ours
    form: Callable[[float], Form | Outcome]  # what to write in by now, or why that is not known
    post: Callable[[Form, Sequence[Encoded], float], Outcome]
    attempt_s: float
    degrade: Callable[[T], Record | None] = lambda item: None  # what is left where `read` fails
    redact: Callable[[Record], Record] = lambda record: record
    hold_s: float = 0.0  # how long a call waits for its twin
    prepare: Callable[[], None] = lambda: None  # once, before all: what is to be imported
    where: str = ""  # the service's address, as it is logged

    def located(self, cause: str) -> str:
        """`cause`, and the address that it is about."""
        return f"{cause} [{self.where}]" if cause and self.where else cause
