"""Keep the question, the answer and the error of each trace, as a list shows and searches them.

A row belongs to a row of summaries: `trace` is its rowid. The words are indexed by SQLite's FTS5.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

_VERSION = 1
_MODULE = "fts5"
_AFTER_CALLS = 10**15  # ms: moves what is no call behind every call
_NEVER = 4 * _AFTER_CALLS


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What a span says: "" for what it does not have.

    A trace has the first question, the last answer and the first error of its spans; those of
    calls go before those of others.
    """

    project_id: str
    trace_id: str
    timestamp: int
    call: bool
    question: str
    answer: str
    error: str


class TextTable(Generic[Row]):
    """The texts of the traces in `summaries`, taken from rows by `read`."""

    def __init__(
        self, connection: sqlite3.Connection, summaries: str, read: Callable[[Row], Texts]
    ) -> None:
        """Raise NotSupportedError if this SQLite cannot search texts."""
        modules = "SELECT 1 FROM pragma_module_list WHERE name = ?"
        if not connection.execute(modules, [_MODULE]).fetchone():
            raise sqlite3.NotSupportedError(
                f"Python's SQLite {sqlite3.sqlite_version} has no {_MODULE.upper()}, which searches"
                " the texts of traces; most builds of Python have it"
            )
        self._connection = connection
        self._name = summaries.replace("summaries", "texts")
        self._summaries = summaries
        self._read = read

    def current(self) -> bool:
        """Return whether the table is there, as this version writes it."""
        sql = "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = ?"
        return self._connection.execute(sql, [self._version()]).fetchone() is not None

    def build(self, read: Callable[[], Iterable[Row]]) -> None:
        """Create the table anew, with the texts of the rows that are then read."""
        self._connection.executescript(_SCHEMA.format(**self._names()))
        with self._connection:
            self.add(read())

    def add(self, rows: Iterable[Row]) -> None:
        """Add the texts of rows whose traces have summaries."""
        self._connection.executemany(_ADD.format(**self._names()), map(self._values, rows))

    def _values(self, row: Row) -> dict[str, str | int]:
        texts = self._read(row)
        late = 0 if texts.call else _AFTER_CALLS
        return {
            "project_id": texts.project_id,
            "trace_id": texts.trace_id,
            "question": texts.question,
            "asked": texts.timestamp + late if texts.question else _NEVER,
            "answer": texts.answer,
            "answered": texts.timestamp - late if texts.answer else -_NEVER,
            "error": texts.error,
            "failed": texts.timestamp + late if texts.error else _NEVER,
        }

    def _version(self) -> str:
        return f"{self._name}_{_VERSION}"

    def _names(self) -> dict[str, str]:
        return {
            "texts": self._name,
            "words": f"{self._name}_words",
            "summaries": self._summaries,
            "version": self._version(),
            "module": _MODULE,
        }


_SCHEMA = """
BEGIN;
DROP TABLE IF EXISTS {texts};
DROP TABLE IF EXISTS {words};
DROP TRIGGER IF EXISTS {texts}_end;
CREATE TABLE {texts}
    (trace INTEGER PRIMARY KEY, question, asked, answer, answered, error, failed);
CREATE VIRTUAL TABLE {words} USING {module} (question, answer, error,
    content='{texts}', content_rowid='trace', prefix='2 3');
CREATE TRIGGER {version} AFTER INSERT ON {texts} BEGIN
    INSERT INTO {words} (rowid, question, answer, error)
        VALUES (new.trace, new.question, new.answer, new.error);
END;
CREATE TRIGGER {texts}_change AFTER UPDATE ON {texts}
    WHEN (old.question, old.answer, old.error) <> (new.question, new.answer, new.error) BEGIN
    INSERT INTO {words} ({words}, rowid, question, answer, error)
        VALUES ('delete', old.trace, old.question, old.answer, old.error);
    INSERT INTO {words} (rowid, question, answer, error)
        VALUES (new.trace, new.question, new.answer, new.error);
END;
CREATE TRIGGER {texts}_delete AFTER DELETE ON {texts} BEGIN
    INSERT INTO {words} ({words}, rowid, question, answer, error)
        VALUES ('delete', old.trace, old.question, old.answer, old.error);
END;
CREATE TRIGGER {texts}_end AFTER DELETE ON {summaries} BEGIN
    DELETE FROM {texts} WHERE trace = old.rowid;
END;
COMMIT;
"""
_ADD = """
INSERT INTO {texts} (trace, question, asked, answer, answered, error, failed)
SELECT rowid, :question, :asked, :answer, :answered, :error, :failed FROM {summaries}
    WHERE project_id = :project_id AND trace_id = :trace_id
ON CONFLICT (trace) DO UPDATE SET
    question = iif(excluded.asked < asked, excluded.question, question),
    asked = min(excluded.asked, asked),
    answer = iif(excluded.answered >= answered, excluded.answer, answer),
    answered = max(excluded.answered, answered),
    error = iif(excluded.failed < failed, excluded.error, error),
    failed = min(excluded.failed, failed)
"""
