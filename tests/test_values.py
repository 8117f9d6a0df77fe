"""Any value becomes bounded, strict JSON text; nothing raises, nothing is consumed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel import masking
from pulse_otel.bounds import bounded_json
from pulse_otel.masking import mask_secrets, masked, without_secrets
from pulse_otel.texts import clip, scrub
from pulse_otel.values import plain, to_json


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def _cycle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


@pytest.mark.row("E1", "E2", "E4")
@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        {"a": [float("inf"), -0.0, 2**200, 10**300]},
        {1: {None: "x"}, ("a",): 2},
        "lone \ud800 surrogate and \x00 NUL",
        _cycle(),
        {"object": _Hostile(), "bytes": b"\xff\x00", "set": {1}},
        [[[[["deep"] * 3]]]] * 2,
        object,
    ],
    ids=lambda value: type(value).__name__,
)
def test_json_is_strict_for_anything(value: object) -> None:
    text = to_json(value)

    def no_constant(name: str) -> None:
        raise AssertionError(name)

    json.loads(text, parse_constant=no_constant)
    assert "\x00" not in text
    assert "\\u0000" not in text
    text.encode()


@pytest.mark.row("E4")
def test_an_iterator_is_not_consumed() -> None:
    iterator: Iterator[int] = iter([1, 2])

    plain({"messages": iterator})

    assert list(iterator) == [1, 2]


def test_the_given_value_is_not_changed() -> None:
    value = {"a": ["x" * 100_000, {"b": "\x00"}]}
    before = json.dumps(value)

    bounded_json(value, 1000)

    assert json.dumps(value) == before


@pytest.mark.parametrize("limit", [200, 1000, 65_000])
@pytest.mark.parametrize(
    "value",
    [
        {"text": "é" * 200_000},
        [{"role": "user", "content": f"{n} " * 400} for n in range(400)],
        {f"key{n}": "v" * 100 for n in range(3000)},
    ],
    ids=["long", "many", "wide"],
)
def test_bounded_json_is_valid_marked_and_short(value: object, limit: int) -> None:
    text = bounded_json(value, limit)

    json.loads(text)
    assert len(text.encode()) <= limit
    assert "cut" in text or "truncated" in text


def test_clip_counts_bytes_and_says_what_was_cut() -> None:
    assert clip("short", 100) == "short"
    cut = clip("ü" * 100, 60)
    assert len(cut.encode()) <= 60
    assert cut.endswith("[140 bytes cut]")


@pytest.mark.row("E1")
def test_scrub_keeps_everything_else() -> None:
    assert scrub("a\x00b\udc00c 😀 \u202b") == "a\ufffdb\ufffdc 😀 \u202b"


@pytest.mark.row("K3")
@pytest.mark.parametrize(
    "secret", ["sk-proj-abcdefgh12345", "Bearer abc.def.ghi123", "pulse_sk_abcdefgh1"]
)
def test_keys_in_messages_are_masked(secret: str) -> None:
    masked = mask_secrets(f"Incorrect API key provided: {secret}.")

    assert secret not in masked
    assert masked.startswith("Incorrect API key provided: [masked]")


@pytest.mark.row("K3")
@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefgh12345678",
        "ghp_abcdefgh12345678",
        "hf_abcdefgh12345678",
        "r8_abcdefgh12345678",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "session-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "eyJ-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "Basic dXNlcjpwYXNzd29yZA==",
        "api_key=abcdefgh12345678",
        "https://user:passw0rd@host/",
    ],
)
def test_what_looks_like_a_credential_is_masked(secret: str) -> None:
    masked = mask_secrets(f"wrong: {secret} given")

    assert "[masked]" in masked
    longest = max(re.split(r"[^A-Za-z0-9]+", secret), key=len)
    assert longest not in masked
    assert masked.endswith("given")


_SIGNS = "sk- sk_ pat_ gho_ -eyJ eyJ Bearer Basic api_key api-key :// AIza AKIA xai- SESS_ hf- r8_"
_OTHERS = "rk- github_pat_ pulse_sk_ aaaaaaaa A1A1A1A1A1A1A1A1A1A1 . : @ = \" ' - _ é / *"
_LIKE = "\u017fk- s\u212a- bas\u0130c ba\u017f\u0131c ap\u0131key \u0307"  # to a pattern, as ASCII
pieces = st.sampled_from([*_SIGNS.split(), *_OTHERS.split(), *_LIKE.split(), " ", "  ", "\n"])


@pytest.mark.row("K3")
@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=60).map("".join))
def test_what_the_pattern_matches_anywhere_in_a_text_is_masked(text: str) -> None:
    lower = masking._lower(text)
    expected = {at for match in masking._SECRET.finditer(lower) for at in range(*match.span())}

    shown = {at for span in masking._spans(text) or () for at in range(*span)}

    assert len(lower) == len(text)
    assert expected <= shown


@pytest.mark.row("K3")
def test_a_text_that_is_made_of_secrets_is_masked_whole() -> None:
    assert mask_secrets("sk-abcdefgh " * 10_000) == "[masked]"


@pytest.mark.row("K3")
@pytest.mark.parametrize(
    "secret", ["sk-hidden", "Bearer hidden", "AIzahidden", "https://user:hidden", "api_key=hidden"]
)
@pytest.mark.parametrize("before", range(40))
def test_a_secret_that_the_bound_cuts_apart_is_not_shown_in_part(secret: str, before: int) -> None:
    secret += "hidden" * 6 + "@host"
    size = (1 << 15) - 60 - before

    shown = json.dumps(without_secrets({"text": "b " * (size // 2) + secret + "a" * 99}))

    assert "hidd" not in shown
    assert "bytes cut]" in shown


@pytest.mark.row("E1")
@given(st.text(st.sampled_from('a?\x00\ud800\udc00\\u0é😀\n"'), max_size=40))
def test_only_nul_and_lone_surrogates_are_replaced(text: str) -> None:
    expected = re.sub("[\x00\ud800-\udfff]", "\ufffd", text)

    assert scrub(text) == expected
    assert json.loads(to_json(text)) == expected
    assert json.loads(to_json([text, "\\u0000"])) == [expected, "\\u0000"]


@pytest.mark.row("K3")
def test_a_secret_at_the_end_of_what_is_read_is_not_shown_in_part() -> None:
    text = ("sk-" + "a" * 40 + " ") * 19 + "https://user:passw0rd@host/ " + "b " * 1000

    shown = masked(text, 200)

    assert "passw" not in shown
    assert len(shown.encode()) <= 200
    assert shown.endswith(" bytes cut]")


@pytest.mark.row("K3")
def test_credentials_of_tools_are_replaced_and_schemas_that_name_them_are_not() -> None:
    tool = {
        "type": "mcp",
        "server_url": "https://u:hidden@h/",
        "headers": {"X": "hidden"},
        "authorization": "hidden",
        "nested": [{"token": "hidden"}],
        "schema": {"properties": {"token": {"type": "string"}}},
    }

    replaced = without_secrets(tool)

    assert "hidden" not in str(replaced)
    assert replaced["schema"] == tool["schema"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pydantic 1 ends before Python 3.14")
def test_a_model_of_pydantic_1_is_read() -> None:
    v1 = pytest.importorskip("pydantic.v1")

    class Block(v1.BaseModel):  # type: ignore[name-defined, misc]
        text: str = ""
        unset: int = 0

        def model_dump(self, **options: Any) -> Any:
            raise ValueError("mode is only supported in Pydantic v2")  # as the SDKs' do

    assert plain([Block(text="a")]) == [{"text": "a"}]
