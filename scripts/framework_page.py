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
with a tool, a plain call and a stream, as far as the framework has them. `examples/frameworks` has
the programs. They ran in three ways:

- **ours alone**: `init_pulse` and our instrumentors, as in the examples.
- **zero code**: without these lines, under `opentelemetry-instrument`. It loads every installed
  instrumentation, including OpenInference's where the table of versions names it.
- **own spans**: with the framework's own spans on, from its telemetry or from OpenInference.

A cell says how much of the expected the service has; bold marks what is not as it should be.
"records" are LLM calls, compared with the provider's answers. "trees" are spans without a parent;
each run should have one. "orphans" are trees whose parent never arrived. "tools" are tools with
input and output, each counted once. "session" are the spans that have the run's session. "tokens"
are the sum over all calls, compared with what the provider stated.

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

## What cannot be recorded

{limits}
- **claude-agent-sdk**: it starts a program of its own that makes the calls without the Python SDK.
  They are not recorded.
- A call in a thread that inherits no context has no [session](guides/sessions.md#threads).
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
