"""A program that turns recording off runs, whatever its other settings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.environments import Environment

APP = """
from openai import OpenAI
from pulse_otel import Provider, flush_buffer, init_pulse, observe
init_pulse({SETTINGS})
with OpenAI() as client:
    observe(client, Provider.OPENAI).chat.completions.create(
        model="gpt-4o-mini", messages=[dict(role="user", content="Hello")], pulse_session_id="s"
    )
assert flush_buffer(1)
"""
WRONG = {"PULSE_API_KEY": "your-key-here", "PULSE_API_URL": "<url>", "PULSE_BATCH_SIZE": "abc"}


@pytest.mark.parametrize(
    ("settings", "environ", "status"),
    [
        ("", {"PULSE_ENABLED": "false"}, 0),
        ("api_key='your-key-here', flush_interval=1", {"PULSE_ENABLED": "0"}, 0),
        ("enabled=False", {}, 0),
        ("", {"PULSE_ENABLED": "true"}, 1),
        ("", {"PULSE_ENABLED": "flase"}, 1),
    ],
)
def test_only_a_program_that_records_needs_right_settings(
    settings: str, environ: dict[str, str], status: int, provider: Any, tmp_path: Path
) -> None:
    """Zero code and `init_pulse` together."""
    program = tmp_path / "app.py"
    program.write_text(APP.replace("{SETTINGS}", settings))
    sdk = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": provider.openai_url}
    environment = Environment(tmp_path / "venv", "pulse-otel", "openai")

    done = environment.instrument(program, OTEL_TRACES_EXPORTER="pulse", **sdk, **WRONG, **environ)

    assert done.returncode == status, done.stderr
    assert ("ConfigError" in done.stderr) == bool(status)
    assert [b"pulse" in request.body for request in provider.requests] == [False] * (status == 0)
