"""Write `docs/reference/attributes.md`: every attribute of `pulse_otel/semconv.py` and its meaning.

Run it from the checkout:

    python scripts/attributes_page.py            # writes the page
    python scripts/attributes_page.py --check    # exits 1 when the page is stale

A name without a meaning in `attribute_meanings.py`, or a meaning without a name, ends it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pulse_otel import semconv  # noqa: E402
from scripts.attribute_meanings import MEANINGS, OPERATIONS, TABLES  # noqa: E402
from scripts.written import write  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "attributes.md"
NOT_LISTED = ("SCOPE_", "CALLS_WITHIN")

TEXT = """\
# Attributes

Written by `scripts/attributes_page.py` from the names that the code uses.

Every call is a span of the kind CLIENT, named after the operation and the model, such as
`chat gpt-4o-mini`. Its scope is `pulse_otel.openai` or `pulse_otel.anthropic`; that of `trace` and
`tool` is `pulse_otel.units`. Names that start with `gen_ai.` are those of the OpenTelemetry
conventions for GenAI; names that start with `pulse.` are ours, where the conventions have no name.
An attribute that a provider does not state is absent, never 0 or empty.

"JSON" is a string with JSON in it. A content attribute has at most `max_content_bytes`; without
`capture_content` it is absent.

{tables}

## Values of `gen_ai.operation.name`

| value | a call or run that |
|---|---|
{operations}
"""


def names() -> Iterator[tuple[str, str, str]]:
    """Yield the section, the constant and the attribute of each line of `semconv.py`."""
    section = ""
    source = Path(semconv.__file__).read_text(encoding="utf-8")
    for line in source.splitlines():
        section = line[6:] if line.startswith("# --- ") else section
        found = re.match(r'(\w+): Final = "([^"]+)"', line)
        if found and not found[1].startswith(NOT_LISTED):
            yield section, found[1], found[2]


def tables() -> Iterator[str]:
    """Yield each table with its heading."""
    found = list(names())
    attributes = [row for row in found if not row[1].startswith("OPERATION_") or row[1] in MEANINGS]
    unknown = {constant for _, constant, _ in attributes} ^ set(MEANINGS)
    assert not unknown, f"without a meaning, or without a name: {unknown}"
    sections = {section for section, _, _ in attributes}
    assert sections == set(TABLES), sections ^ set(TABLES)
    for section, (title, text) in TABLES.items():
        rows = [f"## {title}", "", *([text, ""] if text else [])]
        rows += ["| attribute | type | meaning |", "|---|---|---|"]
        for where, constant, name in attributes:
            if where == section:
                kind, meaning = MEANINGS[constant]
                rows.append(f"| `{name}` | {kind} | {meaning} |")
        yield "\n".join(rows)


def operations() -> Iterator[str]:
    """Yield the row of each operation."""
    found = {c: name for _, c, name in names() if c.startswith("OPERATION_") and c not in MEANINGS}
    assert set(found) == set(OPERATIONS), set(found) ^ set(OPERATIONS)
    for constant, meaning in OPERATIONS.items():
        yield f"| `{found[constant]}` | {meaning} |"


def page() -> str:
    """Return the page as it should be."""
    return TEXT.format(tables="\n\n".join(tables()), operations="\n".join(operations()))


if __name__ == "__main__":
    sys.exit(write(PAGE, page()))
