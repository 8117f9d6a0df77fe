"""What the first README promised, and no other test holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pulse_otel
from tests.conftest import KEY, MESSAGES, Service, towards
from tests.environments import Environment

GPT = {"model": "gpt-4o-mini", "messages": MESSAGES}
PROGRAMS = {
    "openai": """
from openai import OpenAI
from pulse_sdk import Provider, init_pulse, observe
init_pulse({})
with OpenAI() as client:
    observe(client, Provider.OPENAI).chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello Pulse"}],
        pulse_session_id="session-123", pulse_metadata={"feature": "chat"})
""",
    "anthropic": """
from anthropic import Anthropic
from pulse_sdk import Provider, init_pulse, observe
init_pulse({})
with Anthropic() as client:
    observe(client, Provider.ANTHROPIC).messages.create(
        model="claude-haiku-4-5", max_tokens=9,
        messages=[{"role": "user", "content": "Hello Pulse"}],
        pulse_session_id="session-123", pulse_metadata={"feature": "chat"})
""",
}


@pytest.mark.parametrize(("sdk", "other"), [("openai", "anthropic"), ("anthropic", "openai")])
def test_the_base_install_and_one_sdk_are_enough(
    sdk: str, other: str, provider: Any, service: Service, tmp_path: Path
) -> None:
    """Neither the other SDK nor anything of the extra `local` is installed."""
    environment = Environment(tmp_path / "venv", "pulse-otel", sdk)
    absent = [other, "starlette", "uvicorn", "jinja2", "click", "rich"]
    assert not [name for name in absent if (environment.packages / name).exists()]
    program = tmp_path / "app.py"
    program.write_text(PROGRAMS[sdk])

    done = environment.python(
        program,
        **towards(provider, service.url),
    )

    assert (done.returncode, done.stderr) == (0, "")
    (trace,) = service.traces(1)
    assert (trace["provider"], trace["sessionId"]) == (sdk, "session-123")
    assert trace["metadata"]["feature"] == "chat"


def test_the_default_interval_alone_delivers(pulse: Service, openai_client: Any) -> None:
    """One call, in a program that lives on and never flushes."""
    pulse_otel.observe(openai_client).chat.completions.create(**GPT)

    assert pulse_otel.stats().delivered == 0
    (trace,) = pulse.traces(1)
    assert trace["status"] == "success"


def test_a_shutdown_leaves_nothing_behind_and_recording_starts_again(
    pulse: Service, openai_client: Any
) -> None:
    client = pulse_otel.observe(openai_client)
    client.chat.completions.create(**GPT)

    assert pulse_otel.shutdown() is True
    stats = pulse_otel.stats()
    assert (stats.ended, stats.in_queue, stats.delivered) == (1, 0, 1)
    pulse.traces(1)

    client.chat.completions.create(**GPT)  # nothing records it
    pulse_otel.init_pulse({"api_key": KEY, "api_url": pulse.url})
    client.chat.completions.create(**GPT)
    assert pulse_otel.flush_buffer(10) is True
    pulse.traces(2)
