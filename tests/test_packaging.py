"""What an installed package promises: names, entry points, and a light import."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import pulse_otel
import pulse_sdk

ROOT = Path(__file__).resolve().parents[1]
ENTRY_POINTS = [
    ("console_scripts", "pulse-otel"),
    ("opentelemetry_traces_exporter", "pulse"),
    ("opentelemetry_id_generator", "pulse"),
    ("opentelemetry_instrumentor", "pulse-openai"),
    ("opentelemetry_instrumentor", "pulse-anthropic"),
    ("opentelemetry_configurator", "pulse"),
    ("opentelemetry_pre_instrument", "pulse"),
]


def in_a_fresh_process(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_both_import_names_offer_the_same_objects() -> None:
    assert pulse_sdk.__all__ == pulse_otel.__all__
    for name in pulse_otel.__all__:
        assert getattr(pulse_sdk, name) is getattr(pulse_otel, name)


def test_the_public_names_are_sorted_and_there() -> None:
    names = list(pulse_otel.__all__)
    assert names == sorted(set(names))
    assert {"flush_buffer", "init_pulse", "observe", "shutdown"} <= set(names)
    assert set(names) <= set(dir(pulse_otel))


@pytest.mark.parametrize("package", ["pulse_otel", "pulse_sdk"])
def test_a_name_that_is_not_there_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sys.modules[package].no_such_name


@pytest.mark.row("U7")
@pytest.mark.parametrize("package", ["pulse_otel", "pulse_sdk"])
def test_the_import_is_light(package: str) -> None:
    code = (
        f"import sys, threading, {package}\n"
        "print(sorted({'openai', 'anthropic', 'requests', 'genai_prices'} & sys.modules.keys()))\n"
        "print(threading.active_count())\n"
    )
    assert in_a_fresh_process(code).splitlines() == ["[]", "1"]


@pytest.mark.row("U7")
def test_the_import_patches_nothing_and_observe_imports_nothing_of_the_sdk() -> None:
    pytest.importorskip("openai")
    code = (
        "import sys, openai\n"
        "from openai.resources.chat.completions import Completions\n"
        "before = Completions.create\n"
        "import pulse_otel, pulse_sdk\n"
        "print(Completions.create is before)\n"
        "known = set(sys.modules)\n"
        "pulse_otel.observe(openai.OpenAI(api_key='k'), 'openai')\n"
        "print(Completions.create is before)\n"
        "print([name for name in set(sys.modules) - known if name.startswith('openai')])\n"
    )
    assert in_a_fresh_process(code).splitlines() == ["True", "False", "[]"]


@pytest.mark.parametrize("package", ["pulse_otel", "pulse_sdk"])
def test_the_version(package: str) -> None:
    assert sys.modules[package].__version__ == metadata.version("pulse-otel")
    assert "__version__" in dir(sys.modules[package])


@pytest.mark.parametrize("package", ["pulse_otel", "pulse_sdk"])
def test_the_types_are_shipped(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_the_metadata() -> None:
    about = metadata.metadata("pulse-otel")
    assert about["Name"] == "pulse-otel"
    assert about["Requires-Python"] == ">=3.10"
    assert {"openai", "anthropic", "local"} <= set(about.get_all("Provides-Extra") or [])
    required = metadata.requires("pulse-otel") or []
    plain = [line for line in required if "extra ==" not in line]
    assert not [line for line in plain if re.match(r"openai|anthropic", line)]


@pytest.mark.parametrize(("group", "name"), ENTRY_POINTS)
def test_the_entry_points_lead_somewhere(group: str, name: str) -> None:
    found = [
        point
        for point in metadata.distribution("pulse-otel").entry_points
        if (point.group, point.name) == (group, name)
    ]
    assert len(found) == 1
    assert callable(found[0].load())


def test_the_changelog_has_this_version() -> None:
    version = metadata.version("pulse-otel")
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["CHANGELOG.md", "CONTRIBUTING.md"])
def test_the_documents_link_to_files_that_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = {part.partition(")")[0].partition("#")[0] for part in text.split("](")[1:]}
    here = {link for link in links if not link.startswith("http")}

    assert here
    assert sorted(link for link in here if not (ROOT / link).exists()) == []
