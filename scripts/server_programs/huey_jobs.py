"""huey tasks that make one call each; the queue is a SQLite file."""

from __future__ import annotations

import os
import sys

from calls import ask
from huey import SqliteHuey

queue = SqliteHuey(filename=os.environ["QUEUE"] + "/huey.db")


@queue.task()
def job() -> None:
    ask()


if __name__ == "__main__":
    from huey_jobs import job as queued

    for _ in range(int(sys.argv[1])):
        queued()
