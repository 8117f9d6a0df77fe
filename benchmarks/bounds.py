"""CPU time of the bound on a content attribute, compared with `json.dumps` of the same value.

    python benchmarks/bounds.py

Of each shape it prints the size of the JSON, both times, their ratio, and how much of the bound is
kept; then the same for the exporter, which bounds once more what the service takes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from pulse_otel.bounds import bounded_json
from pulse_otel.export.bodies import trim
from pulse_otel.export.payloads import otlp
from pulse_otel.settings import MAX_CONTENT_BYTES
from pulse_otel.values import to_json

_RUNS = 5


def message(content: Any, role: str = "user") -> dict[str, Any]:
    """Return a GenAI message of one text."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def conversation(count: int) -> list[dict[str, Any]]:
    """Return `count` messages of 712 bytes of text, a system message first."""
    roles = ("user", "assistant")
    turns = [message(f"turn {n:6} " + "x y " * 175, roles[n % 2]) for n in range(count)]
    return [message("Be brief.", "system"), *turns[1:]]


def nested(depth: int, text: str) -> Any:
    """Return an object in an object, `depth` times, with a text in each."""
    value: Any = "the end"
    for _ in range(depth):
        value = {"text": text, "child": value}
    return value


def tree(*fields: int, text: str) -> Any:
    """Return objects of so many fields in one another, with a text in each of the last."""
    if not fields:
        return text
    return {f"k{n}": tree(*fields[1:], text=text) for n in range(fields[0])}


def lists(depth: int, text: str) -> list[Any]:
    """Return a list of a text and a list, `depth` times in one another."""
    value: list[Any] = []
    for _ in range(depth):
        value = [[text, value]]
    return value


def shapes() -> dict[str, Any]:
    """Return values above the bound, by name."""
    wide = {f"j{n}": ["v" * 20] * 3 for n in range(20)}
    return {
        "360 messages": conversation(400),  # 360 of them take 262 kB, the bound
        "1,000 messages": conversation(1000),
        "2,000 messages": conversation(2000),
        "30,000 small dicts": [{"a": n, "b": "x" * 10} for n in range(30_000)],
        "200,000 numbers": list(range(200_000)),
        "20,000 fields": {f"key{n}": "v" * 20 for n in range(20_000)},
        "one text of 1 MiB": [message("x y " * (1 << 18))],
        "long first and last": [message("a" * 400_000), message("b"), message("c" * 400_000)],
        "a field among many": {**{f"key{n}": n for n in range(100)}, "text": "y" * 1_000_000},
        "a name of 1 MB": {"k" * 1_000_000: "v"},
        "4 names of 100 kB": {"k" * 100_000 + str(n): n for n in range(4)},
        "nested 36 deep": nested(36, "t" * 10_000),
        "wide and nested": {f"k{n}": wide for n in range(400)},
        "20 x 20 x 20 fields": tree(20, 20, 20, text="v" * 50),
        "8 fields, 5 deep": tree(*[8] * 5, text="v" * 12),
        "5 fields, 6 deep": tree(*[5] * 6, text="v" * 12),
        "2 fields, 14 deep": tree(*[2] * 14, text="v" * 12),
        "a list of nested objects": [tree(20, 20, 20, text="v" * 50)],
        "35 nested lists": lists(35, "z" * 9000),
        "a text of NULs": ["\x00" * 1_600_000],
        "escapes": [message('"\n\\' * 200) for _ in range(1000)],
        "other than ASCII": [message("äö語😀" * 200) for _ in range(500)],
        "a NUL in each": [message("x y " * 175 + "\x00") for _ in range(1000)],
        "a lone surrogate": [*conversation(999), message("\ud800")],
    }


def seconds(function: Callable[[], object]) -> float:
    """Return the CPU time of this thread, at best."""
    best = float("inf")
    for _ in range(_RUNS):
        begin = time.thread_time()
        function()
        best = min(best, time.thread_time() - begin)
    return best


def main() -> None:
    """Print both tables."""
    limit = MAX_CONTENT_BYTES
    print(f"{'caller: max_content_bytes':26} {'KiB':>6} {'dumps':>8} {'bound':>8} ratio   kept")
    for name, value in shapes().items():
        _print(name, value, lambda value=value: bounded_json(value, limit), limit)
    limit = otlp.FORM.max_body_bytes
    print(f"\n{'exporter: one body':26} {'KiB':>6} {'dumps':>8} {'bound':>8} ratio   kept")
    for name, value in shapes().items():
        body = {"model": "m", "messages": value if isinstance(value, list) else [value]}
        _print(name, body, lambda body=body: to_json(trim.request(body, limit)), limit)


def _print(name: str, value: Any, bound: Callable[[], str], limit: int) -> None:
    plain, took = seconds(lambda: json.dumps(value)), seconds(bound)
    kept = len(bound().encode()) / limit
    size = len(to_json(value).encode()) >> 10
    times = f"{plain * 1e3:6.2f}ms {took * 1e3:6.2f}ms {took / plain:5.1f}"
    print(f"{name:26} {size:6} {times} {kept:6.1%}")


if __name__ == "__main__":
    main()
