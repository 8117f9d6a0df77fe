"""The page that `frameworks.py` writes."""

from __future__ import annotations

from typing import Any

from framework_cases import CASES, WAYS, Case
from framework_cell import PROVIDER_OF_OWN, setup_of
from framework_figures import Figures

PAGE = """\
# Frameworks: what Pulse has of a run

Written by `python scripts/frameworks.py --markdown`. Each framework's newest version ran in an
environment of its own, inside `pulse_otel.session(...)`, against a scripted provider: an agent
with a tool, a plain call, a stream, where the framework has them. The programs are those of
[examples/frameworks](../examples/frameworks). They ran in three ways:

- **ours alone**: `init_pulse` and our instrumentors, as the examples are.
- **zero code**: the same without these lines, under `opentelemetry-instrument`. It loads each
  instrumentation that is installed, so OpenInference's too where the table of versions names it.
- **own spans**: with the framework's own spans on, by its telemetry or by OpenInference.

A cell is what the service has, of what was to be there; bold is what is not as it should be.
"records" are LLM calls, of the answers that the provider gave; "trees" are spans without a parent,
of the runs (one each); "orphans" are those of them whose parent never came; "tools" each count
once, with input and output; "session" are the spans that have the run's session, of all spans;
"tokens" are the sum over all calls, of what the provider stated.

{tables}

## Versions

{versions}

## What a user writes

Before the program, or at its start:

{lines}

For own spans, this comes first, and what is below comes last:

```python
{provider}```

{own}

## What cannot be

{limits}
- **claude-agent-sdk**: a program that it brings makes the calls, in a process of its own and
  without the Python SDK. Nothing is recorded of them.
- A call in a thread that inherits no context has no session: see the README.
"""


def page(results: dict[str, Any]) -> str:
    """Return docs/frameworks.md."""
    setups: dict[str, list[str]] = {}
    for case in CASES:
        setups.setdefault(setup_of(case), []).append(case.name)
    return PAGE.format(
        versions=_versions(results),
        tables="\n\n".join(_table(way, results) for way in WAYS),
        lines="\n\n".join(_block(", ".join(names), text) for text, names in setups.items()),
        provider=PROVIDER_OF_OWN,
        limits="\n".join(limits()),
        own="\n\n".join(_own(case) for case in CASES),
    )


def limits() -> list[str]:
    """Return the lines that say why a cell cannot be as it should."""
    return [
        f"- **{case.name}**, {limit.way}: {limit.reason}" for case in CASES for limit in case.limits
    ]


def _versions(results: dict[str, Any]) -> str:
    lines = ["| framework | versions |", "|---|---|"]
    for case in CASES:
        found = results.get(case.name, {}).get("versions", {})
        shown = ", ".join(f"{name} {version}" for name, version in found.items())
        lines.append(f"| {case.name} | {shown} |")
    return "\n".join(lines)


def _own(case: Case) -> str:
    if case.own_environ:
        exported = "\n".join(f"export {name}={value}" for name, value in case.own_environ)
        return f"{case.name}:\n\n```bash\n{exported}\n```"
    return _block(case.name, case.own.strip()) if case.own else f"{case.name}: nothing more."


def _block(names: str, text: str) -> str:
    return f"{names}:\n\n```python\n{text}\n```"


def _table(way: str, results: dict[str, Any]) -> str:
    head = ("framework", "records", "trees", "orphans", "tools", "session", "tokens")
    rows = [_row(case, way, results.get(case.name, {})) for case in CASES]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]
    return f"## {way[0].upper()}{way[1:]}\n\n" + "\n".join(lines)


def _row(case: Case, way: str, kept: dict[str, Any]) -> str:
    if way not in kept:
        return f"| {case.name} | not run{' |' * 6}"
    figures = Figures(**kept[way])
    if figures.failed:
        return f"| {case.name} | **the program failed**{' |' * 6}"
    cells = [text if good else f"**{text}**" for text, good in figures.columns().values()]
    return f"| {case.name} | {' | '.join(cells)} |"
