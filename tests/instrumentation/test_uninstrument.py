"""Instrument, observe and uninstrument in any order: who is recorded, and what the SDK is then.

After `uninstrument` the SDK's classes hold the SDK's own functions again, and wrappers that
were taken from them before do nothing; unless there is an observed client, which stays one.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
import wrapt
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor, observe
from pulse_otel.instrumentation.anthropic import endpoints as anthropic_endpoints
from pulse_otel.instrumentation.openai import endpoints as openai_endpoints
from tests.conftest import KEY, MESSAGES
from tests.exchange import connect
from tests.instrumentation.patched import is_ours
from tests.reply_strategies import WHOLE
from tests.usual_exchanges import answer

SDKS: dict[str, Any] = {
    "openai": (openai.OpenAI, OpenAIInstrumentor, openai_endpoints),
    "anthropic": (anthropic.Anthropic, AnthropicInstrumentor, anthropic_endpoints),
}
ARGUMENTS = {"model": "m", "max_tokens": 5, "messages": MESSAGES}
PARAMETER = {"pulse_session_id": "s"}
BOTH_SDKS = pytest.mark.parametrize("sdk", list(SDKS))


def memory() -> tuple[TracerProvider, InMemorySpanExporter]:
    provider, spans = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider, spans


class Process:
    """A process in which one SDK is used by two clients, one of which can become observed."""

    def __init__(self, sdk: str) -> None:
        make, instrumentor, self.endpoints = SDKS[sdk]
        self.sdk = sdk
        self.instrumentor = instrumentor()
        self.provider, self.instrumented_spans = memory()
        observed_provider, self.observed_spans = memory()
        pulse_otel.init_pulse(
            api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=observed_provider
        )
        (self.client, wire), (self.other, other_wire) = connect(make), connect(make)
        wire.script = other_wire.script = answer(WHOLE[sdk])
        self.instrumented = self.observed = False
        self.kept: list[tuple[Any, bool]] = []  # a method held by the user, whether a raw one

    def step(self, name: str) -> None:
        if name == "instrument" and not self.instrumented:
            self.instrumentor.instrument(tracer_provider=self.provider)
            self.instrumented = True
        elif name == "uninstrument" and self.instrumented:
            self.instrumentor.uninstrument()
            self.instrumented = False
        elif name == "observe":
            observe(self.client, self.sdk)
            self.observed = True

    def methods(self, client: Any) -> list[Any]:
        resource = client.chat.completions if self.sdk == "openai" else client.messages
        return [resource.create, resource.with_raw_response.create]

    def hold(self) -> None:
        """The user keeps methods of this moment."""
        self.kept += [(method, False) for method in self.methods(self.client)]
        self.kept += [(method, True) for method in self.methods(self.other)]

    def check(self) -> None:
        """Each call, by a method of now or of any time before, is recorded once or not at all."""
        now = [(method, False) for method in self.methods(self.client)]
        now += [(method, True) for method in self.methods(self.other)]
        for method, is_other in now + self.kept:
            observed = self.observed and not is_other
            method(**ARGUMENTS)
            assert len(self.observed_spans.get_finished_spans()) == observed
            assert len(self.instrumented_spans.get_finished_spans()) == (
                self.instrumented and not observed
            )
            self.observed_spans.clear()
            self.instrumented_spans.clear()

    def wrapped(self) -> list[str]:
        """The SDK's functions that are not its own at the moment."""
        module = type(self.client).__module__.partition(".")[0]
        found = [
            (importlib.import_module(f"{module}._base_client"), name)
            for name in ("SyncAPIClient", "AsyncAPIClient", "BaseClient")
        ]
        owners = [getattr(owner, name) for owner, name in found]
        owners += [found[0][0], *type(self.client).__mro__]
        owners += [owner for owner, _ in listed(self.endpoints.ENDPOINTS)]
        return [
            f"{owner.__name__}.{name}"
            for owner in owners
            for name, value in vars(owner).items()
            if is_ours(value)
        ]


def listed(endpoints: Any) -> Iterator[tuple[Any, str]]:
    """The classes and methods in an endpoint table that this version of the SDK has."""
    for row in endpoints.rows:
        for method in row.methods:
            module, _, rest = method.partition(":")
            owner, _, name = rest.partition(".")
            for prefix in ("", "Async"):
                try:
                    found = getattr(importlib.import_module(module), prefix + owner, None)
                except ImportError:
                    continue
                if found is not None and name in vars(found):
                    yield found, name


@pytest.fixture
def process(sdk: str) -> Iterator[Process]:
    """As if nobody had observed or instrumented anything before; afterwards it is as it was."""
    patches = SDKS[sdk][2].PATCHES
    kept, active = patches.keep, patches.active
    patches.keep = False
    patches.release()
    made = Process(sdk)
    assert made.wrapped() == []
    yield made
    made.step("uninstrument")
    patches.keep = False
    patches.release()
    assert made.wrapped() == []
    if active:
        SDKS[sdk][2].install()
    patches.keep = kept
    made.client.close()
    made.other.close()
    pulse_otel.shutdown(0)


STEPS = ("instrument", "observe", "uninstrument")
LONGER = (
    ("instrument", "uninstrument") * 3,
    ("instrument", "instrument", "uninstrument", "uninstrument", "instrument", "uninstrument"),
    ("instrument", "uninstrument", "observe", "instrument", "uninstrument", "observe"),
)


# Those in which each step comes once, and all others.
SHORT = [
    steps if len(set(steps)) == 3 else pytest.param(steps, marks=pytest.mark.long)
    for steps in itertools.product(STEPS, repeat=3)
]


@BOTH_SDKS
@pytest.mark.parametrize("steps", [*SHORT, *LONGER], ids="-".join)
def test_any_order(sdk: str, steps: tuple[str, ...], process: Process) -> None:
    process.hold()
    for step in steps:
        process.step(step)
        process.check()
        if not process.instrumented and not process.observed:
            assert process.wrapped() == []
        process.hold()


@BOTH_SDKS
def test_a_wrapper_held_by_the_user_is_the_sdks_method_again(sdk: str, process: Process) -> None:
    process.step("instrument")
    create, raw = process.methods(process.client)
    create(**ARGUMENTS, **PARAMETER)
    process.step("uninstrument")

    for method in (create, raw, *process.methods(process.client)):
        with pytest.raises(TypeError, match="pulse_session_id"):
            method(**ARGUMENTS, **PARAMETER)


@BOTH_SDKS
def test_somebody_elses_wrapper_around_ours_stays(sdk: str, process: Process) -> None:
    process.step("instrument")
    base = next(owner for owner in type(process.client).__mro__ if "request" in vars(owner))
    seen: list[str] = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append("theirs")
        return wrapped(*args, **kwargs)

    ours = vars(base)["request"]
    base.request = wrapt.FunctionWrapper(ours, theirs)
    try:
        process.step("uninstrument")
        process.check()
        process.step("instrument")
        process.check()
    finally:
        base.request = ours
    assert seen == ["theirs"] * 8


@BOTH_SDKS
@pytest.mark.parametrize("outer", ["theirs", "ours"])
def test_another_instrumentation_may_come_and_go(sdk: str, outer: str, process: Process) -> None:
    """It wraps with `wrapt`, as OpenTelemetry's do, and takes off its wrapper by their `unwrap`."""
    owner = type(process.methods(process.client)[0].__self__)
    seen: list[str] = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append("theirs")
        return wrapped(*args, **kwargs)

    bare = vars(owner)["create"]
    for one in ("ours", "theirs") if outer == "theirs" else ("theirs", "ours"):
        if one == "ours":
            process.step("instrument")
        else:
            wrapt.wrap_function_wrapper(owner, "create", theirs)
    process.check()
    unwrap(owner, "create")  # finds theirs only where it is the outer one
    kept = vars(owner)["create"]
    process.check()
    process.step("uninstrument")
    process.check()
    left = vars(owner)["create"]
    owner.create = bare

    assert seen
    assert is_ours(kept)
    assert (left is bare) is (outer == "theirs")


@BOTH_SDKS
def test_a_held_function_pickles_again_when_it_is_back_in_its_place(
    sdk: str, process: Process
) -> None:
    owner = type(process.methods(process.client)[0].__self__)
    process.step("instrument")
    held = owner.create
    process.step("uninstrument")
    process.step("instrument")

    assert pickle.loads(pickle.dumps(held)) is held
    assert vars(type(process.client))["copy"] is vars(type(process.client))["with_options"]


@BOTH_SDKS
def test_a_patched_method_looks_like_the_sdks(sdk: str, process: Process) -> None:
    methods = list(listed(process.endpoints.ENDPOINTS))
    before = [described(vars(owner)[name]) for owner, name in methods]
    process.step("instrument")

    assert len(methods) >= 8
    if sdk == "openai":  # which imports its modules at first use: then a class is patched at once
        rows = process.endpoints.ENDPOINTS.rows
        named = {method.partition(":")[0] for row in rows for method in row.methods}
        assert {owner.__module__ for owner, _ in methods} <= named
    assert all(is_ours(vars(owner)[name]) for owner, name in methods)
    assert [described(vars(owner)[name]) for owner, name in methods] == before
    for owner, name in methods:
        assert described(getattr(owner, name)) == described(vars(owner)[name].__wrapped__)


def described(method: Any) -> tuple[Any, ...]:
    return (
        inspect.signature(method),
        inspect.iscoroutinefunction(method),
        inspect.getdoc(method),
        method.__name__,
        method.__qualname__,
        method.__module__,
        callable(method),
    )


@BOTH_SDKS
def test_a_bound_method_looks_like_the_sdks(sdk: str, process: Process) -> None:
    before = [described(method) for method in process.methods(process.client)]
    process.step("instrument")
    fresh = connect(type(process.client))[0]

    assert [described(method) for method in process.methods(fresh)] == before
    fresh.close()


@BOTH_SDKS
def test_a_request_changed_after_the_call_is_recorded_as_it_was(sdk: str, process: Process) -> None:
    process.step("observe")
    part = {"type": "text", "text": "as it was"}
    given = {**ARGUMENTS, "messages": [{"role": "user", "content": [part]}]}
    metadata = {"key": ["as it was"]}
    create, _ = process.methods(process.client)
    extra = {"pulse_metadata": metadata}

    stream = create(**given, **extra, stream=True)
    part["text"] = metadata["key"][0] = "changed"
    given["messages"].append("changed")
    given["model"] = "changed"
    list(stream)
    stream.close()

    (span,) = process.observed_spans.get_finished_spans()
    recorded = repr(dict(span.attributes))
    assert "as it was" in recorded
    assert "changed" not in recorded
    assert extra == {"pulse_metadata": {"key": ["changed"]}}
