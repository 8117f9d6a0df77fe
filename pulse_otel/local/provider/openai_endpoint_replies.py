"""What the scripted provider says at OpenAI's endpoints other than chat, when no test said it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from pulse_otel.local.provider import openai_media_replies as media
from pulse_otel.local.provider import openai_response_replies as responses
from pulse_otel.local.provider import openai_text_replies as texts
from pulse_otel.local.provider.reply import Reply, ToolCall

Request = Mapping[str, Any]

_FIELD = re.compile(rb'name="([\w\[\]]+)"\r\n\r\n(.*?)\r\n--', re.DOTALL)


def endpoint_reply(method: str, path: str, request: Any, body: bytes) -> Reply | None:
    """The reply at `path`, worked out from its body, parsed or a form; None if it is not here."""
    for wanted, pattern, answer in _ENDPOINTS:
        match = pattern.search(path)
        if method == wanted and match:
            fields = cast("Request", request) if isinstance(request, dict) else _form(body)
            return answer({**fields, **match.groupdict()})
    return None


def _form(body: bytes) -> Request:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in _FIELD.findall(body)}


def _streams(request: Request) -> bool:
    return request.get("stream") in (True, "true")


def _list(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def _objects(value: Any) -> Sequence[Request]:
    return [cast("Request", item) for item in _list(value) if isinstance(item, dict)]


def _response(request: Request) -> Reply:
    items = _objects(request.get("input"))
    answered = any(item.get("type") == "function_call_output" for item in items)
    tools = [
        ToolCall(str(tool.get("name")))
        for tool in _objects(request.get("tools"))
        if tool.get("type") == "function"
    ]
    answer = responses.response_stream if _streams(request) else responses.response
    return answer(model=str(request.get("model")), tool_calls=() if answered else tools[:1])


def _retrieved(request: Request) -> Reply:
    return responses.response(id=str(request["id"]))


def _compaction(request: Request) -> Reply:
    return responses.compaction()


def _speech(request: Request) -> Reply:
    return media.speech()


def _completion(request: Request) -> Reply:
    model = str(request.get("model"))
    if not _streams(request):
        return texts.completion(model=model, choices=int(request.get("n") or 1))
    options: Any = request.get("stream_options") or {}
    return texts.completion_stream(model=model, include_usage=bool(options.get("include_usage")))


def _embeddings(request: Request) -> Reply:
    return texts.embeddings(
        len(_list(request.get("input"))) or 1,
        model=str(request.get("model")),
        dimensions=int(request.get("dimensions") or 8),
        encoding_format=str(request.get("encoding_format") or "float"),
    )


def _moderation(request: Request) -> Reply:
    return texts.moderation(len(_list(request.get("input"))) or 1)


def _decision(request: Request) -> Reply:
    return texts.decision(_objects(request.get("questions")), model=str(request.get("model")))


def _images(request: Request) -> Reply:
    return media.image_stream() if _streams(request) else media.images(int(request.get("n") or 1))


def _image_edit(request: Request) -> Reply:
    return media.image_stream("image_edit") if _streams(request) else _images(request)


def _transcription(request: Request) -> Reply:
    if _streams(request):
        return media.transcription_stream()
    return media.transcription(response_format=str(request.get("response_format") or "json"))


_ENDPOINTS: Final[tuple[tuple[str, re.Pattern[str], Callable[[Request], Reply]], ...]] = tuple(
    (method, re.compile(f"{pattern}$"), answer)
    for method, pattern, answer in (
        ("POST", "/responses", _response),
        ("POST", "/responses/compact", _compaction),
        ("GET", r"/responses/(?P<id>[^/]+)", _retrieved),
        ("POST", "(?<!/chat)/completions", _completion),
        ("POST", "/embeddings", _embeddings),
        ("POST", "/moderations", _moderation),
        ("POST", "/decisions", _decision),
        ("POST", "/images/(generations|variations)", _images),
        ("POST", "/images/edits", _image_edit),
        ("POST", "/audio/transcriptions", _transcription),
        ("POST", "/audio/translations", _transcription),
        ("POST", "/audio/speech", _speech),
    )
)
