"""Event loops that others made: uvloop's, one within another, eventlet's."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests import programs
from tests.conftest import KEY, RunPython, Service
from tests.faults import FaultServer
from tests.programs import count

EVENTLET = """
import eventlet
eventlet.monkey_patch()
{start}
def one(_):
    for _ in range(50):
        spans(1)
        eventlet.sleep(0)
threads = [eventlet.spawn(one, n) for n in range(20)]
for thread in threads:
    thread.wait()
assert pulse_otel.flush_buffer(20)
"""


@pytest.mark.row("P12")
@pytest.mark.skipif(importlib.util.find_spec("eventlet") is None, reason="no eventlet here")
def test_eventlet(server: FaultServer, run_python: RunPython) -> None:
    """Everything patched, before all else: 20 green threads, 1,000 spans."""
    done = run_python(
        EVENTLET.replace("{start}", programs.START),
        PULSE_API_KEY=KEY,
        PULSE_API_URL=server.url,
        PYTHONWARNINGS="ignore",
    )
    assert done.returncode == 0, done.stderr
    assert "Exception" not in done.stderr
    assert count(server) == 1010


LOOPS = """
import asyncio
import uvloop
from openai import AsyncOpenAI
from pulse_otel import Provider, flush_buffer, init_pulse, observe
init_pulse()

async def call(client):
    M = [dict(role="user", content="hi")]
    await client.chat.completions.create(model="m", messages=M)
    async for _ in await client.chat.completions.create(model="m", messages=M, stream=True):
        pass

async def many():
    async with AsyncOpenAI() as plain:
        client = observe(plain, Provider.OPENAI)
        await asyncio.gather(*[call(client) for _ in range(5)])

async def nested():
    await many()
    await asyncio.to_thread(asyncio.run, many())  # a loop within a loop's thread

for runner in (asyncio, uvloop):
    runner.run(nested())
assert flush_buffer(20)
"""


@pytest.mark.row("P12")
@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="no uvloop here")
def test_loops_within_loops(provider: Any, service: Service, run_python: RunPython) -> None:
    done = run_python(
        LOOPS,
        PULSE_API_KEY=KEY,
        PULSE_API_URL=service.url,
        OPENAI_API_KEY="k",
        OPENAI_BASE_URL=provider.openai_url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    service.traces(40)
