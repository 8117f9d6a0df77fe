"""What the fixture `pulse_traces` gives: the entries of a test, in the order of their start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pulse_otel.testing.entries import Call, Entry, Run, Tool

E = TypeVar("E", bound=Entry)


class PulseTraces:
    """Everything that the test has made so far; compares and iterates like a list of it.

    `read` returns the entries that have ended, and how many have not.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, read: Callable[[], tuple[Sequence[Entry], int]]) -> None:
        self._read = read

    @property
    def calls(self) -> list[Call]:
        """The LLM calls."""
        return self._of(Call)

    @property
    def tools(self) -> list[Tool]:
        """The runs of tools."""
        return self._of(Tool)

    @property
    def runs(self) -> list[Run]:
        """The units of work."""
        return self._of(Run)

    @property
    def only_call(self) -> Call:
        """The one LLM call. Raises AssertionError if there are none or several."""
        __tracebackhide__ = True
        calls = self.calls
        if len(calls) != 1:
            raise AssertionError(f"expected one LLM call, got {self._listed()}")
        return calls[0]

    @property
    def input_tokens(self) -> int:
        """The input tokens of all calls, as far as they are known."""
        return sum(call.input_tokens or 0 for call in self.calls)

    @property
    def output_tokens(self) -> int:
        """The output tokens of all calls, as far as they are known."""
        return sum(call.output_tokens or 0 for call in self.calls)

    @property
    def cost_cents(self) -> float:
        """The cost of all calls in cents, as far as it is known."""
        return sum(call.cost_cents or 0.0 for call in self.calls)

    @property
    def open(self) -> int:
        """How many have begun and not ended, such as a stream that is not read to its end."""
        return self._read()[1]

    def _of(self, kind: type[E]) -> list[E]:
        return [entry for entry in self if isinstance(entry, kind)]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._read()[0])

    def __len__(self) -> int:
        return len(self._read()[0])

    def __getitem__(self, index: int) -> Entry:
        return self._read()[0][index]

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    def __repr__(self) -> str:
        entries, still_open = self._read()
        return f"<PulseTraces: {len(entries)} ended, {still_open} open>"

    def _listed(self) -> str:
        entries, still_open = self._read()
        lines = [f"{len(entries)} ended, {still_open} open", *map(repr, entries)]
        return "\n  ".join(lines)
