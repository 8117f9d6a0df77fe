"""What other libraries add to the same workloads: each in an environment of its own.

    python benchmarks --only peers

The environments are made once, in .environments, with the SDKs of this environment;
`peer_program.py` runs in them.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fresh import HERE, at_once, output
from workloads import WORKLOADS

sys.path.append(str(HERE.parent / "scripts"))
from environments import make, versions

_FOLDER = HERE / ".environments"
_SHARED = ("openai", "anthropic", "httpx2", "pydantic")


@dataclass(frozen=True)
class Peer:
    """A library: the packages that its users install, the first being the one that is named."""

    name: str
    key: str  # of the set-up in peer_program.py
    packages: tuple[str, ...]


PEERS = (
    Peer(
        "OpenTelemetry's own",
        "official",
        (
            "opentelemetry-instrumentation-genai-openai==1.3b0",
            "opentelemetry-instrumentation-genai-anthropic==1.3b0",
        ),
    ),
    Peer(
        "OpenLLMetry",
        "openllmetry",
        (
            "opentelemetry-instrumentation-openai==0.62.4",
            "opentelemetry-instrumentation-anthropic==0.62.4",
        ),
    ),
    Peer(
        "OpenInference",
        "openinference",
        (
            "openinference-instrumentation-openai==0.1.66",
            "openinference-instrumentation-anthropic==3.1.0",
        ),
    ),
    Peer("Langfuse", "langfuse", ("langfuse==5.0.4",)),
    Peer("Logfire", "logfire", ("logfire==5.4.0",)),
)


def _environment(peer: Peer) -> Path:
    """The Python of the peer's environment, made if it is not there.

    Raises CalledProcessError if it cannot be made.
    """
    place = _FOLDER / peer.key
    python = place / "bin" / "python"
    if python.exists():
        return python
    _FOLDER.mkdir(parents=True, exist_ok=True)
    shared = [f"{name}=={version(name)}" for name in _SHARED]
    wanted = [*peer.packages, *shared, "opentelemetry-sdk"]
    return make(sys.executable, place, wanted, shared)


def rows() -> list[dict[str, Any]]:
    """A row for each peer: what it adds to each workload, in thousands of instructions."""
    return at_once(_row, PEERS)


def _row(peer: Peer) -> dict[str, Any]:
    try:
        python = _environment(peer)
        found = output("peer_program.py", peer.key, how="instructions", python=str(python))
    except (RuntimeError, subprocess.CalledProcessError) as error:
        return {"peer": peer.name, "lacks": f"not measured: {str(error).splitlines()[0]}"}
    installed = versions(python)[peer.packages[0].partition("==")[0]]
    row: dict[str, Any] = {"peer": f"{peer.name} {installed}"}
    row |= {name: found[name]["added"] // 1000 for name in WORKLOADS if "added" in found[name]}
    lacks = [f"{name}: {found[name]['lacks']}" for name in WORKLOADS if found[name]["lacks"]]
    return {**row, "lacks": "; ".join(lacks)}
