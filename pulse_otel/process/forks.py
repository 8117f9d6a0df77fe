"""Forks: a child starts with fresh state, and inherits no lock that nobody is left to release.

The locks of Python's imports are such locks: a child that was forked while a thread imported
`requests` could never import it, and neither could the program's own code there. So the worker
imports what it needs within `loading`, and a fork waits for the end of that.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

_LONGEST_S = 5.0  # a fork waits for an import, but not for one that hangs


class Forked(Protocol):
    """State that starts afresh in a child."""

    def reset_after_fork(self) -> None: ...


class _Forks:
    def __init__(self) -> None:
        self.loading = threading.Lock()
        self.known: weakref.WeakSet[Forked] = weakref.WeakSet()
        self.registered = False
        self._waited = False

    def before(self) -> None:
        self._waited = self.loading.acquire(timeout=_LONGEST_S)

    def in_parent(self) -> None:
        if self._waited:
            self.loading.release()

    def in_child(self) -> None:
        self.loading = threading.Lock()
        for one in list(self.known):
            one.reset_after_fork()


_forks = _Forks()


def reset_in_children(one: Forked) -> None:
    """Reset `one` in each forked child while it exists."""
    _forks.known.add(one)
    if not _forks.registered and hasattr(os, "register_at_fork"):
        _forks.registered = True
        os.register_at_fork(
            before=_forks.before,
            after_in_parent=_forks.in_parent,
            after_in_child=_forks.in_child,
        )


def loading() -> threading.Lock:
    """Return the lock that a thread holds while it imports, so that nobody forks meanwhile."""
    return _forks.loading
