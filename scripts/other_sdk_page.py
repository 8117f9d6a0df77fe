"""The page that `other_sdks.py` writes."""

from __future__ import annotations

import re
from typing import Any

from other_sdk_cases import PROGRAMS, SDKS, OtherSdk

PAGE = """\
# Other SDKs: what Pulse shows of them

Written by `python scripts/other_sdks.py --markdown`. pulse-otel records `openai` and `anthropic`.
For other SDKs use an instrumentation of theirs: `PulseSpanExporter` reads its spans. The programs
in `examples/other_sdks` made real calls with the newest SDK that the instrumentation supports, to
scripted answers on loopback: a tool loop, a plain call, a stream.

```python
{pipeline}
```

Then add the lines of the instrumentation, listed below. Or write none of these lines: under
`opentelemetry-instrument`, with `OTEL_TRACES_EXPORTER=pulse`, every installed instrumentation loads
itself.

{lines}

## What arrives

A cell says how many records have the thing; bold marks what is missing. "records" are compared
with the calls that the SDK made, "tools" are spans of tools with input and output, "session" are
the spans with the session of `pulse_otel.session`. "zero code" compares the run under
`opentelemetry-instrument`.

{table}

- **google-genai**: where the SDK runs the tools itself (automatic function calling), both
  instrumentations make one record of the whole loop, with the tokens that the last answer states.
- **Bedrock**: OpenTelemetry's instrumentation writes messages as log records, which no span
  exporter sees. For models of Anthropic it counts only the input tokens that were not cached.
- **mcp**: the server's span is a tool without input and output; the client's is not a GenAI span.
  The tool span of the agent around it, ours or a framework's, has both. OpenLLMetry's
  instrumentation does not load with mcp 2.
- **cohere**: OpenLLMetry's instrumentation supports versions before 6.
"""
COLUMNS = ("messages", "answer", "finish", "tokens", "cost")


def page(results: dict[str, Any]) -> str:
    """Return docs/other-sdks.md."""
    text = (PROGRAMS / SDKS[0].file).read_text(encoding="utf-8")
    imports = re.findall(r"^(?:from opentelemetry(?!\.instr).*|import pulse_otel)$", text, re.M)
    setup = re.search(r"^# Pulse:.*\n((?:.+\n)+)", text, re.MULTILINE)
    made = setup[1].strip() if setup else ""
    return PAGE.format(
        pipeline="\n".join([*imports, "", made]),
        lines="\n\n".join(_lines(case) for case in SDKS),
        table=_table(results),
    )


def _lines(case: OtherSdk) -> str:
    exported = [f"export {name}={value}" for name, value in case.environ]
    quoted = " ".join(f'"{p}"' if "<" in p else p for p in case.packages)
    shell = "\n".join([f"pip install {quoted}", *exported])
    code = "" if case.lines.startswith("#") else f"\n\n```python\n{case.lines}\n```"
    return f"{case.name}, by {case.by}:\n\n```bash\n{shell}\n```{code}"


def _table(results: dict[str, Any]) -> str:
    head = ("SDK", "by", "records", "provider", *COLUMNS, "tools", "session", "zero code")
    rows = [_row(case, results.get(f"{case.name} / {case.by}")) for case in SDKS]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows])


def _row(case: OtherSdk, found: dict[str, Any] | None) -> str:
    if found is None or found["failed"]:
        said = "not run" if found is None else "the program failed"
        return f"| {case.name} | {case.by} | {said} |" + " |" * 9
    sdk, *others = found["versions"].items()
    by = f"{case.by} {others[0][1]}" if others else case.by
    cells = [
        f"{case.name} {sdk[1]}",
        by,
        _of(found["records"], found["calls"]),
        ", ".join(found["providers"]) or "-",
        *(_of(found[name], found["records"]) for name in COLUMNS),
        _of(found["tools_filled"], found["tools"]),
        _of(found["session"], found["spans"]),
        _same(found),
    ]
    return f"| {' | '.join(cells)} |"


def _same(found: dict[str, Any]) -> str:
    """Say whether a run without the lines has the same."""
    zero = found["zero"]
    differs = [name for name in zero if zero[name] != found[name]]
    return f"**{', '.join(differs)} differ**" if differs else "the same"


def _of(count: int, due: int) -> str:
    if not due and not count:
        return "-"
    return f"{count} of {due}" if count == due else f"**{count} of {due}**"
