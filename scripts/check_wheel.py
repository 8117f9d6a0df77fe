"""Build the distribution and try the wheel as a user would: in an empty environment.

Prints a line for each check and exits 1 when one fails. Needs a package registry.
scripts/release.py makes the same checks before it releases anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from pins import requirements

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pulse_otel", "pulse_sdk")
MODULES = {"pulse_otel_pytest.py"}
MUST_HAVE = (
    "pulse_otel/py.typed",
    "pulse_sdk/py.typed",
    "pulse_otel/export/pricing/prices.json",
    "pulse_otel/local/pages/assets/page.js",
    "pulse_otel/local/pages/assets/style.css",
)
SDIST_MUST_HAVE = {
    ".ci/run",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "pyproject.toml",
    "scripts/pins.py",
    "tests/test_packaging.py",
}
# A link or a picture that leads nowhere on the page of a package index.
RELATIVE = re.compile(r"""\]\((?!https?://)[^)]*\)|(?:src|href)=["'](?!https?://)[^"']*""")

# Run with the wheel installed and nothing else: prints one line per check, `ok` or `FAIL` first.
IMPORT_CHECKS = """
import sys, threading
import pulse_otel, pulse_sdk

def check(label, problem):
    print(("FAIL " if problem else "ok   ") + label + (f": {problem}" if problem else ""))

place = pulse_otel.__file__
check("the import comes from the wheel", "" if "site-packages" in place else place)
heavy = sorted({"openai", "anthropic", "requests"} & sys.modules.keys())
check("the import loads no client and no requests", ", ".join(heavy))
check("the import starts no thread", threading.active_count() - 1)
names = set(pulse_otel.__all__) ^ set(pulse_sdk.__all__)
check("pulse_sdk has the names of pulse_otel", ", ".join(sorted(names)))
other = [n for n in pulse_otel.__all__ if getattr(pulse_otel, n) is not getattr(pulse_sdk, n, None)]
check("the names are the same objects", ", ".join(other))
from pulse_otel.export.pricing.table import offer_of
check("the price table is readable", "" if offer_of("openai", "gpt-4o") else "no price")
import contextlib, io, json
from pulse_otel.terminal.commands import run
with contextlib.redirect_stdout(io.StringIO()) as out:
    status = run("doctor", ["--json", "--api-url", "http://127.0.0.1:9"])
told = json.loads(out.getvalue())["status"]
check("the doctor runs", "" if (status, told) == (1, "error") else f"{status} {told}")
"""


class Checks:
    """Counts what failed, and prints a line for each check."""

    def __init__(self) -> None:
        self.failures = 0

    def end(self) -> None:
        """Print the sum; end the script with status 1 if a check failed."""
        if self.failures:
            print(f"{self.failures} checks failed")
            sys.exit(1)
        print("all checks passed")

    def report(self, label: str, problem: str) -> None:
        """One check, which passed when there is no problem to tell."""
        self.failures += bool(problem)
        print(f"FAIL {label}: {problem}" if problem else f"ok   {label}", flush=True)


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Return the output of a command; end the script when it fails."""
    # The checkout must not be importable from there, nor another environment's settings apply.
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment.update(environ)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        sys.exit(f"FAIL {' '.join(map(str, command))}\n{tail}")
    return done.stdout


def build(target: Path, *what: str) -> None:
    """Builds into a folder: by default the sdist, and the wheel out of that sdist."""
    installer = ["--installer", "uv"] if shutil.which("uv") else []
    command = [sys.executable, "-m", "build", *installer, *what, "--outdir", target, ROOT]
    run(*command, cwd=target.parent)


def only(folder: Path, pattern: str) -> Path:
    """The one file of that kind."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"FAIL expected one {pattern}, found {[path.name for path in found]}")
    return found[0]


def files_of(wheel: Path) -> dict[str, int]:
    """The files in a wheel and their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def source_files() -> set[str]:
    """What the packages consist of in the checkout."""
    return MODULES | {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".db"}
    }


def check_contents(checks: Checks, wheel: Path) -> None:
    """The wheel has all of the packages and nothing else."""
    names = set(files_of(wheel))
    expected = source_files()
    code = {name for name in expected if name.endswith(".py")}
    data = (expected - code) | set(MUST_HAVE)
    templates = {name for name in names if name.startswith("pulse_otel/local/pages/templates/")}
    packaged = {name for name in names if ".dist-info/" not in name}
    checks.report(f"the wheel has all {len(code)} modules", listed(code - names))
    checks.report("the wheel has the typing markers, the prices, the data", listed(data - names))
    checks.report("the wheel has the templates", "" if templates else "none")
    checks.report("the wheel has nothing else", listed(packaged - expected))
    licences = [name for name in names if name.endswith("/LICENSE")]
    checks.report("the wheel has the licence", "" if licences else "none")


def listed(names: set[str]) -> str:
    """The names in one line, empty when there are none."""
    return ", ".join(sorted(names))


def check_sdist(checks: Checks, sdist: Path, from_sdist: Path, from_tree: Path) -> None:
    """The sdist builds the same wheel as the checkout, and has all that a contributor needs."""
    one, two = files_of(from_sdist), files_of(from_tree)
    differing = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    checks.report("the sdist builds the same wheel as the checkout", listed(differing))
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = listed(SDIST_MUST_HAVE - names)
    checks.report("the sdist has the documents, the tests and the gate", missing)


def check_description(checks: Checks, wheel: Path) -> None:
    """The page that an index shows links to nothing that only a checkout has."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        description = archive.read(name).decode().partition("\n\n")[2]
    problem = "" if description.strip() else "it is empty"
    checks.report("the description is there", problem)
    checks.report(
        "the description has no relative links", listed(set(RELATIVE.findall(description)))
    )


def check_install(checks: Checks, wheel: Path, folder: Path) -> Path:
    """The wheel, without extras, works where there is nothing but Python and pip.

    Returns the Python of that environment.
    """
    environment = folder / "environment"
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(sys.executable, "-m", "venv", environment, cwd=folder)
    install(python, wheel, cwd=folder)
    checks.report("the wheel installs without extras", "")
    for line in run(python, "-c", IMPORT_CHECKS, cwd=folder).splitlines():
        verdict, _, rest = line.partition(" ")
        label, _, problem = rest.strip().partition(": ")
        checks.report(label, problem if verdict == "FAIL" else "")
    return python


def install(python: Path, *wanted: str | Path, cwd: Path) -> None:
    """Install with pip, as somebody with an empty home would, within the pins of the tests."""
    pins = cwd / "pins.txt"
    pins.write_text("\n".join(requirements("pins")), encoding="utf-8")
    home = cwd / "home"
    home.mkdir(exist_ok=True)
    command = ["-m", "pip", "install", "--quiet", "--constraint", pins, *wanted]
    run(python, *command, cwd=cwd, HOME=str(home))


def check_distribution(checks: Checks, folder: Path) -> tuple[Path, Path, Path]:
    """Build and check; return the sdist, the wheel, and a Python that has the wheel."""
    release, tree = folder / "release", folder / "tree"
    build(release)
    build(tree, "--wheel")
    sdist, wheel = only(release, "*.tar.gz"), only(release, "*.whl")
    checks.report(f"built {sdist.name} and, out of it, {wheel.name}", "")
    check_contents(checks, wheel)
    check_sdist(checks, sdist, wheel, only(tree, "*.whl"))
    check_description(checks, wheel)
    return sdist, wheel, check_install(checks, wheel, folder)


def main() -> None:
    """Check what the checkout builds."""
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        check_distribution(checks, Path(name).resolve())
    checks.end()


if __name__ == "__main__":
    main()
