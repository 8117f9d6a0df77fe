"""The table of checks, in the order in which they are made and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulse_otel.terminal.doctor.connection import check_certificate, check_proxy
from pulse_otel.terminal.doctor.content import check_content
from pulse_otel.terminal.doctor.environment import check_instrumentors, check_sdks
from pulse_otel.terminal.doctor.finding import Check, Finding, Setup, Status, skipped
from pulse_otel.terminal.doctor.sent_span import check_span
from pulse_otel.terminal.doctor.service import (
    check_clock,
    check_form,
    check_key_accepted,
    check_service,
)
from pulse_otel.terminal.doctor.settings import check_address, check_key, check_settings
from pulse_otel.terminal.doctor.spool import check_spool

CHECKS: Sequence[Check] = (
    Check("settings", check_settings, "correct the variable in the environment"),
    Check("address", check_address, "give one such as https://pulse.example.com"),
    Check("key", check_key, "set it to a key of your project; `serve` takes pulse_sk_local"),
    Check("proxy", check_proxy, "correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY", ("address",)),
    Check("certificate", check_certificate, needs=("address",)),
    Check(
        "service",
        check_service,
        "see whether it runs, whether PULSE_API_URL is right (http:// or https://), and what a"
        " proxy or a firewall on the way does",
        ("address",),
    ),
    Check("form", check_form, "ask who runs the service", ("service",)),
    Check("key accepted", check_key_accepted, "ask who runs the service", ("key", "form")),
    Check(
        "span",
        check_span,
        "ask who runs the service to look into its log: its database may lack a migration, and"
        " a gateway may answer in its place",
        ("key accepted",),
    ),
    Check(
        "clock",
        check_clock,
        "let the system set its clock (NTP): the times of traces are this machine's",
        ("service",),
    ),
    Check("SDKs", check_sdks, "run this command where your program runs"),
    Check("instrumentors", check_instrumentors),
    Check("content", check_content, needs=("address",)),
    Check(
        "spool",
        check_spool,
        "name a directory of your own that no other user can write to (PULSE_SPOOL_DIR)",
    ),
)


def examine(setup: Setup) -> Iterator[tuple[str, Finding]]:
    """Make the checks; yield the name of each with its findings."""
    unusable = set[str]()
    for check in CHECKS:
        failed = [name for name in check.needs if name in unusable]
        findings = [skipped(f"not checked: see {failed[0]}")] if failed else check.run(setup)
        for finding in findings:
            if finding.status is Status.ERROR or failed:
                unusable.add(check.name)
            yield check.name, _with_remedy(finding, check)


def _with_remedy(finding: Finding, check: Check) -> Finding:
    needs_one = finding.status in (Status.ERROR, Status.WARNING) and not finding.remedy
    return Finding(finding.status, finding.said, check.remedy) if needs_one else finding
