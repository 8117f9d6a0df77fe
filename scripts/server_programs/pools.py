"""Calls in the children of process pools: `pools.py KIND START_METHOD`."""

from __future__ import annotations

import concurrent.futures
import os
import sys
from typing import Any

from calls import ask

import pulse_otel

CALLS = 4


def process(context: Any) -> None:
    for _ in range(CALLS):
        child = context.Process(target=ask)
        child.start()
        child.join()


def pool(context: Any) -> None:
    with context.Pool(2) as made:
        made.map(ask, range(CALLS), chunksize=1)
        made.close()
        made.join()


def recycled(context: Any) -> None:
    with context.Pool(2, maxtasksperchild=1) as made:
        made.map(ask, range(CALLS), chunksize=1)
        made.close()
        made.join()


def flushed(context: Any) -> None:
    with context.Pool(2, maxtasksperchild=1) as made:
        made.map(ask_and_flush, range(CALLS), chunksize=1)
        made.close()
        made.join()


def ask_and_flush(number: int) -> None:
    ask(number)
    pulse_otel.flush_buffer(5)


def terminated(context: Any) -> None:
    with context.Pool(2) as made:
        made.map(ask, range(CALLS), chunksize=1)


def executor(context: Any) -> None:
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as made:
        list(made.map(ask, range(CALLS)))


def recycled_executor(context: Any) -> None:
    made = concurrent.futures.ProcessPoolExecutor(2, mp_context=context, max_tasks_per_child=1)
    with made:
        list(made.map(ask, range(CALLS)))


def joblib(_: Any) -> None:
    from joblib import Parallel, delayed

    Parallel(n_jobs=2)(delayed(ask)() for _ in range(CALLS))


def loky(_: Any) -> None:
    from loky import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as made:
        list(made.map(ask, range(CALLS)))


def fork(_: Any) -> None:
    for _ in range(CALLS):
        pid = os.fork()
        if not pid:
            ask()
            sys.exit()
        os.waitpid(pid, 0)


def fork_and_exit(_: Any) -> None:
    for _ in range(CALLS):
        pid = os.fork()
        if not pid:
            ask()
            os._exit(0)
        os.waitpid(pid, 0)


def main() -> None:
    kind, library, method = sys.argv[1:]
    if library == "billiard":
        import billiard as module
    else:
        import multiprocessing as module
    globals()[kind](module.get_context(method or None))


if __name__ == "__main__":
    main()
