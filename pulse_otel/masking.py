"""Mask what looks like a credential, by its form or by the name of its field."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from typing import Any

from pulse_otel.values import clip, scrub, size_bytes

_SECRET = re.compile(
    r"(?i)\b(?:sk|pk|rk|pulse_sk|gsk|xai|sess|hf|r8|gh[opsu]|github_pat)[-_][A-Za-z0-9_*\-]{8,}"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._\-+/=]{8,}|\bAIza[A-Za-z0-9_\-]{20,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    # A JSON web token. It matches a word from its start, and only one that a dot follows: trying
    # each "eyJ" inside a word would take quadratic time.
    r"|(?<![A-Za-z0-9_\-])(?=[A-Za-z0-9_\-]*\.[A-Za-z0-9_.\-])"
    r"(?:[A-Za-z0-9_\-]*-)?eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_.\-]+"
    r"|\bapi[-_]?key[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9_\-]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
# Each text that `_SECRET` matches has one of these, in lower case: to search them takes a tenth.
_SIGNS = (
    *("k-", "k_", "xai-", "xai_", "sess-", "sess_", "hf-", "hf_", "r8-", "r8_", "pat-", "pat_"),
    *("gho", "ghp", "ghs", "ghu", "bearer", "basic", "aiza", "akia", "eyj", "api", "://"),
)
# Other letters that a pattern takes for one of ASCII, and that stay in lower case.
_LIKE_ASCII = (("\u017f", "s"), ("\u0131", "i"), ("i\u0307", "i"))
_PIECE = 1024  # of a long text, which is masked by pieces
_GAP = re.compile(r"[^\srcy=:\"'](?=\s)", re.IGNORECASE)  # a space that no secret spans
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


def mask_secrets(text: str) -> str:
    """Return `text` with look-alikes of API keys masked; providers quote keys in messages."""
    if len(text) <= 2 * _PIECE:
        return _SECRET.sub("[masked]", text) if _may_hold_secret(text) else text
    pieces: list[str] = []
    begin = 0
    while gap := _GAP.search(text, begin + _PIECE):
        pieces.append(text[begin : gap.end()])
        begin = gap.end()
    pieces.append(text[begin:])
    return "".join(
        [_SECRET.sub("[masked]", piece) if _may_hold_secret(piece) else piece for piece in pieces]
    )


def _may_hold_secret(text: str) -> bool:
    lower = text.lower()
    if not text.isascii():
        for letter, like in _LIKE_ASCII:
            lower = lower.replace(letter, like)
    for sign in _SIGNS:  # noqa: SIM110 - a generator takes twice the time
        if sign in lower:
            return True
    return False


def masked(text: str, limit_bytes: int) -> str:
    """Return the beginning of `text`, scrubbed and without secrets, at most `limit_bytes` long.

    No more of it is read than what may be shown, and a secret is not cut apart before it is seen.
    """
    start = text[: 4 * limit_bytes]
    if len(start) < len(text):
        last_space = start.rfind(" ", limit_bytes)
        start = start[:last_space] if last_space > 0 else start
    found = mask_secrets(scrub(start))
    return clip(found, limit_bytes, size_bytes(text[len(start) :]))


def without_secrets(value: Any) -> Any:
    """Mask the credentials in `value`, plain data, by the name of their field or their form.

    A mapping under such a name, as in a schema, is searched; headers are masked whole.
    """
    if isinstance(value, dict):
        return {name: _unsecret(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return mask_secrets(value) if isinstance(value, str) else value


def _unsecret(name: object, value: Any) -> Any:
    field = str(name).lower().replace("_", "").replace("-", "")
    if field.endswith(_SECRET_MAPPINGS) and isinstance(value, dict):
        return dict.fromkeys(value, "[masked]")
    if field.endswith(_SECRET_ENDINGS) or field in _SECRET_FIELDS:
        return "[masked]" if isinstance(value, str) else without_secrets(value)
    return without_secrets(value)
