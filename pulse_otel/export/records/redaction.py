"""Applies the user's `redact` function to every text of a record before it leaves the process.

The function gets a number as text, and an unchanged number stays a number: in the JSON of a tool's
arguments, a card's number may be one. It does not get keys, ids, times, tokens and our own
vocabulary, which identify records and keep them readable.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from pulse_otel.export.records.record import Record, updated
from pulse_otel.log import rate_limited
from pulse_otel.process.forks import reset_in_children
from pulse_otel.values import plain

REDACTION_FAILED = "[left out: the redact function failed]"
_IDS = {"kind", "trace_id", "span_id", "parent_span_id"}
_KEPT = (
    _IDS
    | {"start_ns", "end_ns", "is_error", "usage", "reported_cost_cents", "cost_cents"}
    | {"server"}
)  # priced, never sent
_FIELDS = tuple(field.name for field in fields(Record) if field.name not in _KEPT)


class Redaction:
    """Redacts records; used by one thread at a time, never by a caller's.

    `failures` counts texts that were left out.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self.failures = 0
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Count from 0 in a child."""
        self.failures = 0

    def __call__(self, record: Record) -> Record:
        """Return `record` with every text redacted."""
        return updated(record, **{name: self._value(getattr(record, name)) for name in _FIELDS})

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self._value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._number(value)
        if value is None or isinstance(value, bool):
            return value
        return self._value(plain(value))  # such as bytes: their text is redacted too

    def _number(self, number: float) -> float | str:
        text = str(plain(number))
        redacted = self._text(text)
        return number if redacted == text else redacted

    def _text(self, text: str) -> str:
        if not text:
            return text
        try:
            redacted: Any = self._redact(text)
        # A SystemExit would end the worker's thread without a message.
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the function is the user's
            return self._failed(f"it raises {type(error).__name__}")
        if not isinstance(redacted, str):
            kind = "None" if redacted is None else type(redacted).__name__
            return self._failed(f"it returns {kind}, not the text")
        return redacted

    def _failed(self, why: str) -> str:
        """Count and warn, with the kind of the error only: its text may quote a secret."""
        self.failures += 1
        rate_limited.warning(
            f"redact:{why}", "pulse-otel: your redact function fails (%s); texts are left out", why
        )
        return REDACTION_FAILED
