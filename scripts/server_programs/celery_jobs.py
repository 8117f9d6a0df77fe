"""Celery tasks that make calls; the broker is a folder. Each notes what is due, and what came."""

from __future__ import annotations

import os
import uuid

import openai
from calls import ask, make_large_calls, note
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

FOLDER = os.environ["QUEUE"]
app = Celery("celery_jobs", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": FOLDER,
        "data_folder_out": FOLDER,
        "control_folder": f"{FOLDER}/control",
    },
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
)


@app.task
def job() -> None:
    ask()


@app.task(soft_time_limit=1.0)
def limited() -> None:
    """Make large calls until the limit is over, and note whether its exception came."""
    mark = uuid.uuid4().hex
    try:
        make_large_calls(seconds=5)
    except (openai.APIConnectionError, SoftTimeLimitExceeded) as error:
        if _has(SoftTimeLimitExceeded, error):
            note("CAME", mark)
    finally:
        note("DUE", mark)


def _has(kind: type[Exception], error: BaseException | None) -> bool:
    """Whether `error` is of that kind, or was made of one: the SDK wraps what strikes in it."""
    return error is not None and (
        isinstance(error, kind) or _has(kind, error.__cause__ or error.__context__)
    )


if __name__ == "__main__":
    import sys

    import celery_jobs

    count, name = sys.argv[1:]
    for _ in range(int(count)):
        getattr(celery_jobs, name or "job").delay()
