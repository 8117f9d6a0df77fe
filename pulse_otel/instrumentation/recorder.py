"""Who is recorded, and where to.

A client is observed if its ``__dict__`` carries our mark; every client of an SDK is recorded
while its instrumentor is on. `recorder_for` decides, per call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry.trace import Tracer

from pulse_otel.context import NO_SESSION, Session
from pulse_otel.log import rate_limited

MARK = "_pulse_observed"


@dataclass(frozen=True, slots=True)
class Observed:
    """What `observe` was told about a client; lives in the client's ``__dict__``."""

    provider: str | None = None
    session: Session = NO_SESSION


@dataclass(frozen=True, slots=True)
class Recorder:
    """Where the spans of one observer go, and what they may hold."""

    tracer: Callable[[str], Tracer]  # by scope name; asked at each call
    provider: Callable[[], Any]  # the TracerProvider behind it
    capture_content: bool
    max_content_bytes: int
    stream_usage: str = "auto"  # auto | always | never


@dataclass(frozen=True, slots=True)
class Instrumented:
    """What an SDK's instrumentor was told."""

    own: Recorder  # for while there is no pipeline of `init_pulse`
    # What the pipeline's recorder is to differ in; None: its provider is not to be used.
    told: Mapping[str, Any] | None

    def recorder(self, pipeline: Recorder | None) -> Recorder:
        """The recorder of this moment: the order of `init_pulse` and `instrument` is free."""
        if pipeline is None or self.told is None:
            return self.own
        return replace(pipeline, **self.told) if self.told else pipeline


class Recorders:
    """The recorders that are on: the one of `init_pulse`, one for each SDK's instrumentor."""

    def __init__(self) -> None:
        self.observed: Recorder | None = None
        self.initialised = False  # whether `init_pulse` was called, whatever has come of it
        self.instrumented: dict[str, Instrumented] = {}


recorders = Recorders()


def observed_options(client: object) -> Observed | None:
    """What `observe` left on `client`, if it did."""
    mark = getattr(client, "__dict__", {}).get(MARK)
    return mark if isinstance(mark, Observed) else None


def recorder_for(sdk: str, observed: Observed | None) -> Recorder | None:
    """The recorder for a call of `sdk`, or None: then nothing is recorded."""
    pipeline = recorders.observed
    if observed is not None and pipeline is not None:
        return pipeline
    instrumented = recorders.instrumented.get(sdk)
    if instrumented is not None:
        return instrumented.recorder(pipeline)
    if observed is not None and not recording_disabled_on_purpose():
        rate_limited.warning(
            "observed",
            "pulse-otel: an observed client's calls are not recorded: call init_pulse()",
        )
    return None


def recording_disabled_on_purpose() -> bool:
    """Whether somebody decided that nothing is recorded, or not any more."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return disabled or recorders.initialised
