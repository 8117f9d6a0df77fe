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
from pathlib import Path

import requests
from environments import ROOT
from framework_cases import Case
from framework_figures import Due, Figures, Span, counted, tree

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
        environ = environ_of(python, provider, service, folder)
        environ |= dict(case.environ) | (dict(case.own_environ) if way == "own spans" else {})
        runner = "jupyter-execute" if program.suffix == ".ipynb" else "python"
        command = [str(python.parent / runner), str(program)]
        if way == "zero code":
            command.insert(0, str(python.parent / "opentelemetry-instrument"))
        said = ended(command, environ)
        spans = stored(service)
        if shown:
            print(*tree(spans), sep="\n")
        due = Due(
            calls=provider.calls,
            unstated=provider.calls - provider.tokens // BILLED,
            tokens=provider.tokens - BILLED * case.left,
            tools=case.tools,
            runs=case.runs,
        )
        return counted(spans, due, said)


def environ_of(python: Path, provider: Metered, service: str, folder: str) -> dict[str, str]:
    """Return the environment of a program: the provider and the service are those given."""
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
        "LANGFUSE_PUBLIC_KEY": "pk-lf-caller",
        "LANGFUSE_SECRET_KEY": "sk-lf-caller",
        "LANGFUSE_BASE_URL": provider.server.url,  # which refuses its spans
        "PULSE_API_KEY": KEY,
        "PULSE_API_URL": service,
        "PULSE_STREAM_USAGE": "always",
        "OTEL_TRACES_EXPORTER": "pulse",
        # Nothing leaves the machine: whatever a framework tells its makers is refused at once.
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def ended(command: list[str], environ: dict[str, str]) -> str:
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


def stored(service: str) -> list[Span]:
    """Return all spans, once two readings find the same: an accepted span is stored later."""
    found, before = _spans(service), -1
    while len(found) != before:
        before = len(found)
        time.sleep(0.5)
        found = _spans(service)
    return found


def _spans(service: str) -> list[Span]:
    answer = requests.get(
        f"{service}/v1/spans",
        params={"limit": 1000},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    answer.raise_for_status()
    spans: list[Span] = answer.json()["spans"]
    return spans
