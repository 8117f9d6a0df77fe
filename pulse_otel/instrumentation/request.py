"""The hook where every call of an SDK passes: `request` of its base clients.

It runs once for a call, retries included, whatever method, helper, raw mode or cached
reference it came from, and with the request as the SDK is about to send it. What it returns is
the SDK's own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from pulse_otel.context import Session, current_session
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall, current_call
from pulse_otel.instrumentation.endpoint import Endpoint, Endpoints
from pulse_otel.instrumentation.parameters import carried, without_carried
from pulse_otel.instrumentation.recorder import (
    Observed,
    Recorder,
    observed_options,
    recorder_for,
)
from pulse_otel.instrumentation.stream import follow
from pulse_otel.log import rate_limited


@dataclass(frozen=True, slots=True)
class _Sent:
    """The arguments of `request`; its second one is the request's options."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def options(self) -> Any:
        return self.args[1] if len(self.args) > 1 else self.kwargs.get("options")

    def changed(self, **fields: Any) -> _Sent:
        """With a copy of the options in which `fields` differ; the caller's stay as they are."""
        options = copy.copy(self.options)
        for name, value in fields.items():
            setattr(options, name, value)
        if len(self.args) > 1:
            return _Sent((self.args[0], options, *self.args[2:]), self.kwargs)
        return _Sent(self.args, {**self.kwargs, "options": options})


def _taken(sent: _Sent) -> tuple[_Sent, Mapping[str, Any]]:
    """Without the ``pulse_*`` parameters, whether or not the call is recorded; and those."""
    parameters = carried(sent.options)
    if parameters is None:
        return sent, {}
    return sent.changed(headers=without_carried(sent.options.headers)), parameters


def _open(
    endpoints: Endpoints, client: Any, sent: _Sent, parameters: Mapping[str, Any]
) -> tuple[LlmCall, _Sent] | None:
    options = sent.options
    found = endpoints.find(options.method, options.url)
    if found is None or not is_instrumentation_enabled():
        return None
    endpoint, in_path = found
    observed = observed_options(client)
    recorder = recorder_for(endpoint.sdk, observed)
    if recorder is None:
        return None
    request = _request(options, in_path)
    own = _merge(observed, parameters)
    call = LlmCall.open(endpoint, recorder, client, request, own)
    if _ask_for_usage(endpoint, recorder, client, request):
        sent = sent.changed(
            json_data={**options.json_data, "stream_options": request["stream_options"]}
        )
        call.hides_usage = True
    return call, sent


def _request(options: Any, in_path: Mapping[str, str]) -> dict[str, Any]:
    """The request as one mapping: body as it is sent, path, and what was given beside them."""
    return {
        **_mapping(options.json_data),
        **_mapping(options.extra_json),  # wins, as in what is sent
        **in_path,
        "extra_body": options.extra_json,
        "extra_headers": options.headers,
        "extra_query": options.params,
        "extra_files": options.files,
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _ask_for_usage(
    endpoint: Endpoint, recorder: Recorder, client: Any, request: dict[str, Any]
) -> bool:
    return bool(guarded(endpoint.ask_for_usage, recorder.stream_usage, client, request))


def _merge(observed: Observed | None, parameters: Mapping[str, Any]) -> Observed:
    """What is said for a call: per call wins over per client, that over the block."""
    base = observed or Observed()
    session = base.session.over(current_session())
    if parameters:
        session = said(parameters).over(session)
    return Observed(base.provider, session)


def said(parameters: Mapping[str, Any]) -> Session:
    """The ``pulse_*`` parameters of a call, by the names that they are carried under."""
    session_id, user_id = parameters.get("session_id"), parameters.get("user_id")
    metadata = parameters.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        kind = type(metadata).__name__
        rate_limited.warning(
            "metadata", "pulse-otel: pulse_metadata: expected a dict, got %s", kind
        )
    return Session(
        id=None if session_id is None else str(session_id),
        user_id=None if user_id is None else str(user_id),
        metadata=cast("Mapping[str, Any]", metadata) if isinstance(metadata, Mapping) else {},
    )


def _begin(
    endpoints: Endpoints, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[LlmCall | None, _Sent]:
    """The call, if it is to be recorded, and the arguments to go on with."""
    sent = _Sent(args, kwargs)
    sent, parameters = guarded(_taken, sent) or (sent, {})
    return guarded(_open, endpoints, client, sent, parameters) or (None, sent)


def sync_hook(endpoints: Endpoints) -> Callable[..., Any]:
    """The wrapper for the sync base client's `request`."""

    def request(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        call, sent = _begin(endpoints, client, args, kwargs)
        if call is None:
            return wrapped(*sent.args, **sent.kwargs)
        token = guarded(call.attach)
        try:
            result = wrapped(*sent.args, **sent.kwargs)
        except BaseException as error:
            guarded(call.finish, error)
            raise
        finally:
            guarded(call.detach, token)
        guarded(follow, result, call)
        return result

    return request


def async_hook(endpoints: Endpoints) -> Callable[..., Any]:
    """The wrapper for the async base client's `request`; differs by `await` alone."""

    async def request(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        call, sent = _begin(endpoints, client, args, kwargs)
        if call is None:
            return await wrapped(*sent.args, **sent.kwargs)
        token = guarded(call.attach)
        try:
            result = await wrapped(*sent.args, **sent.kwargs)
        except BaseException as error:
            guarded(call.finish, error)
            raise
        finally:
            guarded(call.detach, token)
        guarded(follow, result, call)
        return result

    return request


def response_hook(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
    """The wrapper for `_process_response`, which is given the HTTP response of the call."""
    call = guarded(current_call)
    if call is not None:
        call.http_response = kwargs.get("response")
    return wrapped(*args, **kwargs)
