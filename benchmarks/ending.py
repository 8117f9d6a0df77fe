"""The end of a process with 2,000 spans that wait: what arrives, and how long it takes.

    python benchmarks --only ending

The program returns from its last line without a flush.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fresh import HERE, alone, environment
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from service import BEHAVIOURS, behaving, counts
from variants import KEY
from waiting_memory import attributes_of

import pulse_otel

_SPANS = 2000
_WAYS = {"stock": "OTLP/HTTP exporter", "ours": "ours", "spool": "ours, with a spool"}


def rows() -> list[dict[str, Any]]:
    """A row for each behaviour of the service and each way."""
    with alone():
        return [_row(behaviour, way) for behaviour in BEHAVIOURS for way in _WAYS]


def _row(behaviour: str, way: str) -> dict[str, Any]:
    with behaving(behaviour) as url, tempfile.TemporaryDirectory() as spool:
        command = [sys.executable, str(HERE / "ending.py"), way, url, spool]
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            began = time.monotonic()
            process.wait()
            took = time.monotonic() - began
        on_disk = sum(path.stat().st_size for path in Path(spool).rglob("*") if path.is_file())
        return {
            "service": behaviour,
            "way": _WAYS[way],
            "spans": _SPANS,
            "arrived": counts(url)["distinct"] if behaviour == "up" else 0,
            "on disk, kB": on_disk // 1000 if way == "spool" else None,
            "end of the process, s": round(took, 2),
        }


def _program(way: str, url: str, spool: str) -> None:
    """Leave spans waiting, and end."""
    provider = TracerProvider()
    if way == "stock":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    else:
        pulse_otel.init_pulse(
            api_key=KEY,
            api_url=url,
            tracer_provider=provider,
            spool_dir=spool if way == "spool" else None,
        )
    tracer = provider.get_tracer("pulse_otel.openai")
    for number in range(_SPANS):
        tracer.start_span("chat m", attributes=attributes_of("small chat", number)).end()
    print(json.dumps("the last line"), flush=True)


if __name__ == "__main__":
    _program(*sys.argv[1:])
