"""The scripted provider of `frameworks.py`: it knows what it answered, and what it billed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from pulse_otel.local.provider.endpoints import ENDPOINTS, Endpoints
from pulse_otel.local.provider.openai_replies import chat
from pulse_otel.local.provider.received import Received
from pulse_otel.local.provider.reply import Reply, ToolCall
from pulse_otel.local.provider.server import ScriptedProvider
from tests.provider.endpoints import TEST_ENDPOINTS
from tests.provider.response_replies import response, response_stream

CHAT = "POST .*/chat/completions"
RESPONSES = "POST .*/responses"
BILLED = 120 + 45  # what every reply below states, in and out
STATED = b'_tokens":45'


class Metered:
    """A scripted provider; `calls` are its answers, `tokens` what they state in all."""

    def __init__(self, endpoints: Endpoints | None = None) -> None:
        endpoints = endpoints or {**TEST_ENDPOINTS, **ENDPOINTS, CHAT: _chat, RESPONSES: _response}
        self.server = ScriptedProvider(
            {pattern: self._metered(endpoint) for pattern, endpoint in endpoints.items()},
            chunk_delay_s=0.01,  # a client can leave during a stream
        )
        self.calls = 0
        self.tokens = 0

    def __enter__(self) -> Metered:
        self.server.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server.__exit__(exc_type, exc, traceback)

    def _metered(self, endpoint: Callable[[Received], Reply]) -> Callable[[Received], Reply]:
        def answer(received: Received) -> Reply:
            reply = endpoint(received)
            self.calls += 1
            written = b"".join(reply.chunks or ()) + reply.body
            self.tokens += BILLED if STATED in written else 0
            return reply

        return answer


def _chat(received: Received) -> Reply:
    """Answer in the form of the framework that asks, where it has one of its own."""
    request = received.fields()
    said = json.dumps(request.get("messages"))
    tools = [tool["function"]["name"] for tool in request.get("tools") or ()]
    if "final_answer" in tools and "Observation" in json.dumps(request["messages"][-1]):
        return chat(tool_calls=[ToolCall("final_answer", {"answer": "22 degrees"})])
    if "[[ ## " in said:
        return chat(_fields(request))
    return ENDPOINTS[CHAT](received)


def _response(received: Received) -> Reply:
    """Ask for the first tool, then answer."""
    request = received.fields()
    items = request.get("input")
    answered = "function_call_output" in json.dumps(items)
    names = [tool["name"] for tool in request.get("tools") or () if tool["type"] == "function"]
    calls = [ToolCall(name, {"city": "Paris"}) for name in names[:1] if not answered]
    answer = response_stream if request.get("stream") else response
    return answer(model=str(request.get("model")), tool_calls=calls)


def _fields(request: Mapping[str, Any]) -> str:
    """Write the fields that DSPy asks for: a thought and a tool, then an answer."""
    asked = request["messages"][0]["content"]
    turn = request["messages"][-1]["content"]
    done = "[[ ## observation_0 ## ]]" in turn or '"observation_0"' in turn
    if "next_tool_name" not in asked:
        return (
            "[[ ## reasoning ## ]]\nIt is known.\n\n[[ ## answer ## ]]\n22\n\n[[ ## completed ## ]]"
        )
    name, arguments = ("finish", "{}") if done else ("weather", '{"city": "Paris"}')
    return (
        f"[[ ## next_thought ## ]]\nOne step.\n\n[[ ## next_tool_name ## ]]\n{name}\n\n"
        f"[[ ## next_tool_args ## ]]\n{arguments}\n\n[[ ## completed ## ]]"
    )
