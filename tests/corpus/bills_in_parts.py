"""Answers whose bill is more than a price times a total: hosted tools, several prompts, places.

https://developers.openai.com/api/docs/guides/data-residency
https://platform.claude.com/docs/en/build-with-claude/compaction
https://github.com/Portkey-AI/gateway/issues/1564
https://github.com/router-for-me/CLIProxyAPI/issues/5733
https://github.com/mistralai/client-python
"""

from __future__ import annotations

from typing import Any

from tests.corpus.exchange import Expected, Host, cached, cents, reasoned, usage
from tests.corpus.named import SAID, TEXT, bill, message, response

EUROPE = Host("openai eu", "gpt-5.4")  # 2.5 and 15; data residency 10 % more
EARLIER = Host("openai eu", "gpt-4o-mini")  # 0.15 and 0.6
UNDATED = Host("openai eu", "gpt-chat-latest")
ELSEWHERE = Host("openai", "gpt-5.4")
US_GROK = Host("xai us", "grok-4.6")  # 2 and 6; there 10 % more
GATEWAY = Host("gateway", "gpt-4o-mini")
GEMINI = Host("gemini", "gemini-2.5-flash")  # 0.3, audio 1, output 2.5
HEARD: Any = [{"type": "input_audio", "input_audio": {"data": "aaaa", "format": "wav"}}]
LISTENING: dict[str, Any] = {"messages": [{"role": "user", "content": HEARD}]}
GEMINI_HEARD = Host("gemini", "gemini-2.5-flash", **LISTENING)
PRO_HEARD = Host("gemini", "gemini-2.5-pro", **LISTENING)  # 1.25 and 10, whatever the prompt
VOXTRAL = Host("mistral", "voxtral-small-latest")  # 0.1 and 0.4, and 0.24 an hour of audio
GROK = Host("xai", "grok-3")
HAIKU = Host("anthropic", "claude-haiku-5-5")  # 0.1 and 0.5; above 100,000 tokens 0.5 and 2.5
LIGHT = Host("anthropic", "claude-haiku-4-5")  # 1 and 5

DRAWN = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "aGk="}
SHELL = {
    "id": "sh_1",
    "type": "shell_call",
    "call_id": "c1",
    "status": "completed",
    "action": {"commands": ["ls"]},
}
HOSTED = {**SHELL, "environment": {"type": "container_reference", "container_id": "cntr_1"}}
LISTED = {
    "id": "so_1",
    "type": "shell_call_output",
    "call_id": "c1",
    "status": "completed",
    "output": [],
}
LOCAL = {**SHELL, "environment": {"type": "local"}}
UNHEARD_OF = {"id": "x_1", "type": "teleport_call", "status": "completed"}
DRAWING = {
    "tools": [{"type": "image_generation", "model": "gpt-image-1.5"}],
    "tool_usage": {"image_gen": {"input_tokens": 9, "output_tokens": 4000}},
}
NOTHING_DRAWN = {
    **DRAWING,
    "tool_usage": {"image_gen": {"input_tokens": 0, "output_tokens": 0}},
}
CODE = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "bash_code_execution",
    "input": {"command": "ls"},
}
RAN = {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {}}
FOUND_BY_CODE = {
    "type": "server_tool_use",
    "id": "srvtoolu_2",
    "name": "web_search",
    "input": {"query": "q"},
    "caller": {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"},
}
SEARCHED = {"server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}}
NO_SEARCH = {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}}


def used(fresh: int, made: int, *iterations: tuple[str, int, int], **more: Any) -> dict[str, Any]:
    nothing = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    each = [
        {"type": kind, "input_tokens": read, "output_tokens": wrote, **nothing}
        for kind, read, wrote in iterations
    ]
    stated = {"iterations": each} if each else {}
    return {"input_tokens": fresh, "output_tokens": made, **nothing, **stated, **more}


def parts(fresh: int, made: int, price: float | None) -> Expected:
    return Expected(fresh, made, cache_read=0, cache_write=0, cents=price)


EXCHANGES = [
    # --- where the model ran
    EUROPE.chat(
        "data residency costs 10 % more",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 2.75), (100, 16.5))),
    ),
    ELSEWHERE.chat(
        "nothing more without it",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 2.5), (100, 15))),
    ),
    EARLIER.chat(
        "an earlier model costs the same",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 0.15), (100, 0.6))),
    ),
    UNDATED.chat("a model of unknown date", usage(1000, 100), Expected(1000, 100)),
    US_GROK.chat(
        "in the United States",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 2.2), (100, 6.6))),
    ),
    # --- totals
    VOXTRAL.chat(
        "audio is in the total alone",
        usage(4, 635, 3264, prompt_audio_seconds=203),
        Expected(4, 635, cents=cents((4, 0.1), (635, 0.4)) + 203 * 24 / 3600),
    ),
    GATEWAY.chat(
        "cached tokens are in the total alone",
        usage(100, 20, 1120, **cached(1000)),
        Expected(1100, 20, cache_read=1000, cents=cents((100, 0.15), (1000, 0.075), (20, 0.6))),
    ),
    GATEWAY.chat(
        "reasoning is in the total alone",
        usage(21, 0, 81, **reasoned(60)),
        Expected(21, 60, reasoning=60, cents=cents((21, 0.15), (60, 0.6))),
    ),
    GATEWAY.chat("a total that nothing explains", usage(100, 20, 150), Expected(100, 20)),
    GEMINI.chat(
        "no completion count",
        {"prompt_tokens": 21, "total_tokens": 81},
        Expected(21, 60, cents=cents((21, 0.3), (60, 2.5))),
    ),
    GATEWAY.chat(
        "no completion count",
        {"prompt_tokens": 21, "total_tokens": 81},
        Expected(21),
    ),
    # --- audio in the prompt
    GEMINI_HEARD.chat("an audio prompt is not split", usage(1000, 20), Expected(1000, 20)),
    GEMINI_HEARD.chat(
        "an audio prompt is split",
        usage(1000, 20, prompt_tokens_details={"audio_tokens": 900}),
        Expected(1000, 20, cents=cents((100, 0.3), (900, 1), (20, 2.5))),
    ),
    PRO_HEARD.chat(
        "audio at the price of text",
        usage(1000, 20),
        Expected(1000, 20, cents=cents((1000, 1.25), (20, 10))),
    ),
    # --- tools
    GROK.chat(
        "sources of a search, no stated cost",
        usage(100, 10, num_sources_used=8),
        Expected(100, 10),
    ),
    response(
        ELSEWHERE,
        "an image without its tokens",
        bill(1000, 100),
        Expected(1000, 100),
        output=(DRAWN, SAID),
    ),
    response(
        ELSEWHERE,
        "an image whose tokens were skipped",
        bill(1000, 100),
        Expected(1000, 100),
        output=(DRAWN, SAID),
        **NOTHING_DRAWN,
    ),
    response(
        ELSEWHERE,
        "an image whose output is not split",
        bill(1000, 100),
        Expected(1000, 100),
        output=(DRAWN, SAID),
        **DRAWING,
    ),
    response(
        ELSEWHERE,
        "a hosted shell",
        bill(1000, 100),
        Expected(1000, 100, tools=("shell",)),
        output=(HOSTED, LISTED, SAID),
    ),
    response(
        ELSEWHERE,
        "a shell of the program's own",
        bill(1000, 100),
        Expected(
            1000,
            100,
            finish="tool_calls",
            tools=("shell",),
            cents=cents((1000, 2.5), (100, 15)),
        ),
        output=(LOCAL, SAID),
    ),
    response(
        ELSEWHERE,
        "a tool that is not known",
        bill(1000, 100),
        Expected(1000, 100),
        output=(UNHEARD_OF, SAID),
    ),
    message(
        LIGHT,
        "code in a container",
        used(100, 20, **NO_SEARCH),
        parts(100, 20, None),
        content=[CODE, RAN, TEXT],
    ),
    message(
        LIGHT,
        "code that searches costs the search alone",
        used(100, 20, **SEARCHED),
        parts(100, 20, cents((100, 1), (20, 5)) + 1),
        content=[CODE, FOUND_BY_CODE, RAN, TEXT],
    ),
    # --- several prompts
    message(
        HAIKU,
        "a compaction and an answer below the step",
        used(20_000, 100, ("compaction", 90_000, 1000), ("message", 20_000, 100)),
        parts(110_000, 1100, cents((110_000, 0.1), (1100, 0.5))),
    ),
    message(
        HAIKU,
        "a compaction above the step",
        used(20_000, 100, ("compaction", 110_000, 1000), ("message", 20_000, 100)),
        parts(130_000, 1100, cents((110_000, 0.5), (1000, 2.5), (20_000, 0.1), (100, 0.5))),
    ),
    message(
        HAIKU,
        "turns whose sizes do not add up",
        used(120_000, 200, ("message", 60_000, 100), ("message", 50_000, 100)),
        parts(120_000, 200, None),
    ),
    message(
        HAIKU,
        "turns of a search whose sizes are not stated",
        used(120_000, 200, **SEARCHED),
        parts(120_000, 200, None),
    ),
    message(
        HAIKU,
        "one long prompt",
        used(120_000, 200),
        parts(120_000, 200, cents((120_000, 0.5), (200, 2.5))),
    ),
]
