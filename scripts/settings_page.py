"""Write `docs/reference/settings.md` from the settings that the code defines and checks.

Run it from the checkout:

    python scripts/settings_page.py            # writes the page
    python scripts/settings_page.py --check    # exits 1 when the page is stale
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pulse_otel import PulseSpanExporter, config, pulse_config  # noqa: E402
from pulse_otel.instrumentation import instrumentor  # noqa: E402
from pulse_otel.settings import ConfigError  # noqa: E402
from scripts.written import write  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "settings.md"
# What the code works out where it is not given.
WORKED_OUT = {
    "capture_content": "True",
    "service_name": "the program's name",
    "tracer_provider": "the global one",
}
# Shown after the form that the check names.
BY_VARIABLE = {
    "prices": "In the variable, the path.",
    "redact": "In the variable, the latter.",
}
NO_VARIABLE = {"tracer_provider"}
NOT_WITH_ZERO_CODE = {"batch_size", "flush_interval"}

TEXT = """\
# Settings

Written by `scripts/settings_page.py` from the settings that the code defines and checks.

Each setting is a keyword of [`init_pulse`](api.md#pulse_otel.init_pulse), a key of the dict that it
takes, or a variable of the environment. A keyword wins over the dict, the dict over the variable,
the variable over the default. None, and an empty variable, count as not given.

```python
import pulse_otel

settings = {{"api_key": "pulse_sk_...", "api_url": "http://localhost:3000"}}
pulse_otel.init_pulse(settings, batch_size=20)
```

`init_pulse` raises `ConfigError` for a wrong value and for an unknown name. The message names the
setting, the variable it came from, and what was expected, and never shows a key.

{table}

In a variable, `1`, `true`, `yes` and `on` mean True; `0`, `false`, `no` and `off` mean False.
`pulse-otel doctor` checks the variables, and says which settings hold.

{sections}

## Variables of others

| variable | effect |
|---|---|
{others}
"""
OTHERS = {
    "OTEL_TRACES_EXPORTER": "`pulse`, or a list that has it: under `opentelemetry-instrument`, the"
    " traces go to Pulse",
    "OTEL_METRICS_EXPORTER": "`none` under `opentelemetry-instrument` if the traces go to Pulse and"
    " you choose nothing else; `OTEL_LOGS_EXPORTER` likewise",
    "OTEL_CONFIG_FILE": "a declarative configuration; in it, the key of our exporter is `pulse`",
    "OTEL_SERVICE_NAME": "names the service; `service_name` wins for a TracerProvider of ours",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "decides where `capture_content` is not"
    " given: `true`, `SPAN_ONLY` and `SPAN_AND_EVENT` record content; `false`, `EVENT_ONLY` and"
    " `NO_CONTENT` do not",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "`pulse-openai`, `pulse-anthropic`: not loaded by"
    " `opentelemetry-instrument`",
    "OTEL_SDK_DISABLED": "`true`: OpenTelemetry makes no spans, so that nothing is recorded",
    "HTTPS_PROXY": "the proxy to the service, like `HTTP_PROXY` and `NO_PROXY`",
    "REQUESTS_CA_BUNDLE": "a file of authorities to trust, like `CURL_CA_BUNDLE`; `ca_file` wins",
    "PULSE_STRICT": "`1`: an internal error is raised instead of logged; for tests of this package",
}


def meanings() -> dict[str, str]:
    """Return the docstring of each setting."""
    tree = ast.parse(inspect.getsource(pulse_config.PulseConfig)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for line, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(line, ast.AnnAssign) and isinstance(after, ast.Expr):
            found[ast.unparse(line.target)] = inspect.cleandoc(ast.literal_eval(after.value))
    return found


def expected(name: str) -> str:
    """Return what the check of a setting says that it expects."""
    try:
        config._CHECKS[name](object())
    except ConfigError as error:
        message = str(error)
    text = re.sub(r", got .*| that can be read .*", "", message.removeprefix(f"{name}: expected "))
    return re.sub(r"""(['"])([\w:]+)\1""", r"`\2`", text)


def default(name: str) -> str:
    """Return the default of a setting, as the pages show it."""
    value = config.Config._field_defaults[name]
    return WORKED_OUT.get(name, "" if value is None else f"`{value}`")


def variable(name: str) -> str:
    """Return the variable of a setting, if it has one."""
    return "" if name in NO_VARIABLE else f"`PULSE_{name.upper()}`"


def section(name: str, meaning: str) -> str:
    """Return the section about one setting."""
    takers = ["`init_pulse`"]
    if name in inspect.signature(PulseSpanExporter).parameters:
        takers.append("`PulseSpanExporter`")
    if name in (*instrumentor._OPTIONS, "tracer_provider"):
        takers.append("`instrument()` of the instrumentors")
    lines = [f"- Takes: {expected(name)}. {BY_VARIABLE.get(name, '')}".rstrip()]
    lines += [f"- Default: {default(name)}"] if default(name) else []
    lines += [f"- Variable: {variable(name)}"] if variable(name) else []
    lines += [f"- Argument of {', '.join(takers)}"]
    if name in NOT_WITH_ZERO_CODE:
        lines.append("- Without effect under `opentelemetry-instrument`, where `OTEL_BSP_*` decide")
    text = re.sub(r"``([^`]+)``", r"`\1`", meaning)
    return f"## `{name}`\n\n{text}\n\n" + "\n".join(lines)


def page() -> str:
    """Return the page as it should be."""
    known = meanings()
    missing = set(config._CHECKS) - set(known)
    assert not missing, f"without a docstring: {missing}"
    rows = ["| setting | default | takes |", "|---|---|---|"]
    rows += [f"| [`{name}`](#{name}) | {default(name)} | {expected(name)} |" for name in known]
    sections = [section(name, meaning) for name, meaning in known.items()]
    others = [f"| `{name}` | {effect} |" for name, effect in OTHERS.items()]
    return TEXT.format(
        table="\n".join(rows), sections="\n\n".join(sections), others="\n".join(others)
    )


if __name__ == "__main__":
    sys.exit(write(PAGE, page()))
