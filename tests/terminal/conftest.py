"""Both generations of the development service, and a clean environment for the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from pulse_otel.local.storage.writer import Writer
from tests.conftest import KEY


@pytest.fixture(scope="module")
def current_url() -> Iterator[str]:
    app = create_app()
    app.state.writer = Writer(app.state.store.insert, delay_s=0.005)
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def legacy_url() -> Iterator[str]:
    app = create_legacy_app()
    app.state.writer = Writer(app.state.store.insert_queued, delay_s=0.005)
    with serving(app) as url:
        yield url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings, proxies and bundles of this machine."""
    unwanted = ("PROXY", "CA_BUNDLE")
    for name in list(os.environ):
        if name.startswith(("PULSE_", "OTEL_")) or name.upper().endswith(unwanted):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PULSE_STRICT", "1")
    monkeypatch.setenv("PULSE_API_KEY", KEY)
