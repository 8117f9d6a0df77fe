"""Reply at the endpoints that the tests call beside those of the demo."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from pulse_otel.local.provider.endpoints import Endpoints
from pulse_otel.local.provider.received import Received
from pulse_otel.local.provider.reply import Reply, ToolCall, to_json
from tests.provider import completion_replies as completions
from tests.provider import media_replies as media
from tests.provider import response_replies as responses
from tests.provider import text_replies as texts

Request = Mapping[str, Any]

_FIELD = re.compile(rb'name="([\w\[\]]+)"\r\n\r\n(.*?)\r\n--', re.DOTALL)


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


def _retrieved(received: Received) -> Reply:
    return responses.response(id=received.path.rpartition("/")[2])


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


def _token_count(request: Request) -> Reply:
    return Reply(body=to_json({"input_tokens": 30}))


def _anthropic_completion(request: Request) -> Reply:
    stream = _streams(request)
    answer = completions.anthropic_completion_stream if stream else completions.anthropic_completion
    return answer(model=str(request.get("model")))


_POSTS: Final[Mapping[str, Callable[[Request], Reply]]] = {
    "/responses": _response,
    "/responses/compact": _compaction,
    "(?<!/chat)/completions": _completion,
    "/embeddings": _embeddings,
    "/moderations": _moderation,
    "/decisions": _decision,
    "/images/(generations|variations)": _images,
    "/images/edits": _image_edit,
    "/audio/(transcriptions|translations)": _transcription,
    "/audio/speech": _speech,
    "/v1/messages/count_tokens": _token_count,
    "/v1/complete": _anthropic_completion,
}


def _reads_fields(answer: Callable[[Request], Reply]) -> Callable[[Received], Reply]:
    return lambda received: answer(received.fields() or _form(received.body))


TEST_ENDPOINTS: Final[Endpoints] = {
    "GET .*/responses/[^/]+": _retrieved,
    **{f"POST .*{path}": _reads_fields(answer) for path, answer in _POSTS.items()},
}
