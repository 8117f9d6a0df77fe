"""Run the demo: make calls, ship their spans, read the traces back and check them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from pulse_otel.local.demo.calls import (
    ANTHROPIC,
    OPENAI,
    Clients,
    DemoCall,
    NothingToAnswer,
    calls_for,
)
from pulse_otel.local.demo.traces import (
    MadeCall,
    NotReadable,
    Trace,
    problems,
    read_traces,
    trace_table,
)
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import HOST, serving
from pulse_otel.printable import printable

_LOCAL_KEY: Final = "pulse_sk_demo"
_DEFAULT_API_URL: Final = "http://localhost:3000"
_KEY_VARIABLES: Final[Mapping[str, str]] = {
    OPENAI: "OPENAI_API_KEY",
    ANTHROPIC: "ANTHROPIC_API_KEY",
}
# The delay of a scripted reply, which gives the table realistic latencies.
_DELAY_S: Final = 0.15
_CHUNK_DELAY_S: Final = 0.02

_NEXT: Final = """\
Next: `pulse-otel serve%s` runs a service until you stop it. In your program:

    import pulse_otel
    pulse_otel.init_pulse(api_key="pulse_sk_local", instrument=True)  # to http://localhost:3000
"""

Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class _Endpoint:
    """The address and the key of a provider or of the trace service."""

    url: str | None
    key: str = dataclasses.field(repr=False)


def run_demo(*, live: bool, legacy: bool = False) -> int:
    """Run the demo; return 0 if all traces are correct, 1 if not, 2 if it cannot run.

    `live` calls the real providers; `legacy` starts a trace service of the legacy generation.
    """
    from pulse_otel import ConfigError

    out, notes = Console(highlight=False), Console(stderr=True, highlight=False)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_loopback_without_proxy())
        providers = _real_providers(notes) if live else _scripted_providers(stack)
        if not providers:
            notes.print("--live needs OPENAI_API_KEY or ANTHROPIC_API_KEY, or both.", markup=False)
            return 2
        try:
            service = _service(stack, live=live, legacy=legacy)
        except _NoService as error:
            notes.print(str(error), markup=False)
            return 2
        say = stack.enter_context(_progress(notes))
        run = f"demo-{secrets.token_hex(4)}"
        try:
            made = _record(run, providers, service, say, priced=not live)
            say("Reading the traces back")
            # A failed call is reported as such, so its trace is not awaited.
            awaited = {one.call.key for one in made if one.failure is None}
            traces = read_traces(service.url or "", service.key, run, awaited)
        except ConfigError as error:
            notes.print(str(error), style="red", markup=False)
            return 2
        except NotReadable as error:
            notes.print(printable(str(error)), style="red", markup=False)
            return 1
    return _report(out, made, traces, legacy=legacy)


def _real_providers(notes: Console) -> dict[str, _Endpoint]:
    providers: dict[str, _Endpoint] = {}
    for provider, variable in _KEY_VARIABLES.items():
        key = os.environ.get(variable)
        if key:
            providers[provider] = _Endpoint(None, key)
        else:
            notes.print(f"{variable} is not set: calls to {provider} are skipped.", markup=False)
    return providers


def _scripted_providers(stack: contextlib.ExitStack) -> dict[str, _Endpoint]:
    scripted = ScriptedProvider(delay_s=_DELAY_S, chunk_delay_s=_CHUNK_DELAY_S)
    provider = stack.enter_context(scripted)
    return {
        OPENAI: _Endpoint(provider.openai_url, "scripted"),
        ANTHROPIC: _Endpoint(provider.anthropic_url, "scripted"),
    }


class _NoService(Exception):
    """No trace service can be used with these options; the message says why."""


def _service(stack: contextlib.ExitStack, *, live: bool, legacy: bool) -> _Endpoint:
    """Return the user's Pulse if a live run names one, else start one."""
    key, url = os.environ.get("PULSE_API_KEY"), os.environ.get("PULSE_API_URL")
    if not live or not (key or url):
        app = create_legacy_app() if legacy else create_app()
        return _Endpoint(stack.enter_context(serving(app)), _LOCAL_KEY)
    if legacy:
        raise _NoService(
            "--legacy starts a trace service, but PULSE_API_KEY or PULSE_API_URL names yours:"
            " unset them, or leave out --legacy; the exporter detects the form of yours."
        )
    if os.environ.get("PULSE_PROTOCOL") == "collector":
        raise _NoService(
            "PULSE_PROTOCOL says that PULSE_API_URL names a Collector, from which no traces can"
            " be read: set both as for the service itself."
        )
    if not key:
        raise _NoService("PULSE_API_URL needs PULSE_API_KEY as well.")
    return _Endpoint((url or _DEFAULT_API_URL).rstrip("/"), key)


def _record(
    run: str,
    providers: Mapping[str, _Endpoint],
    service: _Endpoint,
    say: Progress,
    *,
    priced: bool,
) -> list[MadeCall]:
    """Make the calls as a program that uses this package does, and deliver their spans."""
    from pulse_otel import flush_buffer, init_pulse, shutdown

    init_pulse(
        {
            "api_key": service.key,
            "api_url": service.url or "",
            "service_name": "pulse-demo",
            # The user's environment may set these otherwise for their own programs.
            "enabled": True,
            "capture_content": True,
            "protocol": "auto",
        }
    )
    try:
        with contextlib.ExitStack() as stack:
            clients = _observed_clients(stack, providers)
            made: list[MadeCall] = []
            for call in calls_for(frozenset(providers)):
                say(f"Calling {call.provider}: {call.title}")
                made.append(_make(call, clients, run, priced=priced))
        say("Delivering the traces")
        flush_buffer()
        return made
    finally:
        shutdown()


def _observed_clients(stack: contextlib.ExitStack, providers: Mapping[str, _Endpoint]) -> Clients:
    from anthropic import Anthropic
    from openai import AsyncOpenAI, OpenAI

    from pulse_otel import Provider, observe

    clients = Clients()
    if OPENAI in providers:
        one = providers[OPENAI]
        client = stack.enter_context(OpenAI(api_key=one.key, base_url=one.url))
        clients.openai = observe(client, Provider.OPENAI)
        # The call that uses it closes it, in its event loop.
        clients.async_openai = observe(
            AsyncOpenAI(api_key=one.key, base_url=one.url), Provider.OPENAI
        )
    if ANTHROPIC in providers:
        other = providers[ANTHROPIC]
        claude = stack.enter_context(Anthropic(api_key=other.key, base_url=other.url))
        clients.anthropic = observe(claude, Provider.ANTHROPIC)
    return clients


def _make(call: DemoCall, clients: Clients, run: str, *, priced: bool) -> MadeCall:
    from anthropic import AnthropicError
    from openai import OpenAIError

    made = MadeCall(call, session_id=f"{run}-{call.session}", priced=priced)
    extra: dict[str, Any] = {
        "pulse_session_id": made.session_id,
        "pulse_metadata": {"demo_call": call.key, "demo_run": run},
    }
    try:
        answer = call.make(clients, extra)
    except (OpenAIError, AnthropicError, NothingToAnswer) as error:
        # The class only: a provider's message may quote a part of the key.
        failure = None if call.fails else f"the call failed: {type(error).__name__}"
        return dataclasses.replace(made, failure=failure)
    failure = "the call should have failed, but did not" if call.fails else None
    return dataclasses.replace(made, answer=answer, failure=failure)


def _report(
    out: Console, made: Sequence[MadeCall], traces: Mapping[str, Trace], *, legacy: bool
) -> int:
    wrong = {
        f"{one.call.key} ({one.call.provider})": found
        for one in made
        if (found := problems(one, traces.get(one.call.key)))
    }
    for line in trace_table(made, traces):
        out.print(Text(line), soft_wrap=True)  # a string would be searched for markup
    out.print()
    for name, found in wrong.items():
        for problem in found:
            out.print(printable(f"{name}: {problem}"), style="red", markup=False)
    if wrong:
        out.print(f"{len(wrong)} of {len(made)} traces are not correct.", style="bold red")
        return 1
    count = len({trace.get("traceId") or trace.get("id") for trace in traces.values()})
    verdict = f"{len(made)} calls made, read back as {count} traces, all correct."
    out.print(verdict, style="green")
    out.print()
    out.print(_NEXT % (" --legacy" if legacy else ""), markup=False, soft_wrap=True, end="")
    return 0


@contextlib.contextmanager
def _progress(notes: Console) -> Generator[Progress]:
    """Show progress: on a terminal in one line, elsewhere in a line per step."""
    if not notes.is_terminal:
        yield lambda line: notes.print(line, markup=False)
        return
    with notes.status("Starting") as status:
        yield lambda line: status.update(line)


@contextlib.contextmanager
def _loopback_without_proxy() -> Generator[None]:
    """Reach this machine directly even if a proxy is configured."""
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    hosts = [value for value in (before["no_proxy"] or before["NO_PROXY"], HOST) if value]
    os.environ.update(dict.fromkeys(before, ",".join(hosts)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
