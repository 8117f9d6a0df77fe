"""The `redact` function gets every text before it leaves the process; its errors are harmless."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import pulse_otel
import pulse_otel.log
from pulse_otel import Provider, observe
from pulse_otel.config import load_config
from pulse_otel.export.records.redaction import REDACTION_FAILED, Redaction
from pulse_otel.export.spool.batch import dump
from pulse_otel.settings import ConfigError
from tests.conftest import KEY, Service
from tests.export.sending import records

SECRET = "Jane Doe"


def mask(text: str) -> str:
    return text.replace(SECRET, "[name]")


def call(client: Any) -> None:
    client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": f"You talk to {SECRET}."},
            {"role": "user", "content": [{"type": "text", "text": f"I am {SECRET}!"}]},
        ],
        user=f"user {SECRET}",
        pulse_session_id=f"session of {SECRET}",
        pulse_metadata={"who": SECRET, "deep": {"list": [SECRET]}},
    )


def test_no_text_leaves_without_it(service: Service, openai_client: Any) -> None:
    threads: set[threading.Thread] = set()
    seen: list[str] = []

    def redact(text: str) -> str:
        threads.add(threading.current_thread())
        seen.append(text)
        return mask(text)

    pulse_otel.init_pulse({"api_key": KEY, "api_url": service.url, "redact": redact})
    call(observe(openai_client, Provider.OPENAI))
    assert pulse_otel.flush_buffer(10) is True
    pulse_otel.shutdown()

    (trace,) = service.traces(1)
    text = json.dumps(trace)
    assert SECRET not in text
    assert "I am [name]!" in text
    assert trace["sessionId"] == "session of [name]"
    assert trace["metadata"]["deep"] == {"list": ["[name]"]}
    assert any(SECRET in one for one in seen)
    assert threading.current_thread() not in threads
    assert pulse_otel.stats().redaction_failures == 0


def test_no_kind_of_value_gets_by() -> None:
    secret = SECRET.encode()
    (record,) = records(
        1,
        scope=f"app of {SECRET}",
        operation=SECRET,
        attributes={"a": secret, "b": [secret], "c": {"d": memoryview(secret)}},
        error={"message": SECRET, "more": secret},
        metadata={"b": secret},
    )

    redacted = Redaction(mask)(record)

    assert SECRET not in repr(redacted)
    assert secret not in dump(redacted)
    assert redacted.attributes["a"] == "[8 bytes]"
    assert redacted.scope == "app of [name]"


def test_no_text_gets_to_disk_without_it(openai_client: Any, tmp_path: Path) -> None:
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": "http://127.0.0.1:9", "redact": mask},
        spool_dir=str(tmp_path),
    )
    call(observe(openai_client, Provider.OPENAI))
    pulse_otel.shutdown(3)

    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET not in file.read_text()
    assert "I am [name]!" in file.read_text()


@pytest.mark.parametrize("failure", ["raises", "no text", "endless"])
def test_what_it_fails_at_is_left_out_counted_and_said_once(
    service: Service, openai_client: Any, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    def redact(text: str) -> Any:
        if SECRET not in text:
            return text
        if failure == "raises":
            raise ValueError(text)
        return None if failure == "no text" else redact(text)

    with caplog.at_level(logging.WARNING, "pulse_otel"):
        pulse_otel.init_pulse({"api_key": KEY, "api_url": service.url, "redact": redact})
        call(observe(openai_client, Provider.OPENAI))
        assert pulse_otel.flush_buffer(20) is True

    (trace,) = service.traces(1)
    assert SECRET not in json.dumps(trace)
    assert REDACTION_FAILED in json.dumps(trace)
    assert trace["modelRequested"] == "gpt-4o-mini"
    assert pulse_otel.stats().redaction_failures > 3
    said = [line.getMessage() for line in caplog.records if "redact" in line.getMessage()]
    assert len(said) == 1
    assert SECRET not in caplog.text
    pulse_otel.shutdown()


def test_what_keeps_records_apart_is_not_shown_to_it() -> None:
    (record,) = records(1)
    redacted = Redaction(lambda text: "x")(record)

    assert redacted.trace_id == record.trace_id
    assert redacted.span_id == record.span_id
    assert redacted.kind == record.kind
    assert redacted.usage == record.usage
    assert redacted.model == "x"


def test_numbers_are_shown_to_it_as_text() -> None:
    """A card's number may be a number in the JSON of a tool's arguments."""
    card = 4111111111111111
    arguments = {"card": card, "amount": 12.5, "n": [card, 3, True, None], "huge": 10**5000}
    (record,) = records(1, tool_input=arguments, metadata={"card": float(card)})

    redacted = Redaction(lambda text: re.sub(r"\d{16}", "[card]", text))(record)

    assert redacted.tool_input == {**arguments, "card": "[card]", "n": ["[card]", 3, True, None]}
    assert redacted.metadata == {"card": "[card].0"}
    assert (redacted.start_ns, redacted.end_ns) == (record.start_ns, record.end_ns)


def test_what_it_raises_for_a_number_leaves_the_number_out() -> None:
    def redact(text: str) -> str:
        raise ValueError(text)

    (record,) = records(1, metadata={"card": 4111111111111111})
    redaction = Redaction(redact)

    assert redaction(record).metadata == {"card": REDACTION_FAILED}
    assert redaction.failures > 0


def test_a_function_may_be_named_in_the_environment() -> None:
    config = load_config(environ={"PULSE_REDACT": f"{__name__}:mask"})
    assert config.redact is mask
    for wrong in ("nowhere:mask", f"{__name__}:nothing", f"{__name__}:SECRET", "no colon", ":"):
        with pytest.raises(ConfigError, match="redact: expected a function"):
            load_config(environ={"PULSE_REDACT": wrong})
    with pytest.raises(ConfigError, match="spool_dir: expected the path"):
        load_config({"spool_dir": 5})


@pytest.mark.parametrize("fails", ["raise KeyError", "raise SystemExit(3)", "x = (", "mask = 5"])
def test_a_module_that_cannot_be_imported_is_a_wrong_setting(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also without code: an exporter that raises takes the whole OpenTelemetry set-up down."""
    (tmp_path / "theirs.py").write_text(fails)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    monkeypatch.setenv("PULSE_REDACT", "theirs:mask")

    with pytest.raises(ConfigError, match=r"redact: .* \(from PULSE_REDACT\)"):
        pulse_otel.init_pulse(api_key=KEY)
    assert pulse_otel.PulseSpanExporter(KEY).force_flush() is True
    assert "nothing is exported: redact: expected a function" in caplog.text
