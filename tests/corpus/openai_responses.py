"""Responses of OpenAI, and of hosts that speak its API.

https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from tests.corpus.exchange import Expected, Host, cents
from tests.corpus.named import SAID, bill, function_call, read_and_thought, response

GPT5 = Host("openai", "gpt-5")  # 1.25, cached 0.125, output 10
XAI = Host("xai", "grok-4")  # 3, cached 0.75, output 15
ROUTER = Host("openrouter", "openai/gpt-4o-mini")
SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "q"},
}
OPENED = {**SEARCH, "id": "ws_2", "action": {"type": "open_page", "url": "https://a.example"}}
FILES = {
    "id": "fs_1",
    "type": "file_search_call",
    "status": "completed",
    "queries": ["q"],
    "results": None,
}
CODE = {
    "id": "ci_1",
    "type": "code_interpreter_call",
    "status": "completed",
    "container_id": "c",
    "code": "1",
    "outputs": None,
}
REFUSAL = {**SAID, "content": [{"type": "refusal", "refusal": "I cannot"}]}
THOUGHTS = {"id": "rs_1", "type": "reasoning", "summary": []}
BASE = cents((1000, 1.25), (100, 10))

EXCHANGES = [
    response(GPT5, "plain", bill(1000, 100), Expected(1000, 100, cents=BASE)),
    response(GPT5, "stream", bill(1000, 100), Expected(1000, 100, cents=BASE), stream=True),
    response(
        GPT5,
        "cached and reasoning are parts",
        bill(1000, 100, **read_and_thought(800, 64)),
        Expected(
            1000,
            100,
            cache_read=800,
            reasoning=64,
            cents=cents((200, 1.25), (800, 0.125), (100, 10)),
        ),
        output=(THOUGHTS, SAID),
    ),
    response(
        GPT5,
        "stream, cached and reasoning are parts",
        bill(1000, 100, **read_and_thought(800, 64)),
        Expected(
            1000,
            100,
            cache_read=800,
            reasoning=64,
            cents=cents((200, 1.25), (800, 0.125), (100, 10)),
        ),
        output=(THOUGHTS, SAID),
        stream=True,
    ),
    response(
        GPT5,
        "a function",
        bill(1000, 100),
        Expected(1000, 100, text=None, finish="tool_calls", tools=("weather",), cents=BASE),
        output=(function_call("weather"),),
    ),
    response(
        GPT5,
        "stream of a function",
        bill(1000, 100),
        Expected(1000, 100, text=None, finish="tool_calls", tools=("weather",), cents=BASE),
        output=(function_call("weather"),),
        stream=True,
    ),
    response(
        GPT5,
        "web searches are billed each, opened pages are not",
        bill(1000, 100),
        Expected(1000, 100, cents=BASE + 1),
        output=(SEARCH, OPENED, SAID),
        tools=[{"type": "web_search"}],
    ),
    response(
        GPT5,
        "web searches by the stated count",
        bill(1000, 100),
        Expected(1000, 100, cents=BASE + 2),
        output=(SEARCH, SEARCH, SEARCH, SAID),
        tools=[{"type": "web_search"}],
        tool_usage={"web_search": {"num_requests": 2}},
    ),
    response(
        GPT5,
        "file search is billed per call",
        bill(1000, 100),
        Expected(1000, 100, cents=BASE + 0.25),
        output=(FILES, SAID),
    ),
    response(
        GPT5,
        "code interpreter is billed by container",
        bill(1000, 100),
        Expected(1000, 100),
        output=(CODE, SAID),
    ),
    response(
        GPT5,
        "the preview of web search depends on the model",
        bill(1000, 100),
        Expected(1000, 100),
        output=(SEARCH, SAID),
        tools=[{"type": "web_search_preview"}],
    ),
    response(
        GPT5,
        "cache writes for 12 hours have no listed price",
        bill(
            1000,
            100,
            **read_and_thought(
                0,
                0,
                cache_write_tokens=500,
                cache_write_tokens_details={"ttl_30m_tokens": 0, "ttl_12h_tokens": 500},
            ),
        ),
        Expected(1000, 100, cache_read=0, cache_write=500, reasoning=0),
    ),
    response(
        GPT5,
        "refusal",
        bill(1000, 100),
        Expected(1000, 100, text="I cannot", cents=BASE),
        output=(REFUSAL,),
    ),
    response(
        GPT5,
        "length",
        bill(1000, 100),
        Expected(1000, 100, finish="length", cents=BASE),
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    ),
    response(
        GPT5,
        "stream cut by length",
        bill(1000, 100),
        Expected(1000, 100, finish="length", cents=BASE),
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
        stream=True,
    ),
    response(
        GPT5,
        "content filter",
        bill(1000, 100),
        Expected(1000, 100, finish="content_filter", cents=BASE),
        status="incomplete",
        incomplete_details={"reason": "content_filter"},
    ),
    response(
        GPT5,
        "flex tier",
        bill(1000, 100),
        Expected(1000, 100, cents=BASE / 2),
        service_tier="flex",
    ),
    response(
        GPT5,
        "stream at priority tier",
        bill(1000, 100),
        Expected(1000, 100, cents=BASE * 2),
        service_tier="priority",
        stream=True,
    ),
    response(
        GPT5,
        "failure with status 200",
        None,
        Expected(text=None, finish="error", error="server_error"),
        output=(),
        status="failed",
        error={"code": "server_error", "message": "It broke."},
    ),
    response(
        GPT5,
        "stream with a failure at its end",
        None,
        Expected(text=None, finish="error", error="rate_limit_exceeded"),
        output=(),
        status="failed",
        error={"code": "rate_limit_exceeded", "message": "Too fast."},
        stream=True,
    ),
    response(
        XAI,
        "reasoning is a part of the output, the cost is in ticks",
        bill(1000, 300, **read_and_thought(0, 200), cost_in_usd_ticks=75_000_000),
        Expected(1000, 300, cache_read=0, reasoning=200, cents=0.75),
    ),
    response(
        ROUTER,
        "stated cost",
        bill(1000, 100, cost=0.00031),
        Expected(1000, 100, cents=0.031),
    ),
    response(
        ROUTER,
        "stream with a stated cost",
        bill(1000, 100, cost=0.00031),
        Expected(1000, 100, cents=0.031),
        stream=True,
    ),
    response(
        Host("perplexity", "openai/gpt-5"),
        "cached tokens and cost under names of its own",
        bill(
            1000,
            100,
            input_tokens_details={"cache_read_input_tokens": 400, "cache_creation_input_tokens": 9},
            cost={"currency": "USD", "input_cost": 0.001, "total_cost": 0.0061},
        ),
        Expected(1000, 100, cache_read=400, cache_write=9, cents=0.61),
    ),
    response(
        Host("azure", "gpt-5"),
        "plain",
        bill(1000, 100),
        Expected(1000, 100, cents=BASE),
    ),
]
