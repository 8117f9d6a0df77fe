"""Much content at once: no file that cannot be read again, no giant that costs the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel import PulseSpanExporter, semconv
from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.delivery import backlog as stock
from pulse_otel.export.delivery import queue as intake
from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.delivery.span_size import size_of
from pulse_otel.export.spool import batch as spool_batch
from pulse_otel.export.spool.batch import FILE_BYTES, packed, unpack
from pulse_otel.export.spool.spool import Spool
from tests.conftest import KEY
from tests.export.sending import records, sending, stored
from tests.export.spans import one
from tests.faults import FaultServer

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


@pytest.mark.row("S6")
def test_a_round_is_shared_out_among_files_of_a_bounded_size() -> None:
    many = records(40, output_text="x" * (FILE_BYTES // 10))

    parts = list(packed(many))

    assert [record for part, _ in parts for record in part] == many
    assert len(parts) > 3
    assert all(len(data) < 1.2 * FILE_BYTES for _, data in parts)
    assert [record for _, data in parts for record in unpack(data)] == many


@pytest.mark.row("S6", "E6")
def test_a_record_that_is_too_large_for_any_file_is_cut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spool_batch, "_RECORD_BYTES", 200_000)
    giant = records(1, attributes={"gen_ai.custom": "x" * 1_000_000})
    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit([*records(3, 1), *giant, *records(3, 4)])
        assert delivery.flush(20) is True

    assert len(stored(server.stored)) == 7
    assert any(semconv.PULSE_TRUNCATED.encode() in request.body for request in server.stored)


@pytest.mark.row("E6")
def test_a_giant_pushes_no_others_out_of_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_QUEUED_BYTES", 1000)
    monkeypatch.setattr(intake, "LARGEST_BYTES", 250)
    sizes = {0: 10_000}
    size: Any = lambda record: sizes.get(int(record.span_id, 16), 100)  # noqa: E731
    with FaultServer() as server, sending(server.url, size=size) as delivery:
        delivery.submit([*records(4, 1), *records(1), *records(3, 5)])
        assert delivery.flush(20) is True
        assert delivery.snapshot().delivered == 8


@pytest.mark.row("E3")
@pytest.mark.usefixtures("not_strict")
def test_a_span_whose_size_is_not_to_be_had_goes_on_with_the_others() -> None:
    class Hostile(ReadableSpan):
        @property
        def attributes(self) -> Any:
            raise RuntimeError

    hostile = Hostile("chat m", context=one("app", "x", {}).get_span_context(), start_time=1)
    with FaultServer() as server:
        exporter = PulseSpanExporter(api_key=KEY, api_url=server.url, protocol="otlp")
        exporter.export([one("app", "a", CHAT), hostile, one("app", "b", CHAT)])
        exporter.shutdown()

    stats = exporter.stats
    assert (stats.ended, stats.delivered, stats.unaccounted) == (3, 3, 0)


@pytest.mark.row("E7", "E9")
def test_times_that_are_no_integers_survive_the_disk(tmp_path: Path) -> None:
    odd: Any = {"start_time": 1.7e18, "end_time": 1.7e18 + 1e6}
    span = ReadableSpan(
        "chat m", context=one("app", "x", {}).get_span_context(), attributes=CHAT, **odd
    )
    with FaultServer() as server:
        exporter = PulseSpanExporter(
            api_key=KEY, api_url=server.url, protocol="otlp", spool_dir=str(tmp_path)
        )
        exporter.export([span])
        exporter.shutdown()

    assert exporter.stats.delivered == 1
    assert b'"startTimeUnixNano":"1700000000000000000"' in server.stored[0].body


@pytest.mark.row("S7")
def test_beside_a_disk_that_takes_nothing_memory_is_bounded_in_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stock, "_MOST_BYTES", 50_000)
    file = tmp_path / "file"
    file.touch()
    kept = Backlog(Ledger(), Spool(file, "name"))

    kept.store(records(3, output_text="x" * 10_000))
    assert not kept.full()
    kept.store(records(3, 3, output_text="x" * 10_000))
    assert kept.full()
    for entry in list(kept.ready)[:3]:
        kept.settle(entry.group, stock.End.DELIVERED)
    assert not kept.full()
    assert len(kept._unsaved) == 1  # nothing is remembered of those that have ended


@pytest.mark.row("E6")
def test_ten_giants_at_once_push_no_others_out_of_the_queue(server: FaultServer) -> None:
    size: Any = lambda record: 1 << 30 if int(record.span_id, 16) < 10 else 500  # noqa: E731
    with sending(server.url, size=size) as delivery:
        delivery.submit([*records(90, 10), *records(10)])
        assert delivery.flush(20) is True
        assert delivery.snapshot().queue_overflow == 0


def test_a_span_with_an_empty_sequence_has_a_size() -> None:
    with_text = one("app", "chat", {**CHAT, "gen_ai.custom": ("x",)})

    assert size_of(one("app", "chat", {**CHAT, "gen_ai.custom": ()})) < size_of(with_text)
