"""Settings: every wrong one is named at once, and no message holds the key."""

from __future__ import annotations

import json
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.config import ApiKey, Config, load_config
from pulse_otel.export.transport.http import Transport
from pulse_otel.settings import ConfigError

SECRET = "pulse_sk_very_secret_value"


@pytest.mark.row("K2")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"api_key": "sk-other"}, "api_key: expected a string that starts with 'pulse_sk_'"),
        ({"api_key": 5}, "api_key: expected a string"),
        ({"api_key": f"Bearer {SECRET}"}, "api_key: expected the key alone: leave out 'Bearer'"),
        ({"project": "x"}, "unknown configuration 'project'. Valid keys: api_key, "),
        ({"api_key": SECRET + "\nX: y"}, "printable ASCII without spaces or line breaks"),
        ({"api_url": "localhost:3000"}, "with a host; did you mean http://localhost:3000?"),
        ({"api_url": "127.0.0.1:3000/"}, "with a host; did you mean http://127.0.0.1:3000?"),
        ({"api_url": "pulse.example.com"}, "with a host; did you mean https://pulse.example.com?"),
        ({"api_base": "https://pulse.example.com"}, "'api_base'. Did you mean 'api_url'?"),
        ({"endpoint": "https://pulse.example.com"}, "'endpoint'. Did you mean 'api_url'?"),
        ({"host": "https://pulse.example.com"}, "'host'. Did you mean 'api_url'?"),
        ({"secret_key": SECRET}, "'secret_key'. Did you mean 'api_key'?"),
        (
            {"redact": "hidden"},
            'redact: expected a function of one text, or "module:function"; got a text',
        ),
        ({"api_url": "http://user:pw@host"}, "api_url: expected no user name or password"),
        ({"batch_size": 0}, "batch_size: expected an integer from 1 to 100, got 0"),
        ({"batch_size": 101}, "from 1 to 100, got 101"),
        ({"batch_size": True}, "got True"),
        ({"batch_size": "ten"}, "batch_size: expected an integer from 1 to 100, got 'ten'"),
        ({"batch_size": SECRET}, "batch_size: expected an integer from 1 to 100, got a key"),
        (
            {"flush_interval": 999},
            "flush_interval: expected an integer from 1000 to 3600000 (milliseconds), got 999",
        ),
        ({"sample_rate": 1.1}, "sample_rate: expected a number from 0 to 1, got 1.1"),
        ({"sample_rate": -0.1}, "sample_rate: expected a number from 0 to 1, got -0.1"),
        ({"sample_rate": "10%"}, "sample_rate: expected a number from 0 to 1, got '10%'"),
        ({"sample_rate": "nan"}, "sample_rate: expected a number from 0 to 1, got 'nan'"),
        ({"sample_rate": True}, "sample_rate: expected a number from 0 to 1, got True"),
        ({"sample_rate": SECRET}, "sample_rate: expected a number from 0 to 1, got a key"),
        ({"keep_errors": "some"}, "keep_errors: expected True or False, got 'some'"),
        ({"enabled": "maybe"}, "enabled: expected True or False, got 'maybe'"),
        ({"service_name": ""}, "service_name: expected a non-empty string"),
        ({"protocol": "grpc"}, "protocol: expected 'auto', 'otlp', 'traces' or 'collector'"),
        ({"prices": {"gpt-4o": {"inptu": 1}}}, "prices: 'gpt-4o': 'inptu': did you mean 'input'?"),
        ({"prices": {"m": {"input": -1, "output": 1}}}, "prices: 'm': input: expected a price"),
        ({"prices": {"m": {"input": True, "output": 1}}}, "prices: 'm': input: expected a price"),
        ({"prices": {"m": {"input": [[5, 1]], "output": 1}}}, "'m': input: expected [[0, price]"),
        ({"prices": {"m": {"input": float("nan"), "output": 1}}}, "'m': input: expected a price"),
        ({"prices": {"m": {"input": 1}}}, "prices: 'm': expected both 'input' and 'output'"),
        ({"prices": {"m": {"requests": 1}}}, "prices: 'm': expected 'input' and 'output', or"),
        ({"prices": {"m": 3}}, "prices: 'm': expected a mapping of units to US dollars"),
        ({"prices": {5: {"input": 1, "output": 1}}}, "prices: expected the names of models"),
        ({"prices": {"m": {"input": SECRET, "output": 1}}}, "prices: 'm': input: expected a price"),
        ({"prices": "no/such.json"}, "prices: expected a mapping, or the path of a JSON file"),
        ({"prices": 3}, "prices: expected a mapping, or the path of a JSON file"),
        ({"tracer_provider": object()}, "tracer_provider: expected an OpenTelemetry SDK"),
        ({"flush_intervall": 5000}, "Did you mean 'flush_interval'?"),
        ({"zzz": 1}, "Valid keys: api_key"),
    ],
)
def test_wrong_settings_are_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(given, environ={})

    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_prices_of_a_file_are_those_of_a_mapping(tmp_path: Path) -> None:
    prices = {"GPT-4o": {"input": [[0, 1], [1000, 2]], "output": 4, "web_searches": 10}}
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(prices))

    given = load_config({"prices": prices}, environ={}).prices

    assert given == {"gpt-4o": {"input": [(0, 1), (1000, 2)], "output": 4, "web_searches": 10}}
    assert load_config({"prices": file}, environ={}).prices == given
    assert load_config({}, environ={"PULSE_PRICES": str(file)}).prices == given


@pytest.mark.parametrize("text", ["[1]", "{", "\x00", "[" * 100_000])
def test_a_file_without_prices_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"^prices: expected .*PULSE_PRICES"):
        load_config({}, environ={"PULSE_PRICES": str(file)})


def test_defaults_and_order_of_sources() -> None:
    environ = {"PULSE_API_KEY": SECRET, "PULSE_BATCH_SIZE": "20", "PULSE_PROTOCOL": "otlp"}

    config = load_config({"batch_size": 30}, {"flush_interval": 2000}, environ)

    assert config.api_key is not None
    assert config.api_key.reveal() == SECRET
    assert (config.batch_size, config.flush_interval, config.protocol) == (30, 2000, "otlp")
    assert load_config({}, environ={}).api_url == "http://localhost:3000"


WRONG: dict[str, Any] = {
    "api_key": "your-key-here",
    "api_url": "<url>",
    "batch_size": "abc",
    "capture_content": "perhaps",
    "redact": "no.such.module:function",
    "tracer_provider": object(),
    "not_a_setting": 1,
}
WRONG_ENVIRON = {f"PULSE_{name.upper()}": str(value) for name, value in WRONG.items()}


@pytest.mark.parametrize(
    ("given", "overrides", "environ"),
    [
        ({**WRONG, "enabled": False}, None, WRONG_ENVIRON),
        (WRONG, {**WRONG, "enabled": "off"}, {"PULSE_ENABLED": "true"}),
        (WRONG, None, {**WRONG_ENVIRON, "PULSE_ENABLED": "false", "PULSE_SPOOLDIR": "/x"}),
        ("no dict", {"enabled": False}, {}),
        (["no dict"], None, {"PULSE_ENABLED": "0"}),
    ],
    ids=["config", "keyword", "environment", "no dict, keyword", "no dict, environment"],
)
def test_where_recording_is_disabled_nothing_else_is_checked(
    given: Any,
    overrides: dict[str, Any] | None,
    environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:

    assert load_config(given, overrides, environ) == Config(enabled=False)
    assert caplog.messages == []


def test_a_wrong_value_of_enabled_itself_is_named() -> None:
    with pytest.raises(ConfigError, match=r"enabled: expected True or False, got 'flase'"):
        load_config({"enabled": "flase"}, environ={"PULSE_ENABLED": "false"})
    with pytest.raises(ConfigError, match=r"enabled: .* \(from PULSE_ENABLED\)"):
        load_config(environ={"PULSE_ENABLED": "flase", "PULSE_API_KEY": "your-key-here"})
    with pytest.raises(ConfigError, match="api_key"):  # enabled wins over the environment
        load_config({"enabled": True, **WRONG}, environ={"PULSE_ENABLED": "false"})
    with pytest.raises(ConfigError, match="config: expected a dict, got str"):
        load_config("no dict", environ={})  # type: ignore[arg-type]


def test_a_wrong_variable_is_named_with_its_origin() -> None:
    with pytest.raises(ConfigError, match=r"batch_size: .* \(from PULSE_BATCH_SIZE\)"):
        load_config(environ={"PULSE_BATCH_SIZE": "many"})


def test_a_variable_that_is_nearly_a_setting_is_asked_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    load_config(environ={"PULSE_SPOOLDIR": "/x", "PULSE_SERVER": "unix:/x", "PULSE_COOKIE": "c"})

    assert caplog.messages == [
        "pulse-otel: PULSE_SPOOLDIR is not a setting; did you mean PULSE_SPOOL_DIR?"
    ]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("PULSE_URL", "PULSE_API_URL"),
        ("PULSE_ENDPOINT", "PULSE_API_URL"),
        ("PULSE_HOST", "PULSE_API_URL"),
        ("PULSE_KEY", "PULSE_API_KEY"),
        ("PULSE_SECRET_KEY", "PULSE_API_KEY"),
    ],
)
def test_a_variable_that_other_packages_have_is_answered_with_ours(
    variable: str, meant: str, caplog: pytest.LogCaptureFixture
) -> None:
    load_config(environ={variable: SECRET})

    assert caplog.messages == [f"pulse-otel: {variable} is not a setting; did you mean {meant}?"]


@pytest.mark.parametrize(
    ("key", "url", "told"),
    [
        ("pulse_sk_...", "https://pulse.example.com", True),
        ("pulse_sk_xxxx", "https://pulse.example.com", True),
        ("pulse_sk_...", "http://localhost:3000", False),
        (SECRET, "https://pulse.example.com", False),
    ],
)
def test_the_placeholder_of_the_documentation_is_told_at_once_but_to_a_service_of_ones_own(
    key: str, url: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Transport(url, ApiKey(key))

    assert any("api_key is the placeholder" in line for line in caplog.messages) is told


@pytest.mark.row("K1")
def test_the_key_masks_itself() -> None:
    config = load_config({"api_key": SECRET}, environ={})

    assert SECRET not in f"{config!r} {config.api_key} {config.api_key!r}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(config.api_key)


@pytest.mark.row("K5")
@pytest.mark.parametrize(
    "given",
    [
        {SECRET: True},
        {f"the key {SECRET}": True},
        {"protocol": SECRET},
        {"enabled": f"x{SECRET}"},
        {"stream_usage": [SECRET]},
        {"capture_content": f"{'x' * 25}{SECRET}"},  # what is cut must not show half of it
        {"protocol": "sk-proj-very_secret_value"},  # a provider's
    ],
    ids=repr,
)
def test_a_key_in_the_wrong_place_is_not_echoed(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(given, environ={})
    with pytest.raises(ConfigError, match="from PULSE_PROTOCOL") as of_environment:
        load_config(environ={"PULSE_PROTOCOL": SECRET})

    said = f"{caught.value} {of_environment.value}"
    assert "very" not in said
    assert "secret_value" not in said


@pytest.mark.row("K2")
def test_an_exit_by_a_signal_handler_ends_the_import_of_the_redact_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exit of the module itself is a wrong setting; a handler's ends the program."""
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    (tmp_path / "is_ended.py").write_text("import signal; signal.raise_signal(signal.SIGTERM)")
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
    try:
        with pytest.raises(ConfigError, match="its import failed"):
            load_config({"redact": "leaves:function"})
        with pytest.raises(SystemExit):
            load_config({"redact": "is_ended:function"})
    finally:
        signal.signal(signal.SIGTERM, before)
