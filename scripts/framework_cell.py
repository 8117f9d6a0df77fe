"""One cell of `frameworks.py`: a program, run with its calls recorded in one way, and counted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
from environments import ROOT
from framework_cases import Case

sys.path.insert(0, str(ROOT))

from framework_provider import BILLED, Metered

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving

LIMIT_S = 240.0
KEY = "pulse_sk_frameworks"
SETUP = re.compile(r"^# Pulse:.*?\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
PROVIDER_OF_OWN = """\
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
"""


@dataclass(frozen=True)
class Figures:
    """What the service has of one run of a program, and what it should have."""

    calls: int  # answers of the provider
    unstated: int  # those that say nothing of tokens: streams for which nobody asked it
    spans: int
    records: int  # spans of LLM calls
    runs: int  # sessions of the program, one for each run
    traces: int
    roots: int  # spans without a parent, or whose parent the service does not have
    orphans: int  # the latter
    tools_due: int
    tools: int
    tools_empty: int  # without their input or output
    strays: int  # spans of another session than those of the program
    tokens_due: int
    tokens: int
    failed: str = ""  # the end of what the program said, if it did not end well

    @property
    def good(self) -> bool:
        """Whether everything that was to be there is there, once."""
        return not self.failed and not self.faults()

    def faults(self) -> list[str]:
        """Name what is not as it should be."""
        found = {
            f"{self.records} records for {self.calls} calls": self.records != self.calls,
            f"{self.traces} traces for {self.runs} runs": self.traces != self.runs,
            f"{self.roots} roots": self.roots != self.runs,
            f"{self.orphans} orphans": bool(self.orphans),
            f"{self.tools} tools for {self.tools_due}": self.tools != self.tools_due,
            f"{self.tools_empty} tools emptied": bool(self.tools_empty),
            f"{self.strays} without session": bool(self.strays),
            f"{self.tokens} tokens for {self.tokens_due}": self.tokens != self.tokens_due,
        }
        return [text for text, wrong in found.items() if wrong]

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def setup_of(case: Case) -> str:
    """Return the lines of its program that record the calls."""
    for text in _parts(case.program.read_text(encoding="utf-8"), case):
        if found := SETUP.search(text):
            return found[1]
    raise ValueError(f"{case.file} has no paragraph '# Pulse:'")


def _parts(text: str, case: Case) -> list[str]:
    """Return the program, or the cells of a notebook, each ended by an empty line."""
    if case.program.suffix != ".ipynb":
        return [text]
    return ["".join(cell["source"]) + "\n\n" for cell in json.loads(text)["cells"]]


def composed(case: Case, way: str) -> str:
    """Return the program of `case` with the lines that `way` takes."""
    text, setup = case.program.read_text(encoding="utf-8"), setup_of(case)
    lines = {
        "ours alone": setup,
        "zero code": "",
        "own spans": f"{PROVIDER_OF_OWN}{setup}\n{case.own}",
    }[way]
    if case.program.suffix != ".ipynb":
        return SETUP.sub(lambda _: f"{lines}\n\n", text)
    notebook = json.loads(text)
    for cell, part in zip(notebook["cells"], _parts(text, case), strict=True):
        cell["source"] = SETUP.sub(lambda _: lines, part)
    return json.dumps(notebook)


def run_cell(case: Case, way: str, python: Path, shown: bool = False) -> Figures:
    """Run the program of `case` in one way, end it, and count; print its spans if `shown`."""
    with (
        Metered() as provider,
        serving(create_app()) as service,
        tempfile.TemporaryDirectory(prefix="frameworks-") as folder,
    ):
        program = Path(folder) / case.file
        program.write_text(composed(case, way), encoding="utf-8")
        environ = _environ(python, provider, service, folder)
        environ |= dict(case.environ) if way == "own spans" else {}
        runner = "jupyter-execute" if program.suffix == ".ipynb" else "python"
        command = [str(python.parent / runner), str(program)]
        if way == "zero code":
            command.insert(0, str(python.parent / "opentelemetry-instrument"))
        said = _ended(command, environ)
        spans = stored(service)
        if shown:
            print(*tree(spans), sep="\n")
        return _figures(case, provider, spans, said)


def _environ(python: Path, provider: Metered, service: str, folder: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL", "PULSE"))}
    return inherited | {
        "HOME": folder,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
        "OPENAI_API_KEY": "sk-caller",
        "OPENAI_BASE_URL": provider.server.openai_url,
        "OPENAI_API_BASE": provider.server.openai_url,
        "ANTHROPIC_API_KEY": "sk-ant-caller",
        "ANTHROPIC_BASE_URL": provider.server.anthropic_url,
        "ANTHROPIC_API_BASE": provider.server.anthropic_url,
        "PULSE_API_KEY": KEY,
        "PULSE_API_URL": service,
        "PULSE_STREAM_USAGE": "always",
        "OTEL_TRACES_EXPORTER": "pulse",
        # Nothing leaves the machine: whatever a framework tells its makers is refused at once.
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _ended(command: list[str], environ: dict[str, str]) -> str:
    """Run it to its end; return what it said last if that was no good end."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        process = subprocess.Popen(
            command,
            cwd=environ["HOME"],
            env=environ,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code: int | str = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = f"not ended after {LIMIT_S:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the session that was begun for it
            process.wait()
        out.seek(0)
        return f"exit {code}: {out.read()[-3000:]}" if code else ""


def stored(service: str) -> list[dict[str, Any]]:
    """Return all spans, once two readings find the same: an accepted span is stored later."""
    found, before = _spans(service), -1
    while len(found) != before:
        before = len(found)
        time.sleep(0.5)
        found = _spans(service)
    return found


def _spans(service: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{service}/v1/spans",
        params={"limit": 1000},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    answer.raise_for_status()
    spans: list[dict[str, Any]] = answer.json()["spans"]
    return spans


def tree(spans: list[dict[str, Any]]) -> Iterator[str]:
    """Write each span beneath its parent, in the order of time."""
    ids = {span["spanId"] for span in spans}
    below: dict[str, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda span: str(span["timestamp"])):
        parent = span.get("parentSpanId")
        below.setdefault(parent if parent in ids else "", []).append(span)

    def lines(at: str, depth: int) -> Iterator[str]:
        for span in below.get(at, ()):
            lost = " orphan" if depth == 1 and span.get("parentSpanId") else ""
            named = [span.get(name) for name in ("toolName", "agentName", "model", "outputText")]
            words = (span["kind"], *(repr(name[:40]) for name in named if name))
            ends = (span["sessionId"][:12], span["traceId"][:6], span["metadata"].get("scope", ""))
            yield f"{'  ' * depth}{' | '.join(words)} ({', '.join(map(str, ends))}){lost}"
            yield from lines(span["spanId"], depth + 1)

    yield from lines("", 1)


def _figures(case: Case, provider: Metered, spans: list[dict[str, Any]], said: str) -> Figures:
    ids = {span["spanId"] for span in spans}
    calls = [span for span in spans if span["kind"] == "llm_call"]
    tools = [span for span in spans if span["kind"] == "tool_use"]
    parents = [span.get("parentSpanId") for span in spans]
    used = sum((call.get("inputTokens") or 0) + (call.get("outputTokens") or 0) for call in calls)
    return Figures(
        calls=provider.calls,
        unstated=provider.calls - provider.tokens // BILLED,
        spans=len(spans),
        records=len(calls),
        runs=len(case.runs),
        traces=len({span["traceId"] for span in spans}),
        roots=sum(parent not in ids for parent in parents),
        orphans=sum(bool(parent) and parent not in ids for parent in parents),
        tools_due=case.tools,
        tools=len(tools),
        tools_empty=sum(not (t.get("toolInput") and t.get("toolResponse")) for t in tools),
        strays=sum(span["sessionId"] not in case.runs for span in spans),
        tokens_due=provider.tokens - BILLED * case.left,
        tokens=used,
        failed=said,
    )
