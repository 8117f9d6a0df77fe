"""A development trace service for the tests of a module, with a project for each; a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulse_otel.local.service import app as service
from pulse_otel.local.service.legacy import app as legacy
from pulse_otel.local.serving import serving
from pulse_otel.local.storage.writer import Writer
from tests.local.chromium import CHROMIUM, NO_CHROMIUM, Page, browsing
from tests.local.legacy_client import LegacyClient
from tests.local.service_client import Client


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = service.create_app()
    # As a rule it waits longer.
    app.state.writer = Writer(app.state.store.insert, delay_s=0.005)
    with serving(app) as base:
        yield base


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def legacy_url() -> Iterator[str]:
    app = legacy.create_legacy_app()
    app.state.writer = Writer(app.state.store.insert_queued, delay_s=0.005)
    with serving(app) as base:
        yield base


@pytest.fixture
def legacy_client(legacy_url: str) -> Iterator[LegacyClient]:
    client = LegacyClient(legacy_url)
    yield client
    client.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with browsing() as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """A window of a usual size, in which the browser must not complain of anything."""
    browser.problems.clear()
    browser.window(1280)
    yield browser
    assert browser.problems == []
