"""Messages of Anthropic's API, from itself and from other hosts.

https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Any

from tests.corpus.exchange import Expected, Host, cents
from tests.corpus.named import TEXT, message, message_stream

HAIKU = Host("anthropic", "claude-haiku-4-5")  # 1, read 0.1, written 1.25, for an hour 2, output 5
OPUS = Host("anthropic", "claude-opus-5")  # 5, output 25; fast 10 and 50
ROUTER = Host("anthropic by openrouter", "anthropic/claude-sonnet-4.5")
DEEPSEEK = Host("anthropic by deepseek", "deepseek-v4-flash")  # off-peak 0.15, read 0.003, 0.6
KIMI = Host("anthropic by moonshot", "kimi-k3")  # 3, read 0.3, written 3, output 15
LITELLM = Host("anthropic by litellm", "claude-haiku-4-5")
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
SEARCH = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "q"},
}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
BASE = cents((100, 1), (20, 5))


def used(fresh: int, made: int, **more: Any) -> dict[str, Any]:
    return {"input_tokens": fresh, "output_tokens": made, **more}


def cache(read: int, five_minutes: int, hour: int = 0) -> dict[str, Any]:
    return {
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five_minutes + hour,
        "cache_creation": {
            "ephemeral_5m_input_tokens": five_minutes,
            "ephemeral_1h_input_tokens": hour,
        },
    }


def iteration(kind: str, fresh: int, made: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, **used(fresh, made, **cache(0, 0)), **more}


NONE = cache(0, 0)
BOTH = cache(1000, 200, 300)
BOTH_EXPECTED = Expected(
    1600,
    20,
    cache_read=1000,
    cache_write=500,
    cents=cents((100, 1), (1000, 0.1), (200, 1.25), (300, 2), (20, 5)),
)
TOOL_EXPECTED = Expected(100, 20, text=None, finish="tool_calls", tools=("weather",), cents=BASE)
SEARCHES = {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0}}
PLAIN = Expected(100, 20, cents=BASE)
ZERO = Expected(100, 20, cache_read=0, cache_write=0, cents=BASE)
COMPACTED = [iteration("compaction", 5000, 300), iteration("message", 100, 20)]
COMPACTED_EXPECTED = Expected(
    5100, 320, cache_read=0, cache_write=0, cents=cents((5100, 1), (320, 5))
)
ADVISED = [
    iteration("message", 60, 10),
    iteration("advisor_message", 400, 50, model="claude-opus-5"),
    iteration("message", 40, 10),
]

EXCHANGES = [
    message(HAIKU, "plain", used(100, 20), PLAIN),
    message(HAIKU, "no cached tokens", used(100, 20, **NONE, service_tier="standard"), ZERO),
    message(
        HAIKU,
        "the input leaves out what was cached",
        used(100, 20, **cache(1000, 200)),
        Expected(
            1300,
            20,
            cache_read=1000,
            cache_write=200,
            cents=cents((100, 1), (1000, 0.1), (200, 1.25), (20, 5)),
        ),
    ),
    message(HAIKU, "cache writes for one hour", used(100, 20, **BOTH), BOTH_EXPECTED),
    message(
        HAIKU,
        "thoughts are a part of the output",
        used(100, 200, output_tokens_details={"thinking_tokens": 180}),
        Expected(100, 200, reasoning=180, cents=cents((100, 1), (200, 5))),
        content=(THOUGHT, TEXT),
    ),
    message(HAIKU, "a tool", used(100, 20), TOOL_EXPECTED, content=(TOOL,), stop="tool_use"),
    message(
        HAIKU,
        "length",
        used(100, 20),
        Expected(100, 20, finish="length", cents=BASE),
        stop="max_tokens",
    ),
    message(HAIKU, "a stop sequence", used(100, 20), PLAIN, stop="stop_sequence"),
    message(
        HAIKU,
        "refusal",
        used(100, 0),
        Expected(100, 0, text=None, finish="content_filter", cents=cents((100, 1))),
        content=(),
        stop="refusal",
    ),
    message(
        HAIKU,
        "web searches",
        used(100, 20, **SEARCHES),
        Expected(100, 20, cents=BASE + 2),
        content=(SEARCH, FOUND, TEXT),
    ),
    message(
        HAIKU,
        "fetched pages have no fee",
        used(100, 20, server_tool_use={"web_search_requests": 0, "web_fetch_requests": 3}),
        PLAIN,
    ),
    message(
        HAIKU,
        "batch tier is half",
        used(100, 20, service_tier="batch"),
        Expected(100, 20, cents=BASE / 2),
    ),
    message(
        HAIKU,
        "priority tier is paid in advance",
        used(100, 20, service_tier="priority"),
        Expected(100, 20),
    ),
    message(
        OPUS,
        "fast",
        used(100, 20, speed="fast"),
        Expected(100, 20, cents=cents((100, 10), (20, 50))),
    ),
    message(HAIKU, "fast without a listed price", used(100, 20, speed="fast"), Expected(100, 20)),
    message(
        OPUS,
        "inference in the United States",
        used(100, 20, inference_geo="us"),
        Expected(100, 20, cents=cents((100, 5.5), (20, 27.5))),
    ),
    message(
        OPUS,
        "inference anywhere",
        used(100, 20, inference_geo="global"),
        Expected(100, 20, cents=cents((100, 5), (20, 25))),
    ),
    message(
        HAIKU,
        "the tokens of a compaction come on top",
        used(100, 20, **NONE, iterations=COMPACTED),
        COMPACTED_EXPECTED,
    ),
    message(
        HAIKU,
        "an advisor has the price of its own model",
        used(100, 20, iterations=ADVISED),
        Expected(100, 20, cents=BASE + cents((400, 5), (50, 25))),
    ),
    message(
        Host("anthropic", "claude-sonnet-4-5"),
        "a long prompt has higher prices",
        used(250_000, 20),
        Expected(250_000, 20, cents=cents((250_000, 6), (20, 22.5))),
    ),
    message_stream(HAIKU, "stream", (used(100, 1), {"output_tokens": 20}), PLAIN),
    message_stream(
        HAIKU,
        "stream with cumulative counts",
        (
            used(100, 1, **BOTH),
            {**used(100, 20), "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 500},
        ),
        BOTH_EXPECTED,
    ),
    message_stream(
        HAIKU,
        "stream with an input that grows by searches",
        (used(40, 1), used(100, 20, **SEARCHES)),
        Expected(100, 20, cents=BASE + 2),
        content=(SEARCH, FOUND, TEXT),
    ),
    message_stream(
        HAIKU,
        "stream of a tool",
        (used(100, 1), {"output_tokens": 20}),
        TOOL_EXPECTED,
        content=(TOOL,),
        stop="tool_use",
    ),
    message_stream(
        HAIKU,
        "stream with thoughts",
        (used(100, 1), {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 12}}),
        Expected(100, 20, reasoning=12, cents=BASE),
        content=(THOUGHT, TEXT),
    ),
    message_stream(
        HAIKU,
        "stream with a compaction",
        (used(100, 1, **NONE), {"output_tokens": 20, "iterations": COMPACTED}),
        COMPACTED_EXPECTED,
    ),
    message_stream(
        HAIKU,
        "stream cut by length",
        (used(100, 1), {"output_tokens": 20}),
        Expected(100, 20, finish="length", cents=BASE),
        stop="max_tokens",
    ),
    message(ROUTER, "stated cost", used(100, 20, cost=0.0042), Expected(100, 20, cents=0.42)),
    message_stream(
        ROUTER,
        "stream with a stated cost",
        (used(100, 1), {"output_tokens": 20, "cost": 0.0042}),
        Expected(100, 20, cents=0.42),
    ),
    message(
        DEEPSEEK,
        "cached tokens",
        used(100, 20, cache_read_input_tokens=900),
        Expected(1000, 20, cache_read=900, cents=cents((100, 0.15), (900, 0.003), (20, 0.6))),
    ),
    message(
        KIMI,
        "cached and written tokens",
        used(100, 20, cache_read_input_tokens=300, cache_creation_input_tokens=50),
        Expected(
            450,
            20,
            cache_read=300,
            cache_write=50,
            cents=cents((100, 3), (300, 0.3), (50, 3), (20, 15)),
        ),
    ),
    message(LITELLM, "without a stated cost", used(100, 20), Expected(100, 20)),
]
