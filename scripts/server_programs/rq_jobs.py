"""RQ jobs that make one call each; the queue is a Redis server."""

from __future__ import annotations

import os
import sys

from calls import ask
from redis import Redis
from rq import Queue

PORT = int(os.environ["QUEUE_PORT"])


if __name__ == "__main__":
    queue = Queue(connection=Redis(port=PORT))
    for _ in range(int(sys.argv[1])):
        queue.enqueue(ask)
