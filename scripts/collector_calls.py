"""The calls whose traces `collector.py table` compares: each as a program would write it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import anthropic
import openai
from opentelemetry.trace import Status, StatusCode, Tracer

from pulse_otel.local.provider.replies import Reply, ToolCall, chat, chat_stream, message
from pulse_otel.local.provider.replies import openai_error as failed

_MODEL: Final = "gpt-4o-mini"
_ASKED: Final = "What is the weather in Paris?"
_WEATHER: Final[Mapping[str, Any]] = {
    "name": "get_weather",
    "description": "The weather in a city, now.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
_PICTURE: Final = "data:image/png;base64,iVBORw0KGgo="


@dataclass
class Program:
    """What the calls need: clients towards the scripted provider, and its replies."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic
    tracer: Tracer
    provider: Any

    def ask(self, *replies: Reply, content: Any = _ASKED, **more: Any) -> Any:
        """Make a chat completion that the provider answers with `replies`."""
        self.provider.enqueue(*replies)
        messages = more.pop("messages", [{"role": "user", "content": content}])
        create: Any = self.openai.chat.completions.create
        return create(model=_MODEL, messages=messages, **more)


def _chat(program: Program) -> None:
    labels = {"pulse_session_id": "order-17", "pulse_metadata": {"feature": "thanks"}}
    program.ask(chat(), temperature=0.5, user="u-9", **labels)


def _stream(program: Program) -> None:
    reply = chat_stream(include_usage=True)
    list(program.ask(reply, stream=True, stream_options={"include_usage": True}))


def _tools(program: Program) -> None:
    tools = [{"type": "function", "function": _WEATHER}]
    call = ToolCall("get_weather", {"city": "Paris"}, id="call_1")
    said = program.ask(chat(tool_calls=[call]), tools=tools).choices[0].message
    turns = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": _ASKED},
        said.model_dump(include={"role", "content", "tool_calls"}),
        {"role": "tool", "tool_call_id": "call_1", "content": '{"sky": "sunny"}'},
    ]
    program.ask(chat("It is sunny."), tools=tools, messages=turns)


def _parts(program: Program) -> None:
    picture = {"type": "image_url", "image_url": {"url": _PICTURE}}
    program.ask(chat(), content=[{"type": "text", "text": "What is this?"}, picture])


def _two_answers(program: Program) -> None:
    reply = chat("Yes.")
    body = json.loads(reply.body)
    second = json.loads(json.dumps(body["choices"][0])) | {"index": 1}
    second["message"]["content"] = "No."
    body["choices"].append(second)
    program.ask(Reply(body=json.dumps(body).encode()), n=2)


def _responses(program: Program) -> None:
    program.openai.responses.create(model=_MODEL, instructions="Be short.", input=_ASKED)


def _message(program: Program) -> None:
    call = ToolCall("get_weather", {"city": "Paris"}, id="toolu_1")
    program.provider.enqueue(message("I will look.", tool_calls=[call]))
    tool = {"name": "get_weather", "input_schema": _WEATHER["parameters"]}
    create: Any = program.anthropic.messages.create
    asked = [{"role": "user", "content": _ASKED}]
    create(
        model="claude-haiku-4-5", max_tokens=99, system="Be short.", messages=asked, tools=[tool]
    )


def _embeddings(program: Program) -> None:
    program.openai.embeddings.create(model="text-embedding-3-small", input=["one", "two"])


def _error(program: Program) -> None:
    with contextlib.suppress(openai.RateLimitError):
        program.ask(failed(429, "Slow down."))


def _large(program: Program) -> None:
    program.ask(chat(), content="A long story. " * 10_000)


def _poison(program: Program) -> None:
    """Record as other instrumentations do, which neither clean texts nor bound numbers."""
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "A\x00B"}]}]
    with program.tracer.start_as_current_span("chat") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "openai")
        span.set_attribute("gen_ai.request.model", _MODEL)
        span.set_attribute("gen_ai.response.id", "chat\x00cmpl")
        span.set_attribute("gen_ai.usage.input_tokens", 2**40)
        span.set_attribute("gen_ai.usage.output_tokens", 45)
        span.set_attribute("gen_ai.output.messages", json.dumps(said))


def _agent(program: Program) -> None:
    """An agent and its tool as other instrumentations record them: the conventions' spans."""
    with program.tracer.start_as_current_span("invoke_agent planner") as agent:
        agent.set_attribute("gen_ai.operation.name", "invoke_agent")
        agent.set_attribute("gen_ai.agent.name", "planner")
        with program.tracer.start_as_current_span("execute_tool get_weather") as tool:
            tool.set_attribute("gen_ai.operation.name", "execute_tool")
            tool.set_attribute("gen_ai.tool.name", "get_weather")
            tool.set_attribute("gen_ai.tool.call.id", "call_2")
            tool.set_attribute("gen_ai.tool.call.arguments", '{"city":"Paris"}')
            tool.set_attribute("gen_ai.tool.call.result", "sunny")
        agent.set_status(Status(StatusCode.ERROR, "gave up"))


def _other_vocabulary(program: Program) -> None:
    """A call as OpenInference writes it."""
    with program.tracer.start_as_current_span("ChatCompletion") as span:
        span.set_attribute("openinference.span.kind", "LLM")
        span.set_attribute("llm.model_name", _MODEL)
        span.set_attribute("llm.token_count.prompt", 120)
        span.set_attribute("llm.token_count.completion", 45)
        span.set_attribute("llm.input_messages.0.message.role", "user")
        span.set_attribute("llm.input_messages.0.message.content", _ASKED)
        span.set_attribute("llm.output_messages.0.message.role", "assistant")
        span.set_attribute("llm.output_messages.0.message.content", "It is sunny.")


CALLS: Final[Mapping[str, Callable[[Program], None]]] = {
    "chat": _chat,
    "stream": _stream,
    "tools": _tools,
    "parts": _parts,
    "n=2": _two_answers,
    "Responses": _responses,
    "Anthropic": _message,
    "embeddings": _embeddings,
    "error": _error,
    "large": _large,
    "poison": _poison,
    "agent": _agent,
    "OpenInference": _other_vocabulary,
}
"""What is called, by its name in the table."""
