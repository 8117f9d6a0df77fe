"""Run SDKs that we do not record, with an instrumentation of theirs, and print what Pulse shows.

Run it from the checkout:

    python scripts/other_sdks.py                 # all, some minutes
    python scripts/other_sdks.py google          # rows whose name contains this text
    python scripts/other_sdks.py --spans mcp     # what the service has, span by span
    python scripts/other_sdks.py --markdown      # writes docs/other-sdks.md, of all runs so far

The programs are those of examples/other_sdks; they call scripted answers on loopback. Environments
and results are kept as those of frameworks.py are. Exits 1 if a program failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from environments import ROOT, versions
from framework_cell import ended, environ_of, stored
from framework_figures import tree
from frameworks import CACHE, environment
from other_sdk_cases import PROGRAMS, SDKS, OtherSdk
from other_sdk_page import page

sys.path.insert(0, str(ROOT))

from framework_provider import Metered
from other_sdk_provider import OTHER_ENDPOINTS

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving

IMPORT = re.compile(r"^from (openinference|opentelemetry)\.instrumentation.*\n", re.MULTILINE)
PIPELINE = re.compile(r"^# Pulse:.*?\n\n", re.MULTILINE | re.DOTALL)
LINES = re.compile(r"^# The instrumentation\n(.*?)\n\n", re.MULTILINE | re.DOTALL)


def run_one(case: OtherSdk, python: Path, shown: bool, zero_code: bool = False) -> dict[str, Any]:
    """Run a program with one instrumentation; return what the service has of it."""
    text = IMPORT.sub("", (PROGRAMS / case.file).read_text(encoding="utf-8"))
    text = PIPELINE.sub("", text) if zero_code else text
    lines = "" if zero_code else f"{case.lines}\n\n"
    launcher = [str(python.parent / "opentelemetry-instrument")] if zero_code else []
    with (
        Metered(OTHER_ENDPOINTS) as provider,
        serving(create_app()) as service,
        tempfile.TemporaryDirectory(prefix="other-sdks-") as folder,
    ):
        program = Path(folder) / case.file
        program.write_text(LINES.sub(lambda _: lines, text), encoding="utf-8")
        environ = environ_of(python, provider, service, folder)
        environ |= addresses(provider.server.url) | dict(case.environ)
        said = ended([*launcher, str(python), str(program)], environ)
        spans = stored(service)
        if shown:
            print(*tree(spans), sep="\n")
        if said:
            print(said, file=sys.stderr)
        return {**figures(spans), "calls": provider.calls, "failed": bool(said)}


def addresses(url: str) -> dict[str, str]:
    """Return the variables by which each SDK finds the provider."""
    return {
        "GEMINI_API_KEY": "key",
        "GOOGLE_GEMINI_BASE_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": url,
        "MISTRAL_API_KEY": "key",
        "MISTRAL_BASE_URL": url,
        "CO_API_KEY": "key",
        "CO_API_URL": url,
    }


def figures(spans: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the calls, and those of which the service has each thing."""
    calls = [span for span in spans if span["kind"] == "llm_call"]
    tools = [span for span in spans if span["kind"] == "tool_use"]
    bodies = [call["metadata"].get("pulse.request") or {} for call in calls]
    has = {
        "model": [call.get("model") for call in calls],
        "messages": ["weather in Paris" in json.dumps(body) for body in bodies],
        "answer": [
            "Paris" in json.dumps([call.get("outputText"), call["metadata"].get("pulse.response")])
            for call in calls
        ],
        "finish": [call.get("finishReason") for call in calls],
        "tokens": [(c.get("inputTokens"), c.get("outputTokens")) == (120, 45) for c in calls],
        "cost": [call.get("costCents") for call in calls],
        "session": [span["sessionId"] != span["traceId"] for span in [*calls, *tools]],
    }
    return {
        "records": len(calls),
        "spans": len([*calls, *tools]),
        "traces": len({span["traceId"] for span in spans}),
        "providers": sorted({str(call.get("provider")) for call in calls}),
        "tools": len(tools),
        "tools_filled": sum(bool(t.get("toolInput") and t.get("toolResponse")) for t in tools),
        **{name: sum(map(bool, values)) for name, values in has.items()},
    }


def main() -> int:
    """Run the rows, print them; write the page if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the names of rows")
    parser.add_argument("--folder", type=Path, default=CACHE / "frameworks")
    parser.add_argument("--renew", action="store_true", help="make the environments anew")
    parser.add_argument("--spans", action="store_true", help="print the spans of each row")
    parser.add_argument("--markdown", action="store_true", help="write docs/other-sdks.md")
    options = parser.parse_args()
    os.nice(10)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, too
    options.folder.mkdir(parents=True, exist_ok=True)
    save = options.folder / "other-sdks.json"
    results = json.loads(save.read_text(encoding="utf-8")) if save.exists() else {}
    failed = []
    for case in SDKS:
        name = f"{case.name} / {case.by}"
        if options.names and not any(part.lower() in name.lower() for part in options.names):
            continue
        place = options.folder / re.sub(r"\W+", "-", name.lower())
        python = environment(case.packages, place, options.renew)
        found = versions(python)
        packages = [re.split(r"[<\[]", package)[0] for package in case.packages]
        shown = {package: found.get(package, "?") for package in packages}
        zero = run_one(case, python, options.spans, zero_code=True)
        results[name] = {**run_one(case, python, options.spans), "versions": shown, "zero": zero}
        print(f"{name}: {results[name]}", flush=True)
        failed += [name] if results[name]["failed"] else []
        save.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if options.markdown:
        text = page(results)
        (ROOT / "docs" / "other-sdks.md").write_text(text, encoding="utf-8")
    print(f"failed: {'; '.join(failed) or 'none'}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
