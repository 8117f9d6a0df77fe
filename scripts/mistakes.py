"""Shows what a newcomer reads after each of the mistakes in `mistakes.txt`.

    python scripts/mistakes.py [NAME ...]

Each program runs in a process of its own, against the development service and the scripted
provider on loopback. Printed are the last lines of what it writes: the message of its exception,
or what the log says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving

PROGRAMS = Path(__file__).resolve().with_name("mistakes.txt")
START = """
import os, warnings
import openai, anthropic, pulse_otel
from openai import OpenAI, AsyncOpenAI
from anthropic import Anthropic
from pulse_otel import *
URL, KEY = os.environ["SERVICE"], "pulse_sk_local"
GPT = dict(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
CLAUDE = dict(GPT, model="claude-haiku-4-5", max_tokens=20)
"""
LINES = 4
TIMEOUT_S = 60
AT_ONCE = 2


def mistakes() -> Iterator[tuple[str, str]]:
    """Yield the name and the program of each mistake in the file."""
    for block in PROGRAMS.read_text().split("\n\n"):
        name, _, program = block.strip().partition("\n")
        if program:
            yield name.removeprefix("# "), program


def written(program: str, environment: dict[str, str]) -> str:
    """Run `program`; return the last lines of what it writes, without its warnings' source."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", START + program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"(still running after {TIMEOUT_S} s)"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-LINES:]) or "    (nothing)"


def main(names: list[str]) -> None:
    """Run the mistakes whose names contain one of `names`, and print what each writes."""
    chosen = [
        (name, program)
        for name, program in mistakes()
        if not names or any(part in name for part in names)
    ]
    with serving(create_app()) as service, ScriptedProvider() as provider:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "SERVICE": service,
            "OPENAI_BASE_URL": provider.openai_url,
            "ANTHROPIC_BASE_URL": provider.anthropic_url,
            "OPENAI_API_KEY": "scripted",
            "ANTHROPIC_API_KEY": "scripted",
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda one: written(one[1], environment), chosen)
            for (name, program), text in zip(chosen, found, strict=True):
                print(f"{name}\n  > " + program.replace("\n", "\n  > ") + f"\n{text}\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
