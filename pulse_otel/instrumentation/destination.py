"""Find out whether an environment variable or configuration file names Pulse as an exporter.

If so, prompts and answers are recorded by default: Pulse exists to show them.
"""

# A parsed file can hold anything:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulse_otel.log import rate_limited

_NAME = "pulse"


def pulse_is_destination() -> bool:
    """Return whether an exporter called ``pulse`` is configured. Reads a file: at set-up only."""
    path = os.environ.get("OTEL_CONFIG_FILE")
    if path:  # then the SDK does not look at OTEL_TRACES_EXPORTER
        return _exports_to_pulse(_parsed(path))
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "").split(",")
    return _NAME in [name.strip() for name in exporters]


def _parsed(path: str) -> Any:
    try:
        yaml: Any = importlib.import_module(
            "yaml"
        )  # the package that reads the file for the SDK needs it
    except ImportError:
        return None
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        rate_limited.warning(
            "config-file",
            "pulse-otel: OTEL_CONFIG_FILE cannot be read (%s); content is not recorded"
            " unless PULSE_CAPTURE_CONTENT says so",
            type(error).__name__,
        )
        return None


def _exports_to_pulse(config: Any) -> bool:
    """Return whether one of the ``processors`` of the ``tracer_provider`` has that ``exporter``."""
    provider = _get(config, "tracer_provider")
    processors = _get(provider, "processors")
    if not isinstance(processors, list):
        return False
    return any(
        isinstance(exporter, Mapping) and _NAME in exporter
        for processor in processors
        for exporter in (_get(processor, kind, "exporter") for kind in ("batch", "simple"))
    )


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
