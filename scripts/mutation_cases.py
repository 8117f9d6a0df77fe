"""Which files `mutation.py` mutates, which tests should notice, and which mutants nothing notices.

The tests are in an order: those that fail soonest first.
"""

from __future__ import annotations

from dataclasses import dataclass

DELIVERY = "pulse_otel/export/delivery/"
SPOOL = "pulse_otel/export/spool/"
ACCOUNTS = "pulse_otel/export/accounts/"
CALLS = "pulse_otel/instrumentation/"


def _tests(folder: str, names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}test_{name}.py" for name in names.split())


_BATCHES = _tests(
    "export/delivery/", "suspicion request_size batches poison giants slow traces_delivery"
)
_WORKER = _tests("export/delivery/", "worker_threads outage clocks shutdown_policy delivery")
_SPOOL = _tests(
    "export/spool/", "spool_places spool_sweep spool spool_foreign spool_damage spool_delivery"
)
_DISKS = _tests("export/spool/", "spool_disks")
_ACCOUNTS = _tests("export/accounts/", "ledger reentrance accounting")
_STREAMS = _tests(
    "instrumentation/",
    "streams_odd streams_raw streams_objects streams_context stream_record first_chunks"
    " stream_usage stream_usage_unseen stream_memory raw_stream_usage",
)
_CALLS = _tests(
    "instrumentation/",
    "observe sessions parse_raises errors_in_answers coexistence what_was_sent program_writes",
)
_PATCHES = _tests("instrumentation/", "patching parameters_of_requests uninstrument instrumentors")
_TOOLS = _tests(
    "instrumentation/", "tools tool_evidence tool_fragments tool_definitions tool_interleavings"
)
_PLANTED = _tests("", "planted_bugs")

TESTS: dict[str, tuple[str, ...]] = {
    f"{DELIVERY}backlog.py": (*_SPOOL, *_tests("export/delivery/", "giants clocks")),
    f"{DELIVERY}backoff.py": _tests("export/delivery/", "backoff outage clocks shutdown_policy"),
    f"{DELIVERY}batch.py": _BATCHES,
    f"{DELIVERY}batches.py": (*_BATCHES, *_tests("export/spool/", "spool_delivery")),
    f"{DELIVERY}flush_policy.py": _tests("export/delivery/", "shutdown_policy clocks delivery"),
    f"{DELIVERY}preload.py": _tests("", "imports"),
    f"{DELIVERY}queue.py": (*_tests("export/delivery/", "queue"), *_WORKER, *_ACCOUNTS),
    f"{DELIVERY}request_size.py": _tests("export/delivery/", "request_size slow"),
    f"{DELIVERY}sender.py": (
        *_BATCHES,
        *_tests("export/delivery/", "sender backoff outage"),
        *_tests("export/transport/", "protocol"),
    ),
    f"{DELIVERY}span_size.py": _tests("export/delivery/", "span_size giants delivery"),
    f"{DELIVERY}steps.py": (*_BATCHES, *_WORKER),
    f"{DELIVERY}suspicion.py": _tests("export/delivery/", "suspicion poison slow"),
    f"{DELIVERY}threads.py": _tests("export/delivery/", "worker_threads threads clocks"),
    f"{DELIVERY}worker.py": (
        *_WORKER,
        *_tests("export/delivery/", "slow"),
        *_tests("export/spool/", "spool_delivery"),
    ),
    f"{SPOOL}batch.py": (*_SPOOL, *_tests("export/delivery/", "giants")),
    f"{SPOOL}files.py": _SPOOL,
    f"{SPOOL}spool.py": (*_SPOOL, *_DISKS),
    f"{ACCOUNTS}ledger.py": (*_ACCOUNTS, *_tests("export/spool/", "spool_delivery")),
    f"{ACCOUNTS}metrics.py": _ACCOUNTS,
    f"{ACCOUNTS}span_ends.py": (*_ACCOUNTS, *_tests("export/delivery/", "delivery")),
    f"{ACCOUNTS}stats.py": _ACCOUNTS,
    f"{CALLS}call.py": (
        *_CALLS,
        *_STREAMS,
        *_tests(
            "instrumentation/",
            "tools tool_evidence metrics metrics_of_which_calls bills signal_handlers",
        ),
        *_tests("instrumentation/openai/", "background"),
    ),
    f"{CALLS}stream.py": (
        *_STREAMS,
        *_PLANTED,
        *_tests("instrumentation/", "errors_in_answers metrics"),
        *_tests("instrumentation/openai/", "media"),
    ),
    f"{CALLS}tools.py": (*_TOOLS, *_tests("units/", "tools")),
    f"{CALLS}tool_evidence.py": _TOOLS,
    f"{CALLS}patch.py": _PATCHES,
    "pulse_otel/guard.py": (
        *_tests("", "guard planted_bugs"),
        *_tests("instrumentation/", "signal_handlers"),
    ),
    "pulse_otel/bounds.py": _tests("", "bounds values"),
}


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test notices, and why that is right. `line`, as it is, became `mutant`."""

    path: str
    line: str
    mutant: str
    why: str


SURVIVORS: tuple[Survivor, ...] = (
    Survivor(
        f"{DELIVERY}batch.py",
        "@dataclass(slots=True, eq=False)",
        "@dataclass(slots=True, eq=True)",
        "no two batches have equal entries; identity only takes less time",
    ),
    Survivor(
        f"{DELIVERY}preload.py",
        "to_json({})  # its encoder prepares itself at the first use, under a lock of its own",
        "pass  # its encoder prepares itself at the first use, under a lock of its own",
        "matters to a fork in the microseconds in which another thread writes its first JSON",
    ),
    Survivor(
        f"{DELIVERY}flush_policy.py",
        "return self._backoff.open or time.monotonic() - self._since > ANSWER_S",
        "return self._backoff.open or time.monotonic() - self._since >= ANSWER_S",
        "the same except for one reading of a nanosecond clock",
    ),
    Survivor(
        f"{DELIVERY}backlog.py",
        "self._search_at = self._lease_at = 0.0",
        "self._search_at = self._lease_at = (-1.0)",
        "both are times that have passed",
    ),
    Survivor(
        f"{DELIVERY}backoff.py",
        "_not_before: float = 0.0  # as the service asked for",
        "_not_before: float = 1.0  # as the service asked for",
        "both are times that have passed",
    ),
    Survivor(
        f"{DELIVERY}steps.py",
        "hold_s: float = 0.0  # how long after its end a call waits for a second recording of it",
        "hold_s: float = 1.0  # how long after its end a call waits for a second recording of it",
        "the exporter always says how long",
    ),
    Survivor(
        f"{DELIVERY}batches.py",
        "if takes_others or batch.errors < SUSPECT_AFTER:",
        "if takes_others or batch.errors <= SUSPECT_AFTER:",
        "an error more is counted in an outage, which decides nothing before it is over",
    ),
    Survivor(
        f"{DELIVERY}sender.py",
        "if self._backlog.on_disk and self.backoff.pause_s() > _LONG_PAUSE_S:",
        "if self._backlog.on_disk and self.backoff.pause_s() >= _LONG_PAUSE_S:",
        "the same except for one reading of a nanosecond clock",
    ),
    Survivor(
        f"{DELIVERY}flush_policy.py",
        "self._until = 0.0",
        "self._until = (-1.0)",
        "both are times that have passed",
    ),
    Survivor(
        f"{DELIVERY}queue.py",
        "self._ledger.changed.notify_all()",
        "pass",
        "who waits looks again by itself, a tenth of a second later",
    ),
    Survivor(
        f"{SPOOL}batch.py",
        "size = 0",
        "size = (-1)",
        "a byte of 5 MiB",
    ),
    Survivor(
        f"{CALLS}tool_evidence.py",
        "if result.asked is not None and asked is not None:",
        "if result.asked is not None or asked is not None:",
        "one is None where the other is; the second is for type checkers",
    ),
    Survivor(
        f"{CALLS}tool_evidence.py",
        "_LONGEST_ID = 256  # characters that are tested; some servers put kilobytes into an id",
        "_LONGEST_ID = 2560  # characters that are tested; some servers put kilobytes into an id",
        "a bound that was chosen",
    ),
    Survivor(
        f"{CALLS}tool_evidence.py",
        "limit: int = 0  # in bytes, of the `digest` of `before`",
        "limit: int = 1  # in bytes, of the `digest` of `before`",
        "the default stands where there are no results, and then nothing takes the digest",
    ),
    Survivor(
        f"{CALLS}stream.py",
        'elif hasattr(result, "http_response") and hasattr(result, "parse"):',
        'elif hasattr(result, "http_response") or hasattr(result, "parse"):',
        "the raw responses of the SDKs have both, and nothing else has either",
    ),
    Survivor(
        f"{CALLS}stream.py",
        "observer.inside = False  # first: a signal handler may keep us from the rest",
        "observer.inside = True  # first: a signal handler may keep us from the rest",
        "`left_sdk` does it again; between the two, only a signal handler runs",
    ),
    Survivor(
        f"{CALLS}stream.py",
        "observer.inside = False  # first, as above",
        "pass  # first, as above",
        "as in the line above",
    ),
    Survivor(
        f"{CALLS}tools.py",
        "return False",
        "return True",
        "a quick look, which spares the request a longer one",
    ),
    Survivor(
        f"{ACCOUNTS}ledger.py",
        "size: int = 0  # bytes, if the disk did not accept them",
        "size: int = (-1)  # bytes, if the disk did not accept them",
        "a byte of 64 MiB",
    ),
    Survivor(
        f"{CALLS}patch.py",
        "except ImportError:",
        "except CosmicRayTestingException:",
        "raised where the import of an SDK fails at that moment in another thread",
    ),
    Survivor(
        f"{DELIVERY}queue.py",
        "self.drained_upto = 0  # so many of those received are no longer in here",
        "self.drained_upto = (-1)  # so many of those received are no longer in here",
        "a reading that finds nothing sets it",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "runs = name.until is not None and 0 <= name.until - self._clock() <= 2 * self._lease_s",
        "runs = name.until is not None and 0 < name.until - self._clock() <= 2 * self._lease_s",
        "the same except for one reading of a clock",
    ),
    Survivor(
        "pulse_otel/guard.py",
        "_internal_errors = 0",
        "_internal_errors = (-1)",
        "only how much it grows is read, by the tests",
    ),
    Survivor(
        f"{DELIVERY}backlog.py",
        "_RENEW_S = 15.0",
        "_RENEW_S = 1.0",
        "a lease that is renewed more often holds as well",
    ),
    Survivor(
        f"{DELIVERY}backlog.py",
        "return len(self.ready) >= _MOST_IN_MEMORY or size >= _MOST_BYTES",
        "return len(self.ready) >= _MOST_IN_MEMORY or size > _MOST_BYTES",
        "a byte of many MiB",
    ),
    Survivor(
        f"{ACCOUNTS}ledger.py",
        "damaged: bool = False",
        "damaged: bool = True",
        "set for each group that gets a file",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "runs = name.until is not None and 0 <= name.until - self._clock() <= 2 * self._lease_s",
        "runs = name.until is not None and 0 <= name.until - self._clock() <= 3 * self._lease_s",
        "a bound that was chosen: only a step of the clock makes a lease end so late",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "self.leave(name.text)",
        "pass",
        "the file is gone: what is remembered of its name takes memory, and is asked for no more",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "self._ours.discard(waiting)",
        "pass",
        "another process has the file; if that one dies, it is taken when the lease runs out",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "MAX_BYTES = 100 << 20",
        "MAX_BYTES = 1000 << 20",
        "a bound that was chosen; the tests set smaller ones",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "if self._bytes <= self._max_bytes * _FULL_AGAIN:",
        "if self._bytes < self._max_bytes * _FULL_AGAIN:",
        "a byte of many MiB",
    ),
    Survivor(
        f"{CALLS}call.py",
        "_ends_span = True  # False: the span belongs to another instrumentation",
        "_ends_span = False  # False: the span belongs to another instrumentation",
        "`open` sets it for each call",
    ),
    Survivor(
        f"{CALLS}call.py",
        "guarded(self.span.end, self.ended_ns)",
        "pass",
        "struck as the span ends: the long form of test_signal_handlers notices it",
    ),
    Survivor(
        f"{CALLS}call.py",
        "if tool_calls.waiting and may_have_results(request):",
        "if tool_calls.waiting or may_have_results(request):",
        "a quick look, which spares the request a longer one",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "if self._bytes > self._max_bytes or self._steady() - self._listed_at > _LISTED_FOR_S:",
        "if self._bytes > self._max_bytes or self._steady() - self._listed_at >= _LISTED_FOR_S:",
        "the same except for one reading of a clock",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "if self._bytes > self._max_bytes or self._steady() - self._listed_at > _LISTED_FOR_S:",
        "if self._bytes >= self._max_bytes or self._steady() - self._listed_at > _LISTED_FOR_S:",
        "a byte of 100 MiB",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "MAX_BYTES = 100 << 20",
        "MAX_BYTES = 10 << 20",
        "any bound will do; the tests set their own",
    ),
    Survivor(
        f"{DELIVERY}worker.py",
        "changed.wait(self._queue.wait_s(self.expedite.on) or 0.5)",
        "changed.wait(self._queue.wait_s(self.expedite.on) and 0.5)",
        "a wait, which what is to be done ends before its time",
    ),
    Survivor(
        f"{DELIVERY}worker.py",
        "self._prepare()",
        "pass",
        "then the imports are made with the first batch",
    ),
    Survivor(
        f"{DELIVERY}worker.py",
        "if left <= 0 or self._stopped:",
        "if left < 0 or self._stopped:",
        "the same except for one reading of a nanosecond clock",
    ),
    Survivor(
        f"{DELIVERY}worker.py",
        "if not self._sending.acquire(timeout=max(0.0, deadline - time.monotonic())):",
        "if not self._sending.acquire(timeout=max(0.0, deadline + time.monotonic())):",
        "whoever holds the lock has the same deadline",
    ),
    Survivor(
        f"{DELIVERY}batches.py",
        "and sum(batch.size for batch in written) < 2 * MAX_REQUEST_BYTES",
        "or sum(batch.size for batch in written) < 2 * MAX_REQUEST_BYTES",
        "either bounds what an outage brings past the queue",
    ),
    Survivor(
        f"{DELIVERY}backlog.py",
        "if self._ledger.settle(group, end, count) and not last:",
        "if self._ledger.settle(group, end, count) and  last:",
        "matters where two threads settle the last spans of a file at once",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "if text and len(text) < share:",
        "if text and len(text) <= share:",
        "a byte",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "value = write(field[1], room - len(name) - 1, depth)",
        "value = write(field[1], room - len(name) - 2, depth)",
        "a byte",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "last = cut.whole(items[-1], (room - reserve) * 3 // 4)",
        "last = cut.whole(items[-1], (room - reserve) * 3 // 5)",
        "a share that was chosen, like others",
    ),
    Survivor(
        f"{SPOOL}files.py",
        "MAX_FILE_BYTES = 64 << 20",
        "MAX_FILE_BYTES = 640 << 20",
        "any bound will do: what is read then is no record either",
    ),
    Survivor(
        f"{SPOOL}files.py",
        "if found.st_uid not in (0, os.geteuid()):",
        "if found.st_uid not in (1, os.geteuid()):",
        "seen only where the tests are not run by root",
    ),
    Survivor(
        f"{SPOOL}spool.py",
        "self._usable = True",
        "self._usable = False",
        "the directory is then checked for each file, which takes longer and changes nothing",
    ),
    Survivor(
        f"{DELIVERY}queue.py",
        "ROUND_RECORDS, ROUND_BYTES = 1000, 5 << 20",
        "ROUND_RECORDS, ROUND_BYTES = 10000, 5 << 20",
        "a number that was chosen; the bytes and the time bound a round too",
    ),
    Survivor(
        f"{DELIVERY}queue.py",
        "ROUND_S = 0.05  # until what was read goes to disk, if there is one",
        "ROUND_S = 1.05  # until what was read goes to disk, if there is one",
        "a time that was chosen; the tests hold that it ends a round",
    ),
    Survivor(
        f"{DELIVERY}span_size.py",
        "UNKNOWN_BYTES: Final = 4000  # of a span whose size cannot be had",
        "UNKNOWN_BYTES: Final = 40000  # of a span whose size cannot be had",
        "a guess either way",
    ),
    Survivor(
        f"{DELIVERY}span_size.py",
        "size = 0",
        "size = 1",
        "a byte of an estimate",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "_WORTH_CUTTING = 8192  # another value is shortened instead of left out if this much fits",
        "_WORTH_CUTTING = 81920"
        "  # another value is shortened instead of left out if this much fits",
        "a size that was chosen; it matters in a room above 256 KiB only",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "rest = (room - reserve) // 4 if last is None else room - reserve - len(last) - 1",
        "rest = (room - reserve) // (3) if last is None else room - reserve - len(last) - 1",
        "a share that was chosen",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "room -= len(last) + 1 if last else 0",
        "room -= len(last) + 2 if last else 0",
        "a byte",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "part = cut.within(items[-1 - kept], room - 1, depth)",
        "part = cut.within(items[-1 - kept], room - 2, depth)",
        "a byte",
    ),
    Survivor(
        "pulse_otel/bounds.py",
        "while position < len(fields) and room >= cut.worth and len(larger) < PIECES:",
        "while position < len(fields) and room > cut.worth and len(larger) < PIECES:",
        "a byte",
    ),
)
