"""What runs in the children of `test_servers`; it imports nothing of the other tests."""

from __future__ import annotations


def child(spans: int) -> None:
    """What runs in the processes of a pool: its own set-up where it was not inherited."""
    import pulse_otel
    from pulse_otel.instrumentation.recorder import recorders

    if recorders.observed is None:
        pulse_otel.init_pulse(protocol="otlp", flush_interval=60_000, batch_size=100)
    assert recorders.observed is not None
    tracer = recorders.observed.tracer("test")
    for _ in range(spans):
        tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
