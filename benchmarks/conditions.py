"""What a recorded call costs its thread under other settings, and with other services.

python benchmarks --only conditions
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from counting import Counted, Effort, count_with, in_child
from fresh import output
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from service import behaving
from variants import KEY, NO_BATCH_MS, Service, check_all, started_service
from workloads import WORKLOADS, Workload

import pulse_otel

_NAMES = ("chat small", "chat stream, 200 chunks")
_EFFORT = Effort(counted=3)
_UNITS = {"instructions": "k instructions", "time": "µs of CPU"}


class NotAsExpected(Exception):
    """A condition records more or less than it should."""


@dataclass(frozen=True)
class Condition:
    """Settings of `init_pulse`, variables of the environment, and how the service behaves."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    service: str = "up"
    sampler: Any = None  # of a provider of the program's own
    content: bool = True  # whether spans have it
    delivered: bool = True


CONDITIONS = (
    Condition("content on, service up"),
    Condition("service down", service="down"),
    Condition("service hangs", service="hanging"),
    Condition("content off: `capture_content=False`", {"capture_content": False}, content=False),
    Condition("left out later: `sample_rate=0`", {"sample_rate": 0}, delivered=False),
    Condition("sampled out by a provider of yours", sampler=ALWAYS_OFF, delivered=False),
    Condition("off: `enabled=False`", {"enabled": False}, delivered=False),
    Condition(
        "off: `OTEL_SDK_DISABLED=true`", variables={"OTEL_SDK_DISABLED": "true"}, delivered=False
    ),
)


def rows() -> list[dict[str, Any]]:
    """A row for each condition: what a recorded call adds to a bare one."""
    units = {how: output("conditions.py", how=how) for how in _UNITS}
    made = []
    for condition in CONDITIONS:
        row: dict[str, Any] = {"condition": condition.name}
        for how, unit in _UNITS.items():
            for workload, added in units[how][condition.name].items():
                row[f"{workload}, {unit}"] = round(added / 1000, 1)
        made.append(row)
    return made


def _added() -> dict[str, dict[str, int]]:
    """Condition -> workload -> what is added, in the unit that is counted."""
    bare = {name: in_child(partial(_bare, WORKLOADS[name])) for name in _NAMES}
    return {
        condition.name: {
            name: in_child(partial(_observed, WORKLOADS[name], condition)) - bare[name]
            for name in _NAMES
        }
        for condition in CONDITIONS
    }


def _only(counted: Counted) -> int:
    (figure,) = counted.counts.values()
    return figure


def _bare(workload: Workload) -> int:
    return _only(count_with(_EFFORT, partial(workload.call, workload.client())))


def _observed(workload: Workload, condition: Condition) -> int:
    logging.disable()  # a service that is down is no news here
    os.environ.update(condition.variables)
    with _service(condition.service) as url:
        provider = TracerProvider(sampler=condition.sampler) if condition.sampler else None
        pulse_otel.init_pulse(
            api_key=KEY,
            api_url=url,
            protocol="otlp",
            batch_size=100,
            flush_interval=NO_BATCH_MS,
            tracer_provider=provider,
            **condition.settings,
        )
        client = pulse_otel.observe(workload.client(), workload.provider)
        settle = partial(pulse_otel.flush_buffer, 60 if condition.service == "up" else 5)
        counted = count_with(_EFFORT, partial(workload.call, client), settle)
        _check(workload, condition, counted.calls)
    return _only(counted)


def _service(behaviour: str) -> Any:
    """One whose spans can be read here, if it is up."""
    return nullcontext(started_service()) if behaviour == "up" else behaving(behaviour)


def _check(workload: Workload, condition: Condition, calls: int) -> None:
    if condition.service != "up":
        stats = pulse_otel.stats()
        if stats.in_queue != calls or stats.lost:
            raise NotAsExpected(f"{condition.name}: {calls} calls, {stats}")
    elif not pulse_otel.flush_buffer(60) or len(Service.spans) != calls * condition.delivered:
        raise NotAsExpected(f"{condition.name}: {calls} calls, {len(Service.spans)} spans")
    elif condition.content:
        check_all(workload, len(Service.spans), Service.spans)
    elif any(workload.asked in str(span) for span in Service.spans):
        raise NotAsExpected(f"{condition.name}: a span has the request")


if __name__ == "__main__":
    print(json.dumps(_added()))
