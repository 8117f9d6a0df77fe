"""Errors, with their own status and with status 200."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.corpus.exchange import Exchange, Expected, Host, bills, ends, says, usage
from tests.corpus.named import TEXT

MINI = Host("openai", "gpt-4o-mini")
AZURE = Host("azure", "gpt-4o-mini")
ROUTER = Host("openrouter", "openai/gpt-4o-mini")
CLAUDE = Host("anthropic", "claude-haiku-4-5")
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 1},
    },
}
BROKEN = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def failure(code: str) -> Expected:
    return Expected(text=None, finish=None, error=code, response_model=None)


def refused(host: Host, name: str, status: int, error: Any, code: str) -> Exchange:
    return host.body(name, error, failure(code), status=status)


EXCHANGES = [
    refused(
        MINI,
        "no such key",
        401,
        {
            "error": {
                "message": "Bad key",
                "type": "invalid_request_error",
                "code": "invalid_api_key",
            }
        },
        "invalid_api_key",
    ),
    refused(
        MINI,
        "too many requests",
        429,
        {"error": {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}},
        "rate_limit_exceeded",
    ),
    refused(
        AZURE,
        "no such deployment",
        404,
        {"error": {"code": "DeploymentNotFound", "message": "There is none."}},
        "DeploymentNotFound",
    ),
    refused(
        Host("groq", "llama-3.3-70b-versatile"),
        "a tool that was called wrongly",
        400,
        {"error": {"message": "m", "type": "invalid_request_error", "code": "tool_use_failed"}},
        "tool_use_failed",
    ),
    refused(
        Host("deepseek", "deepseek-v4-flash"),
        "no money",
        402,
        {"error": {"message": "m", "type": "unknown_error", "code": "insufficient_balance"}},
        "insufficient_balance",
    ),
    refused(
        Host("moonshot", "kimi-k3"),
        "an error with a type only",
        429,
        {"error": {"message": "m", "type": "engine_overloaded_error"}},
        "engine_overloaded_error",
    ),
    refused(
        ROUTER,
        "a status as the code",
        402,
        {"error": {"code": 402, "message": "Insufficient credits"}},
        "402",
    ),
    ROUTER.body(
        "an error with status 200",
        {"error": {"code": 502, "message": "Provider returned error"}, "user_id": "u"},
        failure("502"),
    ),
    dataclasses.replace(
        ROUTER.stream(
            "an error in a stream",
            [
                says(),
                {
                    "error": {"code": "server_error", "message": "Provider disconnected"},
                    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
                },
            ],
            Expected(finish="error", error="server_error"),
        ),
        wrong="the SDK raises before the chunk with the finish reason is seen",
    ),
    Host("vllm", "Qwen/Qwen3-8B").body(
        "an answer that is the error",
        {"object": "error", "message": "m", "type": "BadRequestError", "code": 400},
        failure("400"),
    ),
    MINI.stream(
        "an end without a finish reason",
        [says(), bills(usage(37, 11))],
        Expected(37, 11, finish=None, cents=(37 * 0.15 + 11 * 0.6) / 10_000),
    ),
    MINI.stream("a stream without text", [ends()], Expected(text=None)),
    CLAUDE.body(
        "overloaded",
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        failure("overloaded_error"),
        api="messages",
        status=529,
    ),
    CLAUDE.body(
        "a bad request",
        {"type": "error", "error": {"type": "invalid_request_error", "message": "m"}},
        failure("invalid_request_error"),
        api="messages",
        status=400,
    ),
    CLAUDE.body(
        "an error in a stream",
        [
            START,
            {"type": "content_block_start", "index": 0, "content_block": TEXT},
            BROKEN,
        ],
        Expected(100, None, finish=None, error="overloaded_error"),
        api="messages",
    ),
]
