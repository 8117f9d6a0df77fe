"""`pulse-otel doctor`: read the settings, make the checks, print the findings."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Generator

from pulse_otel.config import ApiKey, Config, load_config
from pulse_otel.export.delivery.preload import import_all
from pulse_otel.export.transport.http import Transport
from pulse_otel.log import logger
from pulse_otel.settings import KEY_PREFIX, ConfigError
from pulse_otel.terminal.doctor.checks import examine
from pulse_otel.terminal.doctor.finding import Setup, Status
from pulse_otel.terminal.doctor.report import JsonReport, TextReport
from pulse_otel.terminal.doctor.settings import PROTOCOL

_NO_KEY = f"{KEY_PREFIX}none"  # asks a service that is given no key what it speaks


def run_doctor(*, api_url: str | None, send: bool, wait_s: float, as_json: bool) -> int:
    """Print the findings; return 1 if one is an error, else 0."""
    report = JsonReport() if as_json else TextReport()
    with _warnings() as logged:
        setup = _setup(api_url, logged, send=send, wait_s=wait_s)
        report.begin()
        import_all()  # or the first request would be as slow as the imports that it needs
        statuses = set[Status]()
        for name, finding in examine(setup):
            statuses.add(finding.status)
            report.add(name, finding, setup.config.api_key)
    report.end(setup.config.api_key)
    return 1 if Status.ERROR in statuses else 0


def _setup(api_url: str | None, logged: list[str], *, send: bool, wait_s: float) -> Setup:
    given = _Variables(api_url)
    wrong = {name: said for name in given.names if (said := given.wrong_with(name))}
    config = given.config(without=wrong)
    # A misspelt protocol may mean a Collector, which gets no key.
    keyed = config.sends_key and PROTOCOL not in wrong
    key = (config.api_key or ApiKey(_NO_KEY)) if keyed else None
    logged = list(logged)  # the transport's warning is a finding of its own
    return Setup(
        config=config,
        given=given.names,
        wrong=wrong,
        logged=logged,
        transport=Transport(config.api_url, key, ca_file=config.ca_file),
        send=send,
        wait_s=wait_s,
    )


class _Variables:
    """The settings in the environment, where `api_url` may replace one; they show no value."""

    def __init__(self, api_url: str | None) -> None:
        self._url = {"PULSE_API_URL": api_url} if api_url else {}
        known = [f"PULSE_{name.upper()}" for name in Config._fields]
        self.names = [name for name in known if self._url.get(name) or os.environ.get(name)]

    def wrong_with(self, name: str) -> str:
        """Return what is wrong with one variable; empty if nothing is."""
        try:
            # As a setting of its own: with PULSE_ENABLED=0, no other one would be looked at.
            with contextlib.redirect_stdout(sys.stderr):  # a module of PULSE_REDACT may print
                load_config(environ={name: {**os.environ, **self._url}[name]})
        except ConfigError as error:
            return str(error)
        return ""

    def config(self, without: dict[str, str]) -> Config:
        """Return the settings of all other variables."""
        enabled = "PULSE_ENABLED"
        left_out = {*without, enabled}
        environ = {**os.environ, **self._url}
        config = load_config(environ={k: v for k, v in environ.items() if k not in left_out})
        off = enabled in self.names and enabled not in without
        if off and not load_config(environ={enabled: environ[enabled]}).enabled:
            config = config._replace(enabled=False)
        return config


@contextlib.contextmanager
def _warnings() -> Generator[list[str]]:
    """Keep what the package logs for a finding, instead of the log."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage().removeprefix("pulse-otel: "))

    handler = Keep(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
