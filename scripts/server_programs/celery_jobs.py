"""Celery tasks that make one call each; the broker is a folder."""

from __future__ import annotations

import os

from calls import ask
from celery import Celery

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


if __name__ == "__main__":
    import sys

    from celery_jobs import job as queued

    for _ in range(int(sys.argv[1])):
        queued.delay()
