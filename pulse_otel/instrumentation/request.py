"""Hook `request` of an SDK's base clients, which carries out every call.

The hook runs once for a call, retries included, for every method, helper, raw mode and cached
reference, and with the request that the SDK is about to send. It returns the SDK's own object.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from opentelemetry.context import get_current

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.current_call import current_call
from pulse_otel.instrumentation.endpoint import Endpoint, Endpoints
from pulse_otel.instrumentation.parameters import (
    carried,
    session_from_parameters,
    without_carried,
)
from pulse_otel.instrumentation.raw import failed
from pulse_otel.instrumentation.reading import given
from pulse_otel.instrumentation.recorder import (
    Recorder,
    observed_options,
    options_of_call,
    recorder_for,
)
from pulse_otel.instrumentation.stream import observe_result
from pulse_otel.instrumentation.suppression import may_record


class _Sent(NamedTuple):
    """Hold the arguments of `request`, of which the second is the request's options."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def options(self) -> Any:
        return self.args[1] if len(self.args) > 1 else self.kwargs.get("options")

    def changed(self, **fields: Any) -> _Sent:
        """Set `fields` in a copy of the options; the caller's options stay as they are."""
        options = copy.copy(self.options)
        for name, value in fields.items():
            setattr(options, name, value)
        if len(self.args) > 1:
            return _Sent((self.args[0], options, *self.args[2:]), self.kwargs)
        return _Sent(self.args, {**self.kwargs, "options": options})


def _without_parameters(sent: _Sent) -> tuple[_Sent, Mapping[str, Any]]:
    """Take the ``pulse_*`` parameters out, whether or not the call is recorded; return both."""
    parameters = carried(sent.options)
    if parameters is None:
        return sent, {}
    return sent.changed(headers=without_carried(sent.options.headers)), parameters


def _open(endpoints: Endpoints, client: Any, sent: _Sent) -> tuple[LlmCall | None, _Sent]:
    options = sent.options
    parameters: Mapping[str, Any] = {}
    if given(getattr(options, "headers", None)):
        sent, parameters = guarded(_without_parameters, sent) or (sent, {})
    found = endpoints.find(options.method, options.url)
    current = get_current()
    if found is None or not may_record(current):
        return None, sent
    endpoint, in_path = found
    observed = observed_options(client)
    recorder = recorder_for(endpoint.sdk, observed)
    if recorder is None:
        return None, sent
    request = {
        **_mapping(options.json_data),
        **_mapping(options.extra_json),  # wins, as in the body that the SDK sends
        **in_path,
        "extra_query": options.params,
        "extra_files": options.files,
    }
    own = session_from_parameters(parameters) if parameters else None
    options_now = options_of_call(observed, own, current)
    call = LlmCall.open(endpoint, recorder, client, request, options_now, current)
    if request.get("stream") is not True or not call.recording:
        return call, sent
    try:
        return call, guarded(_asking_for_usage, client, sent, call, endpoint, recorder) or sent
    except BaseException as error:  # of a signal handler
        call.finish(error)
        raise


def _asking_for_usage(
    client: Any, sent: _Sent, call: LlmCall, endpoint: Endpoint, recorder: Recorder
) -> _Sent:
    added = endpoint.usage_option(recorder.stream_usage, client, sent.options)
    if not added:
        return sent
    call.hides_usage = True
    return sent.changed(json_data={**sent.options.json_data, **added})


def _mapping(value: Any) -> Mapping[str, Any]:
    if type(value) is dict or (value is not None and isinstance(value, Mapping)):
        return value  # pyright: ignore[reportUnknownVariableType]
    return {}


def _begin(
    endpoints: Endpoints, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[LlmCall | None, _Sent]:
    """Open the call if it is recorded; return it with the arguments for the SDK."""
    sent = _Sent(args, kwargs)
    opened = guarded(_open, endpoints, client, sent)
    if opened is None:  # by an error of ours: what is not to be sent is taken out all the same
        return None, (guarded(_without_parameters, sent) or (sent, {}))[0]
    return opened


def sync_hook(endpoints: Endpoints) -> Callable[..., Any]:
    """Make the wrapper for `request` of the sync base client."""

    def request(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        call, sent = _begin(endpoints, client, args, kwargs)
        if call is None:
            return wrapped(*sent.args, **sent.kwargs)
        try:
            try:
                guarded(call.attach)
                result = wrapped(*sent.args, **sent.kwargs)
            finally:
                guarded(call.detach)
            guarded(observe_result, result, call)
        except BaseException as error:
            guarded(failed, call, error)
            raise
        return result

    return request


def async_hook(endpoints: Endpoints) -> Callable[..., Any]:
    """Make the wrapper for `request` of the async base client; it differs by `await` alone."""

    async def request(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        call, sent = _begin(endpoints, client, args, kwargs)
        if call is None:
            return await wrapped(*sent.args, **sent.kwargs)
        try:
            try:
                guarded(call.attach)
                result = await wrapped(*sent.args, **sent.kwargs)
            finally:
                guarded(call.detach)
            guarded(observe_result, result, call)
        except BaseException as error:
            guarded(failed, call, error)
            raise
        return result

    return request


def response_hook(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
    """Note the HTTP response of the call, which the SDK passes to `_process_response`."""
    call = guarded(current_call)
    if call is not None:
        call.http_response, call.retries = kwargs.get("response"), kwargs.get("retries_taken")
    return wrapped(*args, **kwargs)
