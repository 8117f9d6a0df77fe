"""A traceback that shows variables, as rich, `pytest -l` and Sentry do, shows no key of ours."""

from __future__ import annotations

import io
import pickle
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests
from rich.console import Console
from rich.traceback import Traceback

import pulse_otel
from pulse_otel.config import ApiKey, Config, load_config
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.transport.http import Transport
from pulse_otel.given import Given

KEY = "pulse_sk_canary_0123456789"
OURS = str(Path(pulse_otel.__file__).parent)

pytestmark = pytest.mark.row("K1")


class Unreadable:
    """A path whose text cannot be had: the error is the program's own."""

    def __fspath__(self) -> str:
        raise LookupError("planted")


# Setting -> values that raise, whatever else is right.
WRONG: dict[str, list[Any]] = {
    "api_key": [f"{KEY}\nX: y", f"sk-{KEY}", 5],
    "api_url": ["localhost", "http://user:pw@host", f"http://host?{KEY}", 5],
    "batch_size": [0, "many", KEY],
    "flush_interval": [1, KEY],
    "enabled": ["maybe", KEY],
    "instrument": ["openai", KEY],
    "service_name": ["", [KEY]],
    "capture_content": ["perhaps", KEY],
    "max_content_bytes": [1, KEY],
    "stream_usage": ["seldom", KEY],
    "sample_rate": [2, KEY],
    "keep_errors": ["some", KEY],
    "protocol": ["grpc", KEY],
    "ca_file": ["/no/such/file", KEY, Unreadable()],
    "spool_dir": ["", f"{KEY}\0", Unreadable()],
    "redact": ["no.such.module:function", KEY, 5],
    "prices": [3, KEY, {"m": {"input": KEY, "output": 1}}, Unreadable()],
    "flush_on_sigterm": ["now", KEY],
    "tracer_provider": [object(), [KEY]],
    "not_a_setting": [1, KEY],
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


def shown(error: BaseException) -> str:
    """What a report prints of the variables of our functions, here and in causes and contexts."""
    found: list[str] = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None:
            continue
        pending += [one.__cause__, one.__context__]
        walk = list(traceback.walk_tb(one.__traceback__))
        ours = [pair for pair in walk if pair[0].f_code.co_filename.startswith(OURS)]
        assert ours
        summary = traceback.StackSummary.extract(iter(ours), capture_locals=True)
        found += summary.format()
        found += [_by_rich(frame) for frame, _ in ours]
        found.append(str(one))
    return "\n".join(found)


def _by_rich(frame: FrameType) -> str:
    """The variables as rich shows them: it looks inside of mappings, lists and dataclasses."""
    console = Console(file=io.StringIO(), width=1000)
    from rich.scope import render_scope

    console.print(render_scope(dict(frame.f_locals)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def as_argument(name: str, value: Any) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": "http://[::1]", name: value})


def as_keyword(name: str, value: Any) -> None:
    given: dict[str, Any] = {"api_key": KEY, name: value}
    pulse_otel.init_pulse({}, **given)


def with_key_in_environment(name: str, value: Any) -> None:
    pulse_otel.init_pulse(**{name: value})


def checked_alone(name: str, value: Any) -> None:
    load_config({"api_key": KEY, name: value})


@pytest.mark.parametrize("begin", [as_argument, as_keyword, with_key_in_environment, checked_alone])
@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda value: repr(value)[:20])
def test_a_wrong_setting_shows_no_key(
    begin: Callable[[str, Any], None], name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_API_KEY", KEY)
    with pytest.raises((ValueError, LookupError)) as caught:
        begin(name, value)

    assert "canary" not in shown(caught.value)


def test_every_setting_is_tried() -> None:
    assert set(Config._fields) == WRONG.keys() - {"not_a_setting"}


@pytest.mark.parametrize(
    "wrong", [None, "text", [KEY], KEY], ids=["missing", "text", "list", "key"]
)
def test_a_config_that_is_no_dict_shows_no_key(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULSE_API_KEY", raising=False)
    monkeypatch.setenv("PULSE_CANARY", KEY)
    with pytest.raises(pulse_otel.ConfigError) as caught:
        pulse_otel.init_pulse(wrong)

    assert "canary" not in shown(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"api_key": KEY},
        {"api_key": KEY, "ca_file": Unreadable()},
        {"api_key": KEY, "apikey": KEY, "spool_dir": Unreadable()},
        {"api_key": KEY, "redact": KEY.upper, "prices": Unreadable()},
        {"prices": Unreadable()},
    ],
    ids=lambda given: " ".join(given),
)
def test_an_exporter_that_fails_shows_no_key(
    given: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By arguments, or by the environment as with zero code."""

    def fails(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pulse_otel.export.exporter.add_exporter", fails)
    monkeypatch.setenv("PULSE_API_KEY", KEY)
    with pytest.raises((MemoryError, LookupError, TypeError)) as caught:
        PulseSpanExporter(**given)

    assert "canary" not in shown(caught.value)


class Lazy(dict[str, Any]):
    """Settings that are resolved when they are read."""

    def __getitem__(self, name: str) -> Any:
        if name == "service_name":
            raise LookupError("planted")
        return super().__getitem__(name)


class Uncounted(Lazy):
    """Settings whose number is resolved too, as `bool()` asks for it."""

    def __len__(self) -> int:
        raise LookupError("planted")


@pytest.mark.parametrize("kind", [Lazy, Uncounted])
@pytest.mark.parametrize("as_overrides", [True, False])
def test_settings_that_raise_when_they_are_read_show_no_key(
    kind: type[Lazy], as_overrides: bool
) -> None:
    given = kind(api_key=KEY, service_name="${SERVICE}")
    with pytest.raises(LookupError) as caught:
        if as_overrides:
            load_config({}, given)
        else:
            load_config(given)

    assert "canary" not in shown(caught.value)


def _start() -> None:
    settings: Any = {"api_key": KEY, "api_url": "http://[::1]", "spool_dir": "/nowhere"}
    pulse_otel.init_pulse(settings)


def _post() -> None:
    Transport("http://[::1]", ApiKey(KEY)).post("/", b"", 1e12)


@pytest.mark.parametrize(
    ("begin", "step"),
    [
        (_start, "pulse_otel.export.exporter.Delivery.start"),
        (_start, "pulse_otel.export.spool.spool.hashlib.pbkdf2_hmac"),
        (_start, "pulse_otel.pipeline._batch_processor"),
        (_start, "pulse_otel.pipeline.Recorder"),
        (_post, "pulse_otel.export.transport.http.Transport._authorize"),
    ],
)
def test_what_fails_after_the_settings_were_right_shows_no_key(
    begin: Callable[[], None], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(step, fails)
    with pytest.raises(MemoryError) as caught:
        begin()

    assert "canary" not in shown(caught.value)
    pulse_otel.shutdown(0)


def test_the_report_would_show_a_key() -> None:
    """The tests above can fail: rich, which prints whole tracebacks, shows this function's key."""
    secret = KEY
    with pytest.raises(pulse_otel.ConfigError) as caught:
        load_config({"api_key": secret, "batch_size": 0})

    console = Console(file=io.StringIO(), width=200)
    console.print(Traceback.from_exception(*caught._excinfo, show_locals=True))
    assert isinstance(console.file, io.StringIO)
    own, _, ours = console.file.getvalue().partition("pulse_otel/config.py")
    assert "canary" in own
    assert "checked" in ours
    assert "canary" not in ours


def test_nothing_that_holds_the_key_can_be_pickled() -> None:
    transport = Transport("http://[::1]", ApiKey(KEY))
    request = transport._authorize(requests.Request("POST", "http://[::1]").prepare())
    exporter = PulseSpanExporter(KEY, "http://[::1]")
    holders: list[Any] = [
        request.headers["Authorization"],
        request.headers,
        dict(request.headers),
        Given({"api_key": KEY}),
        Config(api_key=ApiKey(KEY)),
        transport,
        exporter,
        exporter._delivery,
    ]
    for holder in holders:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as caught:
                pickle.dumps(holder, protocol)
            assert "canary" not in str(caught.value)
    exporter.shutdown()
    transport.close()
