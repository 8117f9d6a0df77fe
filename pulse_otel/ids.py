"""Trace and span ids for the provider that `init_pulse` makes.

The SDK takes ids from the program's own `random`. In a program that seeds it, each run then
repeats the ids of the run before, and a trace service keeps the first of two spans with one id:
all later runs would be lost. It also moves the sequence that the program wanted to repeat.
"""

from __future__ import annotations

from os import urandom

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class SystemIdGenerator(RandomIdGenerator):
    """Random ids that no seed repeats."""

    def generate_span_id(self) -> int:
        """A span id that is not 0."""
        return int.from_bytes(urandom(8), "big") or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """A trace id that is not 0."""
        return int.from_bytes(urandom(16), "big") or self.generate_trace_id()
