"""Every attribute key and enum value, once.

Names are those of the OpenTelemetry GenAI semantic conventions (development, November 2026),
except ``pulse.*``, which carries what the conventions cannot say. No other module writes an
attribute name out, but the dialects (`export/dialects`) those of their own vocabularies.
"""

from __future__ import annotations

from typing import Final

SCOPE_OPENAI: Final = "pulse_otel.openai"
SCOPE_ANTHROPIC: Final = "pulse_otel.anthropic"
SCOPE_UNITS: Final = "pulse_otel.units"

# --- operation, provider, models
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
SYSTEM: Final = "gen_ai.system"  # the name of PROVIDER_NAME before conventions 1.37
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_STATUS: Final = "gen_ai.response.status"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
OUTPUT_TYPE: Final = "gen_ai.output.type"

OPERATION_CHAT: Final = "chat"
OPERATION_TEXT_COMPLETION: Final = "text_completion"
OPERATION_EMBEDDINGS: Final = "embeddings"
OPERATION_FETCH_RESPONSE: Final = "fetch_response"
OPERATION_EXECUTE_TOOL: Final = "execute_tool"
OPERATION_COUNT_TOKENS: Final = "count_tokens"  # ours: the conventions have no such operation
OPERATION_RETRIEVAL: Final = "retrieval"
OPERATION_INVOKE_WORKFLOW: Final = "invoke_workflow"
OPERATION_INVOKE_AGENT: Final = "invoke_agent"
# The conventions have no operation for these calls, and allow names of one's own then.
OPERATION_IMAGE_GENERATION: Final = "image_generation"
OPERATION_IMAGE_EDIT: Final = "image_edit"
OPERATION_IMAGE_VARIATION: Final = "image_variation"
OPERATION_TRANSCRIPTION: Final = "transcription"  # speech to text, in its own language
OPERATION_SPEECH_TRANSLATION: Final = "speech_translation"  # speech to English text
OPERATION_SPEECH: Final = "speech"  # text to speech
OPERATION_MODERATION: Final = "moderation"
OPERATION_CLASSIFICATION: Final = "classification"  # OpenAI's decisions

# --- request parameters
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_STREAM_CURSOR: Final = "gen_ai.request.stream_cursor"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"

# --- usage; input and output are totals, the others parts of them
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
INPUT_TEXT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
OUTPUT_TEXT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
INPUT_IMAGE_TOKENS: Final = "gen_ai.usage.image.input_tokens"
OUTPUT_IMAGE_TOKENS: Final = "gen_ai.usage.image.output_tokens"
INPUT_AUDIO_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
OUTPUT_AUDIO_TOKENS: Final = "gen_ai.usage.audio.output_tokens"

# --- content
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

# --- tools, agents, embeddings, users
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
AGENT_NAME: Final = "gen_ai.agent.name"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
EMBEDDINGS_DIMENSIONS: Final = "gen_ai.embeddings.dimension.count"
USER_ID: Final = "user.id"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"

# --- the openai refinement
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"

# --- session, server, error
CONVERSATION_ID: Final = "gen_ai.conversation.id"
CONVERSATION_COMPACTED: Final = "gen_ai.conversation.compacted"
SESSION_ID: Final = "session.id"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
SERVICE_NAME: Final = "service.name"
ERROR_TYPE: Final = "error.type"
HTTP_STATUS_CODE: Final = "http.response.status_code"

# --- ours: documented attributes for what the conventions have no name for
PULSE_METADATA: Final = "pulse.metadata"  # the caller's metadata, JSON object text
PULSE_ERROR: Final = "pulse.error"  # {"name","message","status","code","request_id"}, JSON text
PULSE_REQUEST_ID: Final = "pulse.request_id"  # the provider's id of the HTTP request
PULSE_ATTEMPTS: Final = "pulse.attempts"  # HTTP requests that the call took, the first included
PULSE_REQUEST_PARAMETERS: Final = "pulse.request.parameters"  # the other parameters, JSON text
PULSE_RAW_FINISH_REASONS: Final = "pulse.response.raw_finish_reasons"  # the provider's own words
PULSE_SPEED: Final = "pulse.speed"  # Anthropic's `speed` of the answer: standard, fast
PULSE_INFERENCE_GEO: Final = "pulse.inference_geo"  # Anthropic's: where the model ran, if priced
# 16 hex digits: the span id of the record, where it must be the same in several processes.
PULSE_SPAN_ID: Final = "pulse.span_id"
CALLS_WITHIN: Final = "_pulse_calls_within"
"""Not an attribute but a field of a finished span of others: the ids of our calls within it."""
PULSE_REQUEST_AUDIO: Final = "pulse.request.audio"  # true: the prompt has audio, priced apart
PULSE_STOP_DETAILS: Final = "pulse.response.stop_details"  # why the model refused, JSON object text

# --- ours: what a bill has beyond the conventions' tokens
PULSE_CACHE_WRITE_1H_TOKENS: Final = "pulse.usage.cache_write_1h_tokens"  # part of CACHE_WRITE
PULSE_CACHE_READ_AUDIO_TOKENS: Final = "pulse.usage.cache_read_audio_tokens"  # part of CACHE_READ
PULSE_CACHE_READ_IMAGE_TOKENS: Final = "pulse.usage.cache_read_image_tokens"  # part of CACHE_READ
PULSE_CITATION_TOKENS: Final = "pulse.usage.citation_tokens"  # beside input and output
PULSE_AUDIO_SECONDS: Final = "pulse.usage.audio_seconds"  # speech that is billed by its length
# Uses of the provider's own tools that it bills by the use, as JSON object text: the provider's
# name of the tool -> the count, `{"web_search": 2, "file_search": 1}`. 0 may be left out.
PULSE_TOOL_USES: Final = "pulse.usage.tool_uses"
# Tokens of other models that served the call (an advisor, an image tool), which the totals leave
# out, as JSON list text: `[{"model": "gpt-image-1", "gen_ai.usage.input_tokens": 9, ...}]`, with
# the keys of the usage attributes.
PULSE_OTHER_MODELS: Final = "pulse.usage.other_models"
# The parts of the totals by sampling, where several of one model served the call and prices depend
# on the size of a prompt, as JSON list text: `[{"gen_ai.usage.input_tokens": 9, ...}, ...]`.
PULSE_SAMPLINGS: Final = "pulse.usage.samplings"
PULSE_COST_CENTS: Final = "pulse.cost_cents"  # what the provider itself charged; US cents
# Why there is no cost although there are tokens, such as `tool: code_interpreter`. On a span: what
# the bill has and no attribute says, so that the tokens must not be priced.
PULSE_COST_UNKNOWN: Final = "pulse.cost_unknown"
PULSE_COUNTED_TOKENS: Final = "pulse.counted_tokens"  # what `count_tokens` counted; not a usage
PULSE_USAGE_DETAILS: Final = "pulse.usage.details"  # what else the usage says, JSON object text

# --- ours, on the wire to the trace service only (contract §3.3)
PULSE_KIND: Final = "pulse.kind"
PULSE_SOURCE: Final = "pulse.source"
PULSE_EVENT_TYPE: Final = "pulse.event_type"
PULSE_SESSION_ID: Final = "pulse.session_id"
PULSE_MODEL: Final = "pulse.model"
PULSE_REQUEST: Final = "pulse.request"
PULSE_RESPONSE: Final = "pulse.response"
PULSE_OUTPUT_TEXT: Final = "pulse.output_text"
PULSE_TOOL_ID: Final = "pulse.tool.id"
PULSE_TOOL_NAME: Final = "pulse.tool.name"
PULSE_TOOL_INPUT: Final = "pulse.tool.input"
PULSE_TOOL_RESPONSE: Final = "pulse.tool.response"
PULSE_AGENT_NAME: Final = "pulse.agent.name"

# --- ours, in the metadata of a record: what the service has no column for
PULSE_SERVICE_TIER: Final = "pulse.service_tier"
PULSE_HTTP_STATUS: Final = "pulse.http_status"
PULSE_PAUSED: Final = "pulse.paused"  # true: the span began where the program records nothing
PULSE_USER_ID: Final = "pulse.user_id"
PULSE_TRUNCATED: Final = "pulse.truncated"  # content of the record was cut to be accepted at all
PULSE_CUT: Final = "pulse.cut"  # in a body: what was left out at this place
# True: a failed call that was sent although its trace is not one of those of `sample_rate`.
PULSE_KEPT_ERROR: Final = "pulse.kept_error"
PULSE_SCOPE: Final = "pulse.scope"  # the instrumentation that recorded it, where it is not ours
PULSE_AGENT_USAGE: Final = "pulse.agent_usage"  # what an agent's span says of its calls' tokens

# --- metrics of the calls
METRIC_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
METRIC_TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105
METRIC_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
METRIC_TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.operation.time_per_output_chunk"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105

# --- ours, in metrics of the delivery
METRIC_ENDED: Final = "pulse.delivery.spans.ended"
METRIC_SETTLED: Final = "pulse.delivery.spans.settled"
METRIC_PENDING: Final = "pulse.delivery.spans.pending"
METRIC_OUTCOME: Final = "pulse.delivery.outcome"  # delivered, ignored, not_sampled, ...
METRIC_REASON: Final = "pulse.delivery.reason"  # why it was dropped
METRIC_WHERE: Final = "pulse.delivery.where"  # memory, disk
