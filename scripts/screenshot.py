"""Make docs/traces.png: the development service's page after a few calls, in a real browser.

    python scripts/screenshot.py

Needs Chromium (`chromium` or `google-chrome` on the PATH) and the extra `local`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from pulse_otel import flush_buffer, init_pulse, session, shutdown
from pulse_otel.local.demo_calls import ANTHROPIC, OPENAI, Clients, calls_for
from pulse_otel.local.provider import ScriptedProvider
from pulse_otel.local.running import serving
from pulse_otel.local.service import create_app

TARGET = Path(__file__).parent.parent / "docs" / "traces.png"


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


def main() -> int:
    """Serve, call, look."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("No Chromium on the PATH: the picture was not made.", file=sys.stderr)
        return 1
    with (
        ScriptedProvider(delay_s=0.15, chunk_delay_s=0.02) as provider,
        serving(create_app()) as url,
    ):
        init_pulse(api_key="pulse_sk_picture", api_url=url)
        make_calls(provider)
        flush_buffer()
        shutdown()
        look = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        window = ["--window-size=1200,640", f"--screenshot={TARGET}"]
        subprocess.run([browser, *look, *window, url], check=True, capture_output=True)
    print(f"wrote {TARGET.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
