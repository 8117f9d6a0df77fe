"""List the endpoints of the `openai` SDK.

Chat, text completions, embeddings and responses have operations in the semantic conventions.
Images, audio, moderations and decisions have none; theirs are named in the same spirit
(`pulse_otel.semconv`).
"""

from __future__ import annotations

from functools import partial

from pulse_otel import semconv
from pulse_otel.instrumentation.endpoint import Endpoint, Endpoints
from pulse_otel.instrumentation.openai import (
    audio,
    background,
    bill,
    chat,
    chat_chunks,
    completions,
    embeddings,
    images,
    moderations,
    response_events,
    responses,
    runners,
    usage,
    websocket,
)
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.instrumentation.providers import provider_of_openai

_SDK = "openai"
_row = partial(
    Endpoint,
    sdk=_SDK,
    scope=semconv.SCOPE_OPENAI,
    provider=provider_of_openai,
    bill=bill.read_bill,
)

CHAT = _row(
    path="/chat/completions",
    operation=semconv.OPERATION_CHAT,
    request=chat.read_request,
    response=chat.read_response,
    assemble=chat_chunks.assemble,
    add_piece=chat_chunks.add_piece,
    add_shown_piece=usage.add_shown_piece,
    is_head=chat_chunks.is_head,
    methods=(
        "openai.resources.chat.completions.completions:Completions.create",
        "openai.resources.chat.completions.completions:Completions.parse",
        "openai.resources.chat.completions.completions:Completions.stream",
        "openai.resources.beta.chat.completions:Completions.parse",  # before 1.92
        "openai.resources.beta.chat.completions:Completions.stream",
    ),
    usage_option=usage.usage_option,
    hide_usage=usage.hide_usage,
)

# `client.beta.responses` requests the same paths, with ``?beta=true``.
RESPONSES = (
    _row(
        path="/responses",
        operation=semconv.OPERATION_CHAT,
        request=responses.read_request,
        response=responses.read_response,
        remember=background.remember,
        assemble=response_events.assemble,
        add_piece=response_events.add_piece,
        compact_chunk=response_events.compact_chunk,
        methods=(
            "openai.resources.responses.responses:Responses.create",
            "openai.resources.responses.responses:Responses.parse",
            "openai.resources.responses.responses:Responses.stream",
            "openai.resources.beta.responses.responses:Responses.create",
        ),
    ),
    _row(
        path="/responses/compact",
        operation=semconv.OPERATION_CHAT,
        request=responses.read_compact_request,
        response=responses.read_response,
        methods=(
            "openai.resources.responses.responses:Responses.compact",
            "openai.resources.beta.responses.responses:Responses.compact",
        ),
    ),
    _row(
        path="/responses/{response_id}",
        http_method="get",
        operation=semconv.OPERATION_FETCH_RESPONSE,
        request=responses.read_retrieve_request,
        response=responses.read_retrieved,
        bill=bill.read_bill_of_retrieved,
        context=background.context_of,
        assemble=response_events.assemble,
        add_piece=response_events.add_piece,
        compact_chunk=response_events.compact_chunk,
        methods=(
            "openai.resources.responses.responses:Responses.retrieve",
            "openai.resources.beta.responses.responses:Responses.retrieve",
        ),
    ),
)

TEXT = (
    _row(
        path="/completions",
        operation=semconv.OPERATION_TEXT_COMPLETION,
        request=completions.read_request,
        response=completions.read_response,
        assemble=completions.assemble,
        methods=("openai.resources.completions:Completions.create",),
    ),
    _row(
        path="/embeddings",
        operation=semconv.OPERATION_EMBEDDINGS,
        request=embeddings.read_request,
        response=embeddings.read_response,
        methods=("openai.resources.embeddings:Embeddings.create",),
    ),
    _row(
        path="/moderations",
        operation=semconv.OPERATION_MODERATION,
        request=moderations.read_moderation_request,
        response=moderations.read_moderation,
        methods=("openai.resources.moderations:Moderations.create",),
    ),
    _row(
        path="/decisions",
        operation=semconv.OPERATION_CLASSIFICATION,
        request=moderations.read_decision_request,
        response=moderations.read_decision,
        methods=("openai.resources.decisions:Decisions.create",),
    ),
)

IMAGES = tuple(
    _row(
        path=path,
        operation=operation,
        request=images.read_request,
        response=images.read_response,
        assemble=images.assemble,
        methods=(f"openai.resources.images:Images.{method}",),
    )
    for path, operation, method in (
        ("/images/generations", semconv.OPERATION_IMAGE_GENERATION, "generate"),
        ("/images/edits", semconv.OPERATION_IMAGE_EDIT, "edit"),
        ("/images/variations", semconv.OPERATION_IMAGE_VARIATION, "create_variation"),
    )
)

AUDIO = (
    _row(
        path="/audio/transcriptions",
        operation=semconv.OPERATION_TRANSCRIPTION,
        request=audio.read_transcription_request,
        response=audio.read_transcript,
        assemble=audio.assemble_transcript,
        methods=("openai.resources.audio.transcriptions:Transcriptions.create",),
    ),
    _row(
        path="/audio/translations",
        operation=semconv.OPERATION_SPEECH_TRANSLATION,
        request=audio.read_transcription_request,
        response=audio.read_transcript,
        methods=("openai.resources.audio.translations:Translations.create",),
    ),
    _row(
        path="/audio/speech",
        operation=semconv.OPERATION_SPEECH,
        request=audio.read_speech_request,
        response=audio.read_speech,
        methods=("openai.resources.audio.speech:Speech.create",),
    ),
)

ENDPOINTS = Endpoints((CHAT, *RESPONSES, *TEXT, *IMAGES, *AUDIO))
PATCHES = Patches(_SDK, ENDPOINTS)
runners.wrap_runners(PATCHES)
websocket.wrap_connections(PATCHES)


def install() -> Patches:
    """Patch the SDK. Raises ImportError if `openai` is not installed."""
    import openai

    PATCHES.install((openai.OpenAI, openai.AsyncOpenAI))
    return PATCHES
