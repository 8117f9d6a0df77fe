"""Mask what looks like a credential, by its form or by the name of its field."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import re
from typing import Any

from pulse_otel.bounds import NOTES, OVER, shortened
from pulse_otel.leaves import SEPARATOR, Leaves, leaves
from pulse_otel.sizes import Sizes
from pulse_otel.texts import clip, scrub, size_bytes
from pulse_otel.values import plain_within, to_json_bytes

MASK = "[masked]"
_MOST_BYTES = 1 << 15  # of the JSON of plain data: more is cut before it is searched


def _run(characters: str, least: int) -> str:
    """Return a pattern of at least so many characters, or of fewer before a note of `bounds`."""
    return rf"(?:[{characters}]{{{least},}}|[{characters}]*(?=… \[))"


# It is matched where a sign is found, in lower case. No part of it may match a NUL.
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|pulse_sk|gsk|xai|sess|hf|r8|gh[opsu]|github_pat)[-_]" + _run(r"a-z0-9_*\-", 8)
    + r"|\b(?:bearer|basic)\s+" + _run(r"a-z0-9._\-+/=", 8)
    + r"|\baiza" + _run(r"a-z0-9_\-", 20)
    + r"|\bakia" + _run("a-z0-9", 12)
    + r"|\beyj" + _run(r"a-z0-9_.\-", 16)  # a JSON web token
    + r"|\bapi[-_]?key[\"']?\s*[=:]\s*[\"']?" + _run(r"a-z0-9_\-", 8)
    + r"|(?<=://)[^/\s:@\x00]+:[^/\s@\x00]+(?=@|… \[)"
)  # fmt: skip
# A part of each text that `_SECRET` matches, with each underscore a hyphen -> how long before it
# the match may begin. To find the few signs takes a tenth of matching everywhere.
_SIGNS = {
    "k-": (1, 2, 7),
    **dict.fromkeys(("xai-", "sess-", "hf-", "r8-", "gho-", "ghp-", "ghs-", "ghu-"), (0,)),
    "pat-": (7,),
    **dict.fromkeys(("bearer", "basic", "aiza", "akia", "eyj", "api"), (0,)),
    "://": (-3,),
}
# The signs that are tried: more than a few, and one of so many characters, make a text look as if
# it was made of secrets.
_FEW_SIGNS, _RARE_SIGNS = 256, 32
# Other letters that a reader takes for one of ASCII, and that stay in lower case, or take two.
_LIKE_ASCII = (("\u0130", "i"), ("\u017f", "s"), ("\u0131", "i"))
# Fields of a provider's tools and parameters that hold a credential, in lower case, without
# underscores and hyphens: whole names, ends of names, and mappings of which no value is shown.
_SECRET_FIELDS = frozenset({"token", "connectionstring", "cookie"})
_SECRET_ENDINGS = (
    "authorization",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "subscriptionkey",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "authorizationtoken",
    "bearertoken",
    "secret",
    "password",
)
_SECRET_MAPPINGS = ("headers", "authentication", "credentials")
_ENDINGS = (*_SECRET_FIELDS, *_SECRET_ENDINGS, *_SECRET_MAPPINGS)


def mask_secrets(text: str) -> str:
    """Return `text` with look-alikes of API keys masked; providers quote keys in messages.

    A text that looks as if it was made of them is masked whole.
    """
    spans = _spans(text)
    if spans is None:
        return MASK
    shown: list[str] = []
    done = 0
    for begin, end in sorted(spans):
        if begin >= done:
            shown += (text[done:begin], MASK)
        done = max(done, end)
    return "".join([*shown, text[done:]]) if shown else text


def _spans(text: str) -> list[tuple[int, int]] | None:
    """Return where secrets are; None if there are too many signs of them to try each."""
    lower = _lower(text)
    hyphens = lower.replace("_", "-")
    left = _FEW_SIGNS + len(text) // _RARE_SIGNS
    spans: list[tuple[int, int]] = []
    for sign, befores in _SIGNS.items():
        at = hyphens.find(sign)
        while at >= 0:
            left -= 1
            if left < 0:
                return None
            end = at + len(sign)
            for before in befores:
                match = _SECRET.match(lower, max(0, at - before))
                if match:
                    spans.append(match.span())
                    end = max(end, match.end())
                    break
            at = hyphens.find(sign, end)
    return spans


def _lower(text: str) -> str:
    """Return `text` in lower case, each character in its place."""
    if not text.isascii():
        for letter, like in _LIKE_ASCII:
            text = text.replace(letter, like)
    return text.lower()


def masked(text: str, limit_bytes: int) -> str:
    """Return the beginning of `text`, scrubbed and without secrets, at most `limit_bytes` long.

    No more of it is read than what may be shown, and a secret is not cut apart before it is seen.
    """
    start = text[: 4 * limit_bytes]
    if len(start) < len(text):
        space = start.find(" ", limit_bytes)
        start = start[:space] if space > 0 else start
    found = mask_secrets(scrub(start))
    unread = len(text) - len(start)
    if text.isascii() or unread <= limit_bytes:
        return clip(found, limit_bytes, size_bytes(text[len(start) :]))
    return clip(found, limit_bytes, unread, OVER)


def without_secrets(value: Any, most: int = _MOST_BYTES) -> Any:
    """Return `value` as plain data, cut to `most` bytes of JSON, without credentials.

    They are known by the name of their field or by their form. A mapping under such a name, as in
    a schema, is searched; headers are masked whole.
    """
    fits = Sizes(most).least(value) <= most
    found = leaves(value, clean=fits)
    if found is None:
        value = plain_within(value, most)
        fits = Sizes(most).least(value) <= most
    if not fits or len(to_json_bytes(value, most)) > most:
        cut = shortened(value, most, NOTES)
        value = {NOTES.key: True} if cut is None else json.loads(cut)
        found = None
    found = found or leaves(value)
    if found is None:  # a thread writes to it
        return MASK
    masks = _masks(found)
    return _unsecret(value, masks) if masks or _may_name_secret(found.names) else value


def _masks(found: Leaves) -> dict[str, str]:
    """Return each text that holds secrets, and what is shown of it."""
    if not found.texts:
        return {}
    text = found.text
    shown = mask_secrets(text)
    if shown == text:
        return {}
    parts = shown.split(SEPARATOR)
    if len(parts) != len(found.texts):  # masked whole
        return dict.fromkeys(found.texts, MASK)
    return dict(zip(found.texts, parts, strict=True))


def _may_name_secret(names: list[str]) -> bool:
    # Each once, as the schemas of tools repeat them; in all of them at a time.
    for name in _plain_name(SEPARATOR.join(set(names))).split(SEPARATOR):
        if name.endswith(_ENDINGS):
            return True
    return False


def _plain_name(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _unsecret(value: Any, masks: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _unsecret_field(name, item, masks) for name, item in value.items()}
    if isinstance(value, list):
        return [_unsecret(item, masks) for item in value]
    return masks.get(value, value) if isinstance(value, str) else value


def _unsecret_field(name: str, value: Any, masks: dict[str, str]) -> Any:
    field = _plain_name(name)
    if field.endswith(_SECRET_MAPPINGS) and isinstance(value, dict):
        return dict.fromkeys(value, MASK)
    if isinstance(value, str) and _names_secret(field):
        return MASK
    return _unsecret(value, masks)


def names_secret(name: str) -> bool:
    """Return whether a text in a field of that name is a credential."""
    return _names_secret(_plain_name(name))


def _names_secret(field: str) -> bool:
    return field.endswith(_SECRET_ENDINGS) or field in _SECRET_FIELDS
