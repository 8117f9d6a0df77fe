"""Live check: one real completion, recorded by Pulse, and its trace read back from the service.

uv run python tests/test_server.py openai
uv run python tests/test_server.py anthropic

Set PULSE_API_KEY and the provider's key (OPENAI_API_KEY or ANTHROPIC_API_KEY) before; the service
is at PULSE_API_URL, or else at http://localhost:3000. The call costs a fraction of a cent.
Exit code: 0 the service has the trace, 1 something failed, 2 a key or a package is missing.

This is a program, not a test: conftest.py keeps pytest away from it.
"""
# ruff: noqa: T201

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import requests

from pulse_otel import ConfigError, Provider, flush_buffer, init_pulse, observe

API_URL = (os.environ.get("PULSE_API_URL") or "http://localhost:3000").rstrip("/")
MESSAGES: Any = [{"role": "user", "content": "Say hello to Pulse in one short sentence."}]
READ_BACK_S = 20.0
NOT_READABLE = (requests.RequestException, ValueError, KeyError)


def ask_openai(session_id: str) -> str:
    """The answer of an OpenAI model."""
    from openai import OpenAI

    with OpenAI() as client:
        completion = observe(client, Provider.OPENAI).chat.completions.create(
            model="gpt-4o-mini", max_tokens=50, messages=MESSAGES, pulse_session_id=session_id
        )
    return str(completion.choices[0].message.content)


def ask_anthropic(session_id: str) -> str:
    """The answer of an Anthropic model."""
    from anthropic import Anthropic

    with Anthropic() as client:
        message = observe(client, Provider.ANTHROPIC).messages.create(
            model="claude-haiku-4-5", max_tokens=50, messages=MESSAGES, pulse_session_id=session_id
        )
    return "".join(block.text for block in message.content if block.type == "text")


# Provider -> the variable with its key, and how it is asked.
CHECKS: dict[str, tuple[str, Callable[[str], str]]] = {
    "openai": ("OPENAI_API_KEY", ask_openai),
    "anthropic": ("ANTHROPIC_API_KEY", ask_anthropic),
}


def main(arguments: Sequence[str]) -> int:
    """Say what is missing, or run the check; the exit code."""
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        print(f"Which provider? Run: python tests/test_server.py {'|'.join(CHECKS)}")
        return 2
    key, ask = CHECKS[arguments[0]]
    missing = [name for name in ("PULSE_API_KEY", key) if not os.environ.get(name)]
    if missing:
        print(f"Not set: {', '.join(missing)}. This check makes one real {arguments[0]} call")
        print(f"and sends its trace to {API_URL} (PULSE_API_URL).")
        return 2
    try:
        init_pulse(enabled=True, api_url=API_URL)
    except ConfigError as error:
        print(f"Pulse is not configured: {error}")
        return 2
    return check(ask)


def check(ask: Callable[[str], str]) -> int:
    """Make the call, send its trace, read it back, and say how each of these went."""
    session_id = str(uuid.uuid4())
    try:
        traces_of(session_id)  # a service that cannot be read is known before a call is paid for
    except NOT_READABLE as error:
        print(f"service: {API_URL} cannot be read, {type(error).__name__}: {error}")
        return 1
    try:
        answer = ask(session_id)
    except ImportError as error:
        print(f"call:    not made, {error}; install the provider's package")
        return 2
    except Exception as error:  # noqa: BLE001 # whatever the provider's SDK raises is the result
        print(f"call:    failed, {type(error).__name__}: {error}")
        return 1
    print(f"call:    {answer!r}")
    sent = flush_buffer()
    print(f"sent:    {'yes' if sent else f'no, {API_URL} did not accept it'}")
    if not sent:
        return 1
    trace = read_back(session_id)
    if trace is None:
        print(f"trace:   not at {API_URL} after {READ_BACK_S:.0f} s (session {session_id})")
        return 1
    print(f"trace:   {trace['traceId']}")
    print(f"tokens:  {trace.get('inputTokens')} in, {trace.get('outputTokens')} out")
    print(f"cost:    {trace.get('costCents')} cents")
    print(f"look at: {API_URL}/dashboard/traces/{trace['traceId']}")
    return 0


def read_back(session_id: str) -> dict[str, Any] | None:
    """The session's trace, once the service has stored it; None if it has not in time."""
    deadline = time.monotonic() + READ_BACK_S
    while time.monotonic() < deadline:
        with contextlib.suppress(*NOT_READABLE):
            traces = traces_of(session_id)
            if traces:
                return traces[0]
        time.sleep(0.5)
    return None


def traces_of(session_id: str) -> list[dict[str, Any]]:
    """What the service has of a session; raises one of NOT_READABLE if it does not say."""
    answer = requests.get(
        f"{API_URL}/v1/traces",
        params={"session_id": session_id},
        headers={"Authorization": f"Bearer {os.environ['PULSE_API_KEY']}"},
        timeout=10,
    )
    answer.raise_for_status()
    traces: list[dict[str, Any]] = answer.json()["traces"]
    return traces


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
