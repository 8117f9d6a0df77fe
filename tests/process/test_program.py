"""A program that does not name its service has its own name in the service's tables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.process.program import program_name
from tests.conftest import KEY, ROOT, Service

APP = """
import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
pulse_otel.init_pulse()
tracer = recorders.observed.tracer("test")
tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
"""


@pytest.mark.parametrize(
    ("file", "arguments", "environ", "services"),
    [
        ("shop.py", ["shop.py"], {}, ["shop"]),
        ("shop", [f".{os.sep}shop"], {}, ["shop"]),
        ("shop/__main__.py", ["shop"], {}, ["shop"]),
        ("shop/__main__.py", ["shop/__main__.py"], {}, ["shop"]),
        ("shop/__main__.py", ["-m", "shop"], {}, ["shop"]),
        ("shop/orders.py", ["-m", "shop.orders"], {}, ["shop.orders"]),
        ("shop.py", ["-c", APP], {}, []),
        ("shop.py", ["shop.py"], {"OTEL_SERVICE_NAME": "checkout"}, ["checkout"]),
        ("shop.py", ["shop.py"], {"PULSE_SERVICE_NAME": "checkout"}, ["checkout"]),
    ],
)
def test_the_service_is_named_for_the_program(
    file: str,
    arguments: list[str],
    environ: dict[str, str],
    services: list[str],
    tmp_path: Path,
    service: Service,
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(APP)

    subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PULSE_API_KEY": KEY,
            "PULSE_API_URL": service.url,
            **environ,
        },
        check=True,
        timeout=40,
    )

    (trace,) = service.traces(1)
    assert trace["services"] == services


@pytest.mark.parametrize(
    "argv", [[], [""], ["-"], [None], None, ["-c", "x"], [os.sep], ["."], ["__main__.py"]]
)
def test_a_program_without_a_name_has_none(argv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setitem(sys.modules, "__main__", object())

    assert program_name() is None
