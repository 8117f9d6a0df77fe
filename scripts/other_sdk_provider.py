"""Answers in the shape of SDKs that we do not record: Google, Bedrock, Mistral, Cohere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pulse_otel.local.provider.endpoints import ENDPOINTS, Endpoints
from pulse_otel.local.provider.openai_replies import chat_stream
from pulse_otel.local.provider.received import Received
from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, new_id, pieces, streamed, to_json
from tests.provider.bedrock import converse_stream

CHAT = "POST .*/chat/completions"
TOOL, ARGUMENTS = "weather", {"city": "Paris"}


def _sse(events: Sequence[Mapping[str, Any]], named: bool = False) -> Reply:
    return streamed(
        [
            (f"event: {event['type']}\n".encode() if named else b"")
            + b"data: "
            + to_json(event)
            + b"\n\n"
            for event in events
        ],
        0.0,
    )


def _google(parts: Sequence[Mapping[str, Any]], last: bool = True) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    usage = {"promptTokenCount": 120, "candidatesTokenCount": 45, "totalTokenCount": 165}
    head = {"modelVersion": "gemini-2.5-flash", "responseId": "google-1"}
    if last:
        candidate["finishReason"] = "STOP"
        head |= {"usageMetadata": usage}
    return {"candidates": [candidate], **head}


def _generate_content(received: Received) -> Reply:
    request = received.fields()
    if request.get("tools") and "functionResponse" not in json.dumps(request):
        answer = [{"functionCall": {"name": TOOL, "args": ARGUMENTS}}]
    else:
        answer = [{"text": DEFAULT_TEXT}]
    return Reply(body=to_json(_google(answer)))


def _stream_content(received: Received) -> Reply:
    said = [_google([{"text": piece}], last=False) for piece in pieces(DEFAULT_TEXT)]
    return _sse([*said, _google([{"text": ""}])])


def _converse(received: Received) -> Reply:
    request = received.fields()
    asks = bool(request.get("toolConfig")) and "toolResult" not in json.dumps(request)
    used = {"toolUseId": new_id("tooluse"), "name": TOOL, "input": ARGUMENTS}
    body = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [{"toolUse": used} if asks else {"text": DEFAULT_TEXT}],
            }
        },
        "stopReason": "tool_use" if asks else "end_turn",
        "usage": {"inputTokens": 120, "outputTokens": 45, "totalTokens": 165},
        "metrics": {"latencyMs": 10},
    }
    return Reply(body=to_json(body))


def _converse_stream(received: Received) -> Reply:
    deltas = [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
        for piece in pieces(DEFAULT_TEXT)
    ]
    usage = {"inputTokens": 120, "outputTokens": 45, "totalTokens": 165}
    return converse_stream(
        [
            ("messageStart", {"role": "assistant"}),
            *deltas,
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": usage, "metrics": {"latencyMs": 10}}),
        ]
    )


def _invoke(received: Received) -> Reply:
    claude = {**received.fields(), "model": "claude-haiku-4-5-20251001"}
    body = to_json(claude)
    return ENDPOINTS["POST .*/v1/messages"](Received("POST", "/v1/messages", {}, body))


def _mistral(received: Received) -> Reply:
    request = received.fields()
    if request.get("stream"):  # it states the usage of each stream
        return chat_stream(model=str(request.get("model")), include_usage=True)
    return ENDPOINTS[CHAT](received)


def _cohere(received: Received) -> Reply:
    request = received.fields()
    counts = {"input_tokens": 120, "output_tokens": 45}
    usage = {"billed_units": counts, "tokens": counts}
    if request.get("stream"):
        return _cohere_stream(usage)
    message: dict[str, Any] = {"role": "assistant"}
    asks = bool(request.get("tools")) and '"tool"' not in json.dumps(request.get("messages"))
    if asks:
        function = {"name": TOOL, "arguments": json.dumps(ARGUMENTS)}
        call = {"id": new_id("call"), "type": "function", "function": function}
        message |= {"tool_plan": "I look it up.", "tool_calls": [call]}
    else:
        message["content"] = [{"type": "text", "text": DEFAULT_TEXT}]
    reason = "TOOL_CALL" if asks else "COMPLETE"
    body = {"id": new_id("cohere"), "finish_reason": reason, "message": message, "usage": usage}
    return Reply(body=to_json(body))


def _cohere_stream(usage: Mapping[str, Any]) -> Reply:
    def delta(kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": kind, "index": 0, "delta": {"message": message}}

    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    text = {"content": {"type": "text", "text": ""}}
    end = {"finish_reason": "COMPLETE", "usage": usage}
    return _sse(
        [
            {**delta("message-start", begun), "id": new_id("cohere")},
            delta("content-start", text),
            *(delta("content-delta", {"content": {"text": p}}) for p in pieces(DEFAULT_TEXT)),
            {"type": "content-end", "index": 0},
            {"type": "message-end", "delta": end},
        ],
        named=True,
    )


OTHER_ENDPOINTS: Endpoints = {
    "POST .*:generateContent": _generate_content,
    "POST .*:streamGenerateContent": _stream_content,
    "POST .*/converse": _converse,
    "POST .*/converse-stream": _converse_stream,
    "POST .*/invoke": _invoke,
    "POST .*/v2/chat": _cohere,
    CHAT: _mistral,
}
