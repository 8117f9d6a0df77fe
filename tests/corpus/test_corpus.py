"""Answers of many hosts, in every way to call, and the records expected of them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from tests.conftest import KEY
from tests.corpus import (
    anthropic_messages,
    azure_openrouter,
    bills_in_parts,
    errors,
    gemini_perplexity,
    groq_xai,
    openai_chat,
    openai_responses,
    other_hosts,
    own_servers,
)
from tests.corpus.exchange import HOSTS, Exchange
from tests.corpus.replay import WAYS, Replayer, seen

CORPUS = [
    exchange
    for module in (
        openai_chat,
        openai_responses,
        azure_openrouter,
        groq_xai,
        gemini_perplexity,
        other_hosts,
        own_servers,
        anthropic_messages,
        bills_in_parts,
        errors,
    )
    for exchange in module.EXCHANGES
]


def test_the_corpus_is_large_and_each_exchange_has_a_name() -> None:
    assert len(CORPUS) >= 120
    assert len({exchange.id for exchange in CORPUS}) == len(CORPUS)
    assert {exchange.host for exchange in CORPUS} == set(HOSTS)


@pytest.fixture(scope="module")
def replayer() -> Iterator[Replayer]:
    """One pipeline and one event loop for all exchanges."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": "http://127.0.0.1:9", "tracer_provider": provider}
    )
    loop = asyncio.new_event_loop()
    yield Replayer(memory, loop)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    pulse_otel.shutdown(0)


def _case(exchange: Exchange) -> Any:
    wrong = exchange.wrong
    marks = [pytest.mark.xfail(strict=True, reason=wrong)] if wrong else []
    return pytest.param(exchange, id=exchange.id, marks=marks)


@pytest.mark.parametrize("exchange", [_case(exchange) for exchange in CORPUS])
def test_the_record_says_what_the_host_means(exchange: Exchange, replayer: Replayer) -> None:
    expected = exchange.expected
    if expected.response_model == "as asked":
        expected = dataclasses.replace(expected, response_model=exchange.model)
    if expected.cents is not None:
        expected = dataclasses.replace(expected, cents=round(expected.cents, 9))

    records = {way: replayer.replay(exchange, way) for way in WAYS}

    names = {(record.provider, record.model) for record in records.values()}
    assert names == {(HOSTS[exchange.host][1], exchange.model)}
    assert {way: seen(record) for way, record in records.items()} == dict.fromkeys(WAYS, expected)
