"""When the SDK's classes are patched: before the program can use them, and no sooner."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import threading
from pathlib import Path
from typing import Any

import openai
import pytest
from wrapt import importer

from pulse_otel import Provider, observe
from pulse_otel.instrumentation.endpoint import Endpoints
from pulse_otel.instrumentation.openai.endpoints import CHAT, PATCHES
from pulse_otel.instrumentation.patch import Patches
from tests.instrumentation.patched import is_ours

MODULE = "openai.resources.embeddings"


@pytest.fixture
def not_yet_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nobody had used embeddings in this process; afterwards it is as it was."""
    before = importlib.import_module(MODULE)
    monkeypatch.setattr("openai.resources.embeddings", before)
    monkeypatch.delitem(sys.modules, MODULE)
    monkeypatch.setattr(PATCHES, "_awaited", set())
    monkeypatch.setattr(PATCHES, "keep", False)
    PATCHES.release()


def embeddings(client: Any) -> Any:
    return importlib.import_module(MODULE).Embeddings(client)


def test_a_module_is_patched_when_the_program_imports_it(
    not_yet_imported: None, openai_client: Any, spans: Any
) -> None:
    for _ in range(3):
        observe(openai_client, Provider.OPENAI)
    assert MODULE not in sys.modules
    assert len(importer._post_import_hooks[MODULE]) == 1

    embeddings(openai_client).create(input="x", model="m", pulse_session_id="s")

    (span,) = spans.get_finished_spans()
    assert span.attributes["session.id"] == "s"


def test_what_is_imported_after_the_end_is_left_alone_until_the_next_time(
    not_yet_imported: None, openai_client: Any, spans: Any
) -> None:
    observe(openai_client, Provider.OPENAI)
    PATCHES.keep = False
    PATCHES.release()

    resource = embeddings(openai_client)
    with pytest.raises(TypeError, match="pulse_session_id"):
        resource.create(input="x", model="m", pulse_session_id="s")
    observe(openai_client, Provider.OPENAI)
    resource.create(input="x", model="m", pulse_session_id="s")

    (span,) = spans.get_finished_spans()
    assert span.attributes["session.id"] == "s"


class Things:
    def create(self) -> None: ...


class AsyncThings: ...


def test_methods_of_an_sdk_whose_requests_we_do_not_see_are_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its clients have no `request`."""
    row = dataclasses.replace(CHAT, methods=(f"{__name__}:Things.create",))
    patches = Patches("things", Endpoints([row]))

    patches.install([Things])

    assert "this things version sends its calls in a way that we do not know" in caplog.text
    assert not is_ours(vars(Things)["create"])


SLOW = """
import sys
gate = sys.modules["tests.instrumentation.test_patching"].gate
gate["importing"].set()
assert gate["go on"].wait(10)
class Things:
    def create(self): ...
class AsyncThings: ...
"""
gate = {"importing": threading.Event(), "go on": threading.Event()}


def test_a_module_that_another_thread_is_importing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a module has no classes yet; and neither thread may wait for the other for ever."""
    (tmp_path / "slow_things.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    row = dataclasses.replace(CHAT, methods=("slow_things:Things.create",))
    patches = Patches("things", Endpoints([row]))
    importing = threading.Thread(target=importlib.import_module, args=("slow_things",))
    importing.start()
    assert gate["importing"].wait(10)
    installing = threading.Thread(target=patches.install, args=([openai.OpenAI],))
    installing.start()
    installing.join(0.05)
    gate["go on"].set()
    installing.join(10)
    importing.join(10)

    try:
        assert not installing.is_alive()
        assert is_ours(vars(sys.modules["slow_things"].Things)["create"])
    finally:
        patches.release()
        monkeypatch.delitem(sys.modules, "slow_things")
