"""The servers and pools that `servers.py` runs: how each is started, fed and ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

CALLS = 4
PORT = "{port}"
GRACEFUL = "unix_signal:15 gracefully_kill_them_all"


@dataclass(frozen=True)
class Case:
    """One way in which children end.

    `command` runs in the environment; `fed_by` says what gives it work: requests over HTTP, a
    program that queues jobs, or nothing, where it ends by itself. `job` names the jobs if they are
    others, which note themselves what came.
    """

    name: str
    command: tuple[str, ...]
    fed_by: str = ""
    environ: tuple[tuple[str, str], ...] = ()
    note: str = ""
    job: str = ""
    calls: int = CALLS


PATCHED = (("OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH", "patch_all"),)
PATCH_NOTE = f"zero code with `{PATCHED[0][0]}={PATCHED[0][1]}`"


def _celery(
    name: str, *options: str, environ: tuple[tuple[str, str], ...] = (), note: str = ""
) -> Case:
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR")
    worker = ("celery", "-A", "celery_jobs", "worker", "-c", "2", *quiet)
    return Case(f"Celery, {name}", (*worker, *options), "celery_jobs.py", environ, note)


def _gunicorn(
    name: str,
    kind: str,
    *options: str,
    environ: tuple[tuple[str, str], ...] = (),
    note: str = "",
) -> Case:
    app = "web:asgi" if "uvicorn" in kind or kind == "asgi" else "web:wsgi"
    bound = ("-w", "2", "-b", f"127.0.0.1:{PORT}", "--log-level", "error")
    command = ("gunicorn", "-k", kind, *bound, *options, app)
    return Case(f"gunicorn, {name}", command, "http", environ, note)


def _uwsgi(name: str, *options: str) -> Case:
    common = ("--http-socket", f"127.0.0.1:{PORT}", "--module", "web:wsgi", "--processes", "2")
    ends = ("--master", "--hook-master-start", GRACEFUL, "--disable-logging", "--need-app")
    command = ("pyuwsgi", *common, *ends, *options)
    return Case(f"uWSGI, {name}", command, "http", note=f"`hook-master-start={GRACEFUL}`")


def _pool(
    name: str, kind: str, library: str = "multiprocessing", method: str = "", note: str = ""
) -> Case:
    return Case(name, ("python", "pools.py", kind, library, method), note=note)


RECYCLED = ("--max-requests", "2")
UVICORN = ("uvicorn", "--port", PORT, "--log-level", "error")
METHODS = ("fork", "spawn", "forkserver")
CASES = (
    _celery("prefork, warm shutdown"),
    _celery("prefork, `--max-tasks-per-child 1`", "--max-tasks-per-child", "1"),
    _celery("prefork, `--max-memory-per-child 1`", "--max-memory-per-child", "1"),
    _celery("threads", "-P", "threads"),
    _celery("gevent", "-P", "gevent", environ=PATCHED, note=PATCH_NOTE),
    _celery("solo", "-P", "solo"),
    replace(
        _celery("prefork, soft time limit", note="the exceptions that the tasks got"),
        job="limited",
        calls=20,
    ),
    _gunicorn("sync", "sync"),
    _gunicorn("sync, recycled", "sync", *RECYCLED),
    _gunicorn("sync, recycled, `--preload`", "sync", "--preload", *RECYCLED),
    _gunicorn("gthread, recycled", "gthread", "--threads", "2", *RECYCLED),
    _gunicorn("gevent, recycled", "gevent", *RECYCLED, environ=PATCHED, note=PATCH_NOTE),
    _gunicorn("uvicorn-worker, recycled", "uvicorn_worker.UvicornWorker", *RECYCLED),
    _gunicorn("asgi, recycled", "asgi", *RECYCLED),
    Case("uvicorn", (*UVICORN, "web:asgi"), "http"),
    Case(
        "uvicorn, `--workers 2`",
        (*UVICORN, "--workers", "2", "web:asgi"),
        "http",
    ),
    Case(
        "uvicorn, `--workers 2`, recycled",
        (*UVICORN, "--workers", "2", "--limit-max-requests", "2", "web:asgi"),
        "http",
    ),
    Case("hypercorn", ("hypercorn", "-b", f"127.0.0.1:{PORT}", "-w", "2", "web:asgi"), "http"),
    Case(
        "hypercorn, recycled",
        ("hypercorn", "-b", f"127.0.0.1:{PORT}", "-w", "2", *RECYCLED, "web:asgi"),
        "http",
    ),
    _uwsgi("`--enable-threads`", "--enable-threads"),
    _uwsgi("`--enable-threads --lazy-apps`", "--enable-threads", "--lazy-apps"),
    _uwsgi(
        "`--enable-threads --lazy-apps`, recycled", "--enable-threads", "--lazy-apps", *RECYCLED
    ),
    _uwsgi("recycled, no option for threads", *RECYCLED),
    *(_pool(f"multiprocessing, {m}, Process", "process", method=m) for m in METHODS),
    *(_pool(f"multiprocessing, {m}, Pool", "pool", method=m) for m in METHODS),
    *(
        _pool(f"multiprocessing, {m}, Pool, `maxtasksperchild=1`", "recycled", method=m)
        for m in METHODS
    ),
    _pool(
        "multiprocessing, fork, Pool that is terminated",
        "terminated",
        method="fork",
        note="its end is SIGTERM: `flush_on_sigterm`, or `close()` and `join()`",
    ),
    *(_pool(f"ProcessPoolExecutor, {m}", "executor", method=m) for m in METHODS),
    *(
        _pool(f"ProcessPoolExecutor, {m}, `max_tasks_per_child=1`", "recycled_executor", method=m)
        for m in METHODS[1:]
    ),
    *(_pool(f"billiard, {m}, Process", "process", "billiard", m) for m in METHODS),
    *(
        _pool(f"billiard, {m}, Pool, `maxtasksperchild=1`", "recycled", "billiard", m)
        for m in ("fork", "forkserver")
    ),
    _pool(
        "billiard, spawn, Pool, `maxtasksperchild=1`",
        "flushed",
        "billiard",
        "spawn",
        "`flush_buffer(5)` at the end of a task, without which 0 of 4 arrive",
    ),
    _pool("joblib (loky)", "joblib"),
    _pool("loky", "loky"),
    Case(
        "RQ, a process for each job",
        ("rq", "worker", "--url", "{redis}"),
        "rq_jobs.py",
    ),
    Case(
        "huey, `-k process`",
        ("huey_consumer", "huey_jobs.queue", "-k", "process", "-w", "2"),
        "huey_jobs.py",
    ),
    _pool("os.fork, sys.exit", "fork"),
    _pool("os.fork, os._exit", "fork_and_exit"),
)
