"""Decide for each call whether it is recorded, and by which TracerProvider.

The calls of an observed client are recorded: its ``__dict__`` holds our mark. While the
instrumentor of an SDK is on, the calls of all clients of that SDK are recorded; with
``init_pulse(instrument=True)``, those of all clients.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from pulse_otel.context import NO_SESSION, Session, current_session
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.other_spans import watch
from pulse_otel.log import rate_limited

MARK = "_pulse_observed"


class Observed(NamedTuple):
    """Hold the options of `observe` for a client, in the client's ``__dict__``."""

    provider: str | None = None
    session: Session = NO_SESSION


_NO_OPTIONS = Observed()


def _uncounted() -> None:
    """Nobody counts what the sampler of a pipeline without `init_pulse` leaves out."""


class Recorder:
    """Hold the destination and limits of the spans of one observer; never changed."""

    def __init__(
        self,
        provider: Callable[[], Any],
        capture_content: bool,
        max_content_bytes: int,
        stream_usage: str = "auto",
        every_client: bool = False,
        alone: bool = False,
        not_sampled: Callable[[], None] = _uncounted,
        meter_provider: Any = None,
    ) -> None:
        self.provider = provider  # returns the TracerProvider of this moment
        self.capture_content = capture_content
        self.max_content_bytes = max_content_bytes
        self.stream_usage = stream_usage  # auto | always | never
        self.every_client = every_client  # also of clients that nobody observed
        self.alone = alone  # also of an instrumented SDK's, whose calls have another destination
        self.not_sampled = not_sampled  # told of a call that the sampler leaves out
        self.meter_provider = meter_provider  # None: the global one of this moment
        # By the provider's id, as not every provider can be hashed; it is kept, and its id with it.
        self._tracers: dict[tuple[int, str], tuple[Any, Tracer]] = {}

    def with_options(self, options: Mapping[str, Any]) -> Recorder:
        """Return a copy with these attributes replaced; both share their tracers."""
        made = copy(self)
        vars(made).update(options)
        return made

    def tracer(self, scope: str, provider: Any = None) -> Tracer:
        """Return the tracer for `scope`; the SDK would make a new one each time.

        The spans of others at that provider are watched from the first time on.

        `provider` is the TracerProvider of this moment, if the caller has asked for it.
        """
        if provider is None:
            provider = self.provider()
        known = self._tracers.get((id(provider), scope))
        if known is None:
            guarded(watch, provider)
            known = self._tracers[id(provider), scope] = (provider, provider.get_tracer(scope))
        return known[1]


class Instrumented(NamedTuple):
    """Hold the recorder of an SDK's instrumentor, and its options."""

    own: Recorder  # in use while `init_pulse` has no pipeline
    # The options that replace those of the pipeline; None: the pipeline is not used at all.
    overrides: Mapping[str, Any] | None

    def recorder(self, pipeline: Recorder | None) -> Recorder:
        """Return the recorder to use now: `init_pulse` and `instrument` may come in any order."""
        if pipeline is None or self.overrides is None:
            return self.own
        return pipeline.with_options(self.overrides) if self.overrides else pipeline


class Recorders:
    """Hold the active recorders: one of `init_pulse`, one for the instrumentor of each SDK."""

    def __init__(self) -> None:
        self.observed: Recorder | None = None
        self.asked = False  # somebody said which clients are recorded, at any time
        self.initialised = False  # `init_pulse` was called, even if it recorded nothing
        self.instrumented: dict[str, Instrumented] = {}


recorders = Recorders()


def observed_options(client: object) -> Observed | None:
    """Return the options that `observe` stored on `client`, if any."""
    mark = getattr(client, "__dict__", {}).get(MARK)
    return mark if isinstance(mark, Observed) else None


def options_of_call(
    observed: Observed | None, own: Session | None, context: Context | None = None
) -> Observed:
    """Merge the labels of a call: its `own`, else those of the client, else those of the block.

    `context` is the current one, if the caller has it.
    """
    base, around = observed or _NO_OPTIONS, current_session(context)
    if own is None and around is NO_SESSION:
        return base
    session = base.session.over(around)
    return Observed(base.provider, session if own is None else own.over(session))


def recorder_for(sdk: str, observed: Observed | None) -> Recorder | None:
    """Return the recorder for a call of `sdk`; None if the call is not recorded."""
    pipeline = recorders.observed
    if pipeline is not None and (observed is not None or pipeline.alone):
        return pipeline
    instrumented = recorders.instrumented.get(sdk)
    if instrumented is not None:
        return instrumented.recorder(pipeline)
    if pipeline is not None and pipeline.every_client:
        return pipeline
    if observed is not None and not recording_disabled_on_purpose():
        rate_limited.warning(
            "observed",
            "pulse-otel: an observed client's calls are not recorded: call init_pulse()",
        )
    return None


def recording_disabled_on_purpose() -> bool:
    """Return whether the user turned recording off, or ended it."""
    return recording_disabled_by_environment() or recorders.initialised


def recording_disabled_by_environment() -> bool:
    """Return whether OpenTelemetry's SDK is turned off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
