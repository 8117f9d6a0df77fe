"""Findings of the doctor, and what its checks work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from pulse_otel.config import Config
from pulse_otel.export.payloads.form import Form
from pulse_otel.export.transport.http import Reply, Transport
from pulse_otel.export.transport.outcome import Outcome, Verdict


class Status(str, Enum):
    """The status of a finding."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do about it."""

    status: Status
    said: str
    remedy: str = ""


def ok(said: str) -> Finding:
    """Return a finding that needs nothing done."""
    return Finding(Status.OK, said)


def warning(said: str, remedy: str = "") -> Finding:
    """Return a finding that may be meant so."""
    return Finding(Status.WARNING, said, remedy)


def error(said: str, remedy: str = "") -> Finding:
    """Return a finding with which traces do not arrive."""
    return Finding(Status.ERROR, said, remedy)


def skipped(said: str) -> Finding:
    """Return what was not checked, and why."""
    return Finding(Status.SKIPPED, said)


def failed(outcome: Outcome, remedy: str = "") -> Finding:
    """Return the finding for a request that led to `outcome`; its cause may name the remedy."""
    cause, _, named = outcome.cause.partition(": ")
    return error(cause, remedy or named)


@dataclass(slots=True)
class Setup:
    """The settings as a program here would have them, and what earlier checks found."""

    config: Config
    given: list[str]  # the variables that name a setting
    wrong: dict[str, str]  # variable -> what is wrong with it
    logged: list[str]  # what the package warned about
    transport: Transport
    send: bool  # a span to a legacy service, too
    wait_s: float  # for a span to be stored
    health: Reply = field(default=Reply(Outcome(Verdict.RETRY)))  # to a first request
    asked_at: float = 0.0  # the wall clock when the service answered
    form: Form | None = None
    collector: bool = False  # a Collector answers: what the service has cannot be seen from here
    asked: Outcome = field(default=Outcome(Verdict.RETRY))  # of an empty request in this form


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name, its function, and a remedy for findings that have none of their own.

    It is left out if one of the checks that it `needs` found an error, or was left out.
    """

    name: str
    run: Callable[[Setup], Iterable[Finding]]
    remedy: str = ""
    needs: tuple[str, ...] = ()
