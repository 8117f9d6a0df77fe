"""Writes `docs/dialects.md`: what Pulse learns from the spans of other instrumentations.

Its table is filled from the recorded spans of the tests, so that it says what is, not what should
be. Run it from the checkout, with the development group installed:

    python scripts/dialect_table.py            # writes the page
    python scripts/dialect_table.py --check    # exits 1 when the page is stale
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pulse_otel import semconv  # noqa: E402
from pulse_otel.export.dialects import read  # noqa: E402
from pulse_otel.export.records.record import Record  # noqa: E402
from scripts.written import write  # noqa: E402
from tests.export.spans import recorded  # noqa: E402

PAGE = ROOT / "docs" / "dialects.md"

TEXT = """\
# Spans of other instrumentations

Written by `scripts/dialect_table.py`.

`PulseSpanExporter` reads the spans of other GenAI instrumentations as well as our own: add it to
the provider that they use. The scope of a span says which instrumentation created it; if the scope
is unknown, marker attributes decide. Other spans (HTTP, databases, your own code) are left out and
counted.

All token counts follow the conventions: the input is a total that includes cached tokens, the
output a total that includes reasoning. Agents and chains repeat the usage of their calls;
`pulse.agent_usage` keeps it in the agent's metadata, and it is never counted again.

## One call, one record

When two instrumentations record the same call, Pulse gets one record: the more complete one, with
what it lacks from the other. If one of them is ours, tokens, session and user come from it. The
record replaces the outer span; a place in the framework's tree wins over one at the root of a
trace.

Two records belong to one call if they agree in all fields that both have: the answer's id, the
model, the tokens, the last question, the answer, and the ids of the requested tools. Unless one is
the parent of the other, they must also agree in session, user, all user messages, instructions and
parameters. In addition, one of these must hold:

- One is the parent of the other and encloses its time. The program's own spans may lie between a
  framework's span and ours. The framework's texts may differ if the tokens agree. Its tokens may
  differ if the answer agrees, or if it adds the reasoning to an output that includes it, as
  Google's ADK does with LiteLLM. Unless both have one id, only one of the two texts may differ.
- Another instrumentation's span was open, though not current, when our only call in its context
  began. Langfuse's client and the callbacks of LangChain and LiteLLM work in this way.
- They have the same parent, the same tokens and the same answer or answer's id. Their times overlap
  or are equal (with the same answer), or one encloses the other, and no third record matches.
- They have the same answer's id, in any trace, their times overlap, and no third record matches.
  This does not apply if each is below an agent or a unit of work in a trace of its own.

Two spans of ours never belong to one call; two spans of another instrumentation do only as parent
and child. In doubt, both records remain. If a server gives every answer the same id, concurrent
calls that are recorded twice and agree in all of the above stay two records each. A failed call
stays two records if a framework's asynchronous callbacks record it as well, because it has no id.

A call may wait one second for its second record; a flush ends the wait. A call at the root of a
trace waits only once spans of a second instrumentation were seen. A record that arrives later is
left out unless it alone has tokens. A span around several calls that repeats their tokens is left
out too.

Some spans look like calls and are not:

- A span with an operation that we do not know, such as `execute_event_loop_cycle` of Strands, is an
  agent's step.
- A span that has only tokens or a model, without operation, messages, id and duration, such as
  `record_usage` of ag2, is not sent.
- A span of OpenInference's kind LLM without messages, answer and tokens, such as LlamaIndex's
  preparations of a call, is not sent.
- The span that opens a stream of Logfire is not sent: a separate record has its result.

## Sessions

The session and user of a `pulse_otel.session(...)` block label every span that starts in it, on
the TracerProvider of our own spans and on the global one. The span has them under the conventions'
names (`gen_ai.conversation.id`, `session.id`, `user.id`) and as `pulse.session_id` and
`pulse.user_id`. The latter win, because a framework may name its own run later. Without a block, a
call of ours belongs to the run of the span around it. With `PulseSpanExporter` alone, a
TracerProvider that is not global gets the labels once an instrumentor of ours is given it
(`OpenAIInstrumentor().instrument(tracer_provider=provider)`). If a global provider is set inside
the block, as Langfuse's `observe` does, the labels are on the span that is current at the first
call and on all spans that start later.

## Tools

A framework that records a tool knows when the tool ran and below which span. pulse-otel records the
tool from the messages, which have the id of the call, the arguments and the result. Pulse gets one
record with all of this, in the framework's tree. Two records are one run if they have the same id
in one trace. If the framework has no id, they are one run if name, arguments and result agree, one
to one, in order; where the framework records arguments by position, their values are compared. In
two traces, id, result and session must agree, and the id must occur once. A tool waits for its
second record until 1 s after its end, a tool without a result for 30 s; a flush ends the wait.

## Agents and chains

If the input and output of an agent or a chain contain messages, in any JSON, they are read as such:
the question and the last answer. The service has no kind for a step of a chain, so a whole chain is
an agent run. Steps that add nothing are not sent: prompts, parsers and other internal steps of
runnables, and steps without input and output. Semantic Kernel's loop of calls and functions is an
agent run too.

## What each instrumentation records

This table comes from recorded spans: "yes" if any of the dialect's calls has it, "openai" or
"anthropic" if only calls of that SDK do, "-" if none does.

{table}

LiteLLM counts the tokens of a stream itself if the stream does not state them. If there is also a
record of ours, those tokens and their cost do not count.

pulse-otel also reads other instrumentations that are not in this table. It knows the Vercel AI SDK,
LiteLLM, pydantic-ai, OpenLIT, LangSmith, earlier OpenLLMetry, and events of the conventions before
1.37 by their published attributes. It knows Strands, Semantic Kernel, AutoGen, ag2, Google's ADK,
and OpenInference's spans of LangChain, agno and the OpenAI Agents SDK by their current spans. It
reads the spans of an unknown instrumentation if they follow the conventions.

- openai-v2 sends messages as log records, which no span exporter sees: its calls have no content.
- OpenLLMetry counts one output token too many for a stream of Anthropic's.
- Langfuse has a finish reason for streams only.
- The `anthropic` SDK's own spans have no answer for the events of a stream.
- Logfire makes two records of a stream, a span and, at the end, a log record; the latter is the
  call.

## Metadata without a column

The service has no column for these values. Their keys in the metadata are stable:

| key | what |
|---|---|
| `gen_ai.operation.name` | the operation, such as `chat` or `embeddings` |
{keys}
"""

KEYS = {
    semconv.CACHE_READ_TOKENS: "input tokens read from a cache; a part of the input",
    semconv.CACHE_WRITE_TOKENS: "input tokens written to a cache; a part of the input",
    semconv.REASONING_TOKENS: "tokens of reasoning; a part of the output",
    semconv.INPUT_AUDIO_TOKENS: "audio tokens of the input",
    semconv.OUTPUT_AUDIO_TOKENS: "audio tokens of the output",
    semconv.INPUT_IMAGE_TOKENS: "image tokens of the input",
    semconv.OUTPUT_IMAGE_TOKENS: "image tokens of the output",
    semconv.PULSE_CACHE_WRITE_1H_TOKENS: "the cache writes that live for an hour",
    semconv.PULSE_CACHE_READ_AUDIO_TOKENS: "the cached tokens that are audio",
    semconv.PULSE_CACHE_READ_IMAGE_TOKENS: "the cached tokens that are images",
    semconv.PULSE_CITATION_TOKENS: "tokens of citations, beside input and output",
    semconv.PULSE_AUDIO_SECONDS: "seconds of audio",
    semconv.PULSE_TOOL_USES: "uses of the provider's own tools, by the tool; JSON",
    semconv.PULSE_OTHER_MODELS: "usage of other models that served the call; JSON",
    semconv.PULSE_SAMPLINGS: "usage of each sampling, if the totals are of several; JSON",
    semconv.PULSE_REQUEST_AUDIO: "true if the prompt has audio",
    semconv.PULSE_COST_UNKNOWN: "why there is no cost (costs.md)",
    semconv.PULSE_SPEED: "the speed of the answer, if the provider has several",
    semconv.PULSE_INFERENCE_GEO: "where the model ran, if the provider says so",
    semconv.TIME_TO_FIRST_CHUNK: "seconds to the first chunk of a stream",
    semconv.PULSE_SERVICE_TIER: "the tier that served the call, else the one asked for",
    semconv.PULSE_REQUEST_ID: "the provider's id of the HTTP request",
    semconv.PULSE_HTTP_STATUS: "the status of the last HTTP response",
    semconv.PULSE_ATTEMPTS: "HTTP requests that the call took",
    semconv.PULSE_USER_ID: "the user",
    semconv.PULSE_SCOPE: "the instrumentation, if it is not ours",
    semconv.PULSE_AGENT_USAGE: "for agents: the tokens that their spans report for their calls",
}

DIALECTS = {
    "official-genai": "OpenTelemetry genai-openai, genai-anthropic",
    "official-v2-legacy": "OpenTelemetry openai-v2",
    "anthropic-native-content": "the `anthropic` SDK itself",
    "traceloop": "OpenLLMetry",
    "openinference": "OpenInference",
    "langfuse": "Langfuse",
    "logfire": "Logfire",
}


def _has(*names: str) -> Callable[[Record], bool]:
    return lambda record: any(name in (record.request or {}) for name in names)


FIELDS: dict[str, Callable[[Record], object]] = {
    "operation": lambda r: r.operation,
    "provider": lambda r: r.provider,
    "requested model": lambda r: r.model,
    "answering model": lambda r: r.response_model,
    "response id": lambda r: r.response_id,
    "messages": _has("messages", "input"),
    "system text": lambda r: "system" in str(r.request) or _has("instructions")(r),
    "tools": _has("tools"),
    "parameters": _has("max_tokens", "temperature"),
    "answer": lambda r: r.output_text,
    "finish reason": lambda r: r.finish_reason,
    "input and output tokens": lambda r: r.usage.input is not None and r.usage.output is not None,
    "cached tokens": lambda r: r.usage.cache_read is not None,
    "cache writes": lambda r: r.usage.cache_write is not None,
    "reasoning tokens": lambda r: r.usage.reasoning is not None,
    "service tier": lambda r: r.service_tier,
    "streaming": _has("stream"),
    "time to first token": lambda r: r.attributes.get(semconv.TIME_TO_FIRST_CHUNK),
    "user": lambda r: r.user_id,
    "provider's request id": lambda r: (
        r.attributes.get(semconv.PULSE_REQUEST_ID) or (r.error or {}).get("request_id")
    ),
    "error: class": lambda r: "." in str((r.error or {}).get("name")),
    "error: message": lambda r: (r.error or {}).get("message"),
    "error: HTTP status": lambda r: (r.error or {}).get("status"),
    "error: provider's code": lambda r: (r.error or {}).get("code"),
}


def _cell(dialect: str, known: Callable[[Record], object]) -> str:
    """For each SDK that is recorded: whether any of its calls tells."""
    sdks = {
        case.partition("_")[0]
        for case in recorded(dialect)
        if any(known(record) for span in recorded(dialect)[case] if (record := read(span)))
    }
    everything = {case.partition("_")[0] for case in recorded(dialect)}
    if not sdks:
        return "-"
    return "yes" if sdks == everything else ", ".join(sorted(sdks))


def table() -> str:
    """The table in Markdown."""
    rows = [["", *DIALECTS.values()], ["---"] * (len(DIALECTS) + 1)]
    rows += [
        [field, *(_cell(dialect, known) for dialect in DIALECTS)] for field, known in FIELDS.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page() -> str:
    """The page as it should be."""
    keys = "\n".join(f"| `{key}` | {what} |" for key, what in KEYS.items())
    return TEXT.format(table=table(), keys=keys)


if __name__ == "__main__":
    sys.exit(write(PAGE, page()))
