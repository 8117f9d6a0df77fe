"""The settings that a program may give, and what each means.

`scripts/settings_page.py` writes docs/reference/settings.md from this class.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict


class PulseConfig(TypedDict, total=False):
    """The settings of `init_pulse`; each falls back to ``PULSE_<NAME>`` in the environment.

    None counts as not given, so that ``api_key=os.environ.get("KEY")`` works.
    """

    api_key: str | None
    """The key of a project of the service. Required unless `enabled` is false or
    `protocol` is `collector`."""

    api_url: str | None
    """The base address of the service, without `/v1/traces`. Requests use the proxies of the
    environment, except to this machine."""

    batch_size: int | None
    """How many ended spans are sent at once, without waiting for `flush_interval`."""

    flush_interval: int | None
    """How long an ended span waits at most before it is sent, in milliseconds."""

    enabled: bool | None
    """False: nothing is recorded, everything else works, and no other setting is checked."""

    instrument: bool | None
    """True: every `openai` and `anthropic` client is recorded, without `observe`. Neither SDK is
    imported for it."""

    service_name: str | None
    """`service.name` of the spans, if the TracerProvider is ours. The default is the name of the
    program, which Pulse also gets wherever no provider names the service."""

    capture_content: bool | None
    """False: no prompts, answers, tool definitions, arguments or results are recorded. If it is
    not given, `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` decides, and else content is
    recorded."""

    max_content_bytes: int | None
    """The longest content attribute of a span, in bytes: the input, the answer, the instructions,
    the tool definitions. The service may take less."""

    stream_usage: Literal["auto", "always", "never"] | None
    """Whether OpenAI chat streams are asked for their usage: `auto` asks api.openai.com and Azure,
    `always` asks every server. What that adds to the stream is hidden from the program."""

    sample_rate: float | None
    """The share of the traces that is sent. A trace is sent whole or not at all."""

    keep_errors: bool | None
    """True: a failed call is sent even if `sample_rate` leaves out its trace."""

    protocol: Literal["auto", "otlp", "traces", "collector"] | None
    """The form in which spans are sent: `otlp` to current services, `traces` to legacy ones.
    `auto` asks the service. `collector` sends to an OpenTelemetry Collector, without the key."""

    ca_file: str | os.PathLike[str] | None
    """A PEM file of the certificate authorities to trust. It wins over `REQUESTS_CA_BUNDLE`."""

    spool_dir: str | os.PathLike[str] | None
    """A directory that keeps what is not delivered through a crash, a restart or a long outage.
    The files hold prompts and answers in plain text."""

    redact: Callable[[str], str] | str | None
    """A function that each text passes before it is sent or written to disk."""

    prices: Mapping[str, Any] | str | os.PathLike[str] | None
    """Your own prices by model."""

    flush_on_sigterm: bool | None
    """True: SIGTERM sends the waiting spans, for at most 5 s, and then has its usual effect."""

    tracer_provider: Any
    """The OpenTelemetry TracerProvider that makes the spans, if it is not the global one."""
