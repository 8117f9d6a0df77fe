"""The command line: ``pulse-otel demo`` and ``pulse-otel serve``."""

from __future__ import annotations

import sys
from typing import Final

# Top-level modules that the extra `local` brings.
_EXTRA: Final = frozenset(
    {"anthropic", "click", "jinja2", "openai", "rich", "starlette", "uvicorn"},
)


def main() -> None:
    """Run the command in `sys.argv`; exits 2 if what the commands need is not installed."""
    try:
        # Imported here: without the extra there is no click to define a command with.
        from pulse_otel.local.commands import pulse_otel

        pulse_otel(prog_name="pulse-otel")
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in _EXTRA:
            raise
        sys.stderr.write(f'pulse-otel needs {name}: pip install "pulse-otel[local]"\n')
        sys.exit(2)


if __name__ == "__main__":
    main()
