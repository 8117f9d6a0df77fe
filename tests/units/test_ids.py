"""The ids of the current trace and of the last call, and the address of a trace's page."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
from pulse_otel import RecordedCall, current_trace_id, last_call, observe, trace, trace_url
from tests.conftest import MESSAGES, RunPython

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}


def _ids(span: Any) -> RecordedCall:
    return RecordedCall(f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")


@pytest.fixture
def call(openai_client: Any, spans: Any) -> Any:
    """Makes a recorded call, and returns the ids of its span."""
    observe(openai_client, "openai")

    def make(**more: Any) -> RecordedCall:
        openai_client.chat.completions.create(**GPT, **more)
        return _ids(spans.get_finished_spans()[-1])

    return make


def test_the_current_trace_has_an_id_inside_of_a_unit_alone(spans: Any) -> None:
    assert current_trace_id() is None
    with trace("work") as unit:
        assert current_trace_id() == unit.trace_id
    assert current_trace_id() is None
    assert unit.trace_id == _ids(spans.get_finished_spans()[0]).trace_id


def test_the_current_trace_is_that_of_any_other_libraries_span_too() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("theirs")
    with tracer.start_as_current_span("request") as span:
        assert current_trace_id() == f"{span.get_span_context().trace_id:032x}"


def test_the_last_call_is_known_after_it_returned(call: Any) -> None:
    first = call()
    assert last_call() == first

    with trace("work") as unit:
        second = call()
    assert last_call() == second
    assert second.trace_id == unit.trace_id


def test_a_call_that_failed_is_the_last_one_too(
    openai_client: Any, provider: Any, spans: Any
) -> None:
    from pulse_otel.local.provider.replies import Reply

    observe(openai_client, "openai")
    provider.enqueue(Reply(status=400, body=b"{}"))
    with pytest.raises(Exception, match="400"):
        openai_client.chat.completions.create(**GPT)

    assert last_call() == _ids(spans.get_finished_spans()[-1])


def test_a_call_that_is_not_recorded_changes_nothing(call: Any, clients: Any) -> None:
    recorded = call()
    clients.openai().chat.completions.create(**GPT)

    assert last_call() == recorded


def test_each_task_and_thread_has_a_last_call_of_its_own(call: Any) -> None:
    first = call()
    seen: dict[str, Any] = {}

    async def ask(name: str) -> None:
        seen[f"{name} before"] = last_call()
        made = call()
        await asyncio.sleep(0)
        seen[name] = last_call() == made

    async def both() -> None:
        await asyncio.gather(ask("a"), ask("b"))
        seen["around"] = last_call()

    asyncio.run(both())
    thread = threading.Thread(
        target=contextvars.Context().run, args=(lambda: seen.update(thread=last_call()),)
    )
    thread.start()
    thread.join()

    assert seen == {
        "a before": first,
        "b before": first,
        "a": True,
        "b": True,
        "around": first,
        "thread": None,
    }


def test_a_trace_has_an_address_at_the_service(call: Any, spans: Any) -> None:
    base = "http://127.0.0.1:9/dashboard/traces"
    made = call()
    assert trace_url() == trace_url(made) == f"{base}/{made.trace_id}"
    with trace("work") as unit:
        assert trace_url() == f"{base}/{unit.trace_id}"
    assert trace_url("a" * 32) == f"{base}/{'a' * 32}"
    assert trace_url("../x?y") == f"{base}/..%2Fx%3Fy"


def test_without_anything_set_up_there_are_no_ids(run_python: RunPython) -> None:
    done = run_python(
        "import pulse_otel as p\n"
        "with p.trace('work') as unit:\n"
        "    print(p.current_trace_id(), p.last_call(), p.trace_url(), unit.trace_id, unit.span_id)"
    )

    assert (done.stdout, done.stderr) == ("None None None None None\n", "")


def test_the_address_is_that_of_the_legacy_form_where_it_is_configured(
    call: Any, spans: Any
) -> None:
    made = call()
    pulse_otel.init_pulse(
        {"api_key": "pulse_sk_x", "api_url": "http://127.0.0.1:9/p/"}, protocol="traces"
    )

    address = trace_url()

    assert address is not None
    assert address == trace_url(made)
    assert made.trace_id not in address
    assert address.startswith("http://127.0.0.1:9/p/dashboard/traces/")
    assert trace_url(made.trace_id) is None


def test_an_address_of_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match=r"trace_url: expected a trace id or a last_call\(\)"):
        pulse_otel.trace_url(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
