"""Make docs/traces.png and docs/trace.png: the development service's pages, in a real browser.

They show a few calls, and the one trace among them that has a tool in it.

    python scripts/screenshot.py

Needs Chromium (`chromium` or `google-chrome` on the PATH) and the extra `local`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import requests

from pulse_otel import flush_buffer, init_pulse, session, shutdown
from pulse_otel.local.demo.calls import ANTHROPIC, OPENAI, Clients, calls_for
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving

DOCS = Path(__file__).parent.parent / "docs"
KEY = "pulse_sk_picture"


def make_calls(provider: ScriptedProvider) -> None:
    """What the demo calls, each in a session of its name."""
    import anthropic
    import openai

    from pulse_otel import observe

    url = provider.openai_url
    clients = Clients()
    clients.openai = observe(openai.OpenAI(api_key="scripted", base_url=url), "openai")
    clients.async_openai = observe(openai.AsyncOpenAI(api_key="scripted", base_url=url), "openai")
    clients.anthropic = observe(
        anthropic.Anthropic(api_key="scripted", base_url=provider.anthropic_url), "anthropic"
    )
    for call in calls_for(frozenset({OPENAI, ANTHROPIC})):
        with session(call.session):
            try:
                call.make(clients, {})
            except (openai.OpenAIError, anthropic.AnthropicError):
                print(f"{call.title}: failed, as it should")


def trace_with_most_spans(url: str) -> str:
    """Its id."""
    answer = requests.get(
        f"{url}/v1/traces", headers={"Authorization": f"Bearer {KEY}"}, timeout=10
    )
    answer.raise_for_status()
    trace = max(answer.json()["traces"], key=lambda found: found["spanCount"])
    return str(trace["traceId"])


def photograph(browser: str, url: str, target: Path, height: int) -> None:
    """The page at `url`, as it is in a window of this height."""
    look = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    window = [f"--window-size=1200,{height}", f"--screenshot={target}"]
    subprocess.run([browser, *look, *window, url], check=True, capture_output=True)
    print(f"wrote {target.name}")


def main() -> int:
    """Serve, call, look."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("No Chromium on the PATH: the pictures were not made.", file=sys.stderr)
        return 1
    with (
        ScriptedProvider(delay_s=0.15, chunk_delay_s=0.02) as provider,
        serving(create_app()) as url,
    ):
        init_pulse(api_key=KEY, api_url=url, service_name="weather")
        make_calls(provider)
        flush_buffer()
        shutdown()
        time.sleep(1)  # what was accepted is stored a moment later
        photograph(browser, url, DOCS / "traces.png", 640)
        one = f"{url}/dashboard/traces/{trace_with_most_spans(url)}"
        photograph(browser, one, DOCS / "trace.png", 1100)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
