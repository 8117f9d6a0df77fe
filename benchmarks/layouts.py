"""Import this first: the process gives its types other versions, as another program would.

CPython keeps where an attribute is found in a cache, whose place follows from the version of the
type and from the name. Where two of them fall into one place, each look-up takes several times as
long, and a version follows from how many types came before. So processes of several layouts are
counted. https://github.com/python/cpython/blob/3.11/Objects/typeobject.c (`MCACHE_HASH`)
"""

from __future__ import annotations

import os

_APART = 37  # types between two layouts


def _make_types(number: int) -> None:
    for _ in range(number):
        getattr(type("Other", (), {})(), "anything", None)  # a type has a version once it is asked


_make_types(_APART * int(os.environ.get("PYTHONHASHSEED", "0") or 0))
