"""Keep one row per trace and one per session, beside the table that they are derived from.

Triggers write them: an insert costs the same whatever the file holds, and a list, a page of it and
its totals need no GROUP BY over everything. `derivation` says what a row of the table adds; the
same statements build the summaries of a file that another version wrote.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

# Raise it whenever a statement here changes: the summaries of an older file are built anew.
_VERSION = 3
# Separates the words of a list; no name contains it.
SEPARATOR = "\x1f"
_MAX_LIST = 2_000  # characters: a longer list takes no more words


@dataclass(frozen=True)
class Summary:
    """A table of summaries: `key` names what is summarised.

    The other columns are expressions on `new`, a row of the table: `firsts` are those of the main
    row, `sums` are added up, `least` and `most` keep the extremes, `lists` collect words, `counts`
    are JSON objects: how often each value was there.
    A row counts if it meets `condition`; it counts once for each row of the relation `times`.
    The rows of a `clustered` table lie in the order of the key.
    """

    table: str
    key: Mapping[str, str]
    sums: Mapping[str, str]
    main_rank: str = "0"
    firsts: Mapping[str, str] = field(default_factory=dict[str, str])
    least: Mapping[str, str] = field(default_factory=dict[str, str])
    most: Mapping[str, str] = field(default_factory=dict[str, str])
    lists: Mapping[str, str] = field(default_factory=dict[str, str])
    counts: Mapping[str, str] = field(default_factory=dict[str, str])
    condition: str = "true"
    times: str = ""
    clustered: bool = False

    def columns(self) -> dict[str, str]:
        """Map each column to the expression of its value for one row."""
        mark = f"'{SEPARATOR}'"
        lists = {
            name: f"{mark} || COALESCE({value} || {mark}, '')" for name, value in self.lists.items()
        }
        counts = {n: f"json_object(CAST({value} AS TEXT), 1)" for n, value in self.counts.items()}
        rank = {"main_rank": self.main_rank, "main_time": "new.timestamp"} if self.firsts else {}
        groups = (self.key, rank, self.firsts, self.sums, self.least, self.most, lists, counts)
        return {name: value for group in groups for name, value in group.items()}

    def create(self) -> str:
        """Write the statement that creates the table."""
        columns = ", ".join(self.columns())
        key = ", ".join(self.key)
        rest = " WITHOUT ROWID" if self.clustered else ""
        return f"CREATE TABLE {self.table} ({columns}, PRIMARY KEY ({key})){rest};"

    def add(self, rows: str = "", only: str = "true") -> str:
        """Write the statement that adds `new`, or those of `rows` (AS new) that meet `only`."""
        columns = self.columns()
        relations = [relation for relation in (rows, self.times) if relation]
        changes = ", ".join(f"{name} = {value}" for name, value in self._changes().items())
        return (
            f"INSERT INTO {self.table} ({', '.join(columns)})"
            f" SELECT {', '.join(columns.values())}"
            f" {'FROM ' if relations else ''}{', '.join(relations)}"
            f" WHERE {self.condition} AND {only}"
            f" ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {changes};"
        )

    def _changes(self) -> dict[str, str]:
        # A lower rank is the better main row, then the earlier one, then the one stored first.
        better = "(excluded.main_rank, excluded.main_time) < (main_rank, main_time)"
        main = ("main_rank", "main_time", *self.firsts) if self.firsts else ()
        first = {name: f"CASE WHEN {better} THEN excluded.{name} ELSE {name} END" for name in main}
        sums = {
            # null as long as no row has a value
            name: f"COALESCE({name} + excluded.{name}, {name}, excluded.{name})"
            for name in self.sums
        }
        least = {name: _extreme("MIN", name) for name in self.least}
        most = {name: _extreme("MAX", name) for name in self.most}
        lists = {
            name: f"{name} || CASE WHEN instr({name}, excluded.{name}) OR length({name})"
            f" > {_MAX_LIST} THEN '' ELSE substr(excluded.{name}, 2) END"
            for name in self.lists
        }
        counts = {name: _counted(name) for name in self.counts}
        return {**first, **sums, **least, **most, **lists, **counts}


def _extreme(function: str, name: str) -> str:
    return f"COALESCE({function}({name}, excluded.{name}), {name}, excluded.{name})"


def _counted(name: str) -> str:
    at = "'$.\"' || key || '\"'"
    return (
        f"(SELECT json_set({name}, {at}, COALESCE(json_extract({name}, {at}), 0) + value)"  # noqa: S608
        f" FROM json_each(excluded.{name}))"
    )


def keep(
    connection: sqlite3.Connection, source: str, summaries: tuple[Summary, ...], indexes: str
) -> bool:
    """Keep `summaries` of the table `source` from now on; build them if they are not there.

    Returns whether they were built, with rowids of their own.
    """
    version = f"{source}_summaries_{_VERSION}"
    known = "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = ?"
    if connection.execute(known, [version]).fetchone():
        return False
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    drops = [f"DROP TRIGGER {name};" for (name,) in connection.execute(triggers, [source])]
    drops += [f"DROP TABLE IF EXISTS {summary.table};" for summary in summaries]
    builds = [summary.create() + summary.add(f"{source} AS new") for summary in summaries]
    added = "".join(summary.add() for summary in summaries)
    trigger = f"CREATE TRIGGER {version} AFTER INSERT ON {source} BEGIN {added} END;"
    connection.executescript(f"BEGIN;{''.join(drops)}{''.join(builds)}{indexes}{trigger}COMMIT;")
    return True


def words(found: str) -> list[str]:
    """Return the words of a list."""
    return [word for word in found.split(SEPARATOR) if word]
