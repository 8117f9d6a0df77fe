"""Count calls, spans and sessions over a period (contract §2.5, §3.5).

Each query is a row of columns over a relation with the same names in both generations. The
relations are read from covering indexes or summaries, never from the bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pulse_otel.local.storage.database import Select
from pulse_otel.local.storage.spans import Filters

Row: TypeAlias = dict[str, Any]

_IN_PERIOD = "project_id = :project_id AND timestamp >= :date_from AND timestamp <= :date_to"
CALLS: Final = f"""(
    SELECT timestamp, COALESCE(provider, 'sdk') AS provider, COALESCE(model, 'unknown') AS model,
        status = 'error' AS failed, duration_ms AS latency, input_tokens, output_tokens, cost_cents,
        session_id
    FROM spans INDEXED BY calls_by_time WHERE kind = 'llm_call' AND {_IN_PERIOD})"""  # noqa: S608 - our own text
LEGACY_CALLS: Final = f"""(
    SELECT started AS timestamp, provider, model, errors > 0 AS failed, latency_ms AS latency,
        input_tokens, output_tokens, cost_cents, session_id
    FROM legacy_summaries
    WHERE {_IN_PERIOD.replace("timestamp", "started")})"""  # noqa: S608
_SPANS = f"(SELECT * FROM spans INDEXED BY spans_by_time WHERE {_IN_PERIOD})"  # noqa: S608

# group_by -> the period of a row; by model or provider, the days remain.
_PERIODS: Mapping[str, str] = {
    "hour": "strftime('%Y-%m-%d %H:00:00', timestamp / 1000, 'unixepoch')",
    "day": "strftime('%Y-%m-%d', timestamp / 1000, 'unixepoch')",
}
_COST = "COALESCE(SUM(cost_cents), 0)"
_ERROR_RATE = "COALESCE(100.0 * SUM(failed) / COUNT(*), 0)"
_CALL_TOTALS = {
    "totalCost": _COST,
    "totalRequests": "COUNT(*)",
    "totalSessions": "COUNT(DISTINCT session_id)",
    "input": "COALESCE(SUM(input_tokens), 0)",
    "output": "COALESCE(SUM(output_tokens), 0)",
    "avgLatency": "COALESCE(AVG(latency), 0)",
    "errorRate": _ERROR_RATE,
}
_MODEL = {
    "provider": "provider",
    "model": "model",
    "requests": "COUNT(*)",
    "costCents": _COST,
    "avgLatency": "COALESCE(AVG(latency), 0)",
    "totalTokens": "COALESCE(SUM(input_tokens), 0) + COALESCE(SUM(output_tokens), 0)",
    "errorRate": _ERROR_RATE,
}
_SPAN_TOTALS = {
    "agentRuns": "COALESCE(SUM(kind = 'agent_run'), 0)",
    "toolCalls": "COALESCE(SUM(kind = 'tool_use'), 0)",
    # The services show 0 where no span is a session, whatever the sessions' spans last.
    "avgSessionDurationMs": "COALESCE(AVG(CASE kind WHEN 'session' THEN duration_ms END), 0)",
    "successRate": "COALESCE(100.0 * SUM(status <> 'error') / COUNT(*), 0)",
    "totalSpans": "COUNT(*)",
    "errorRate": "COALESCE(100.0 * SUM(status = 'error') / COUNT(*), 0)",
    "avgDurationMs": "COALESCE(AVG(duration_ms), 0)",
}
_COUNT = "COUNT(*)"
_SERVICE = {
    "service": "service",
    "requests": _COUNT,
    "errors": "SUM(status = 'error')",
    "avgDurationMs": "COALESCE(AVG(duration_ms), 0)",
}
_MOST = 10


def calls(select: Select, relation: str, period: Filters) -> Row:
    """Answer `/v1/analytics` from `CALLS` or `LEGACY_CALLS`."""
    at = _PERIODS.get(str(period["group_by"]), _PERIODS["day"])
    over_time = {"period": at, "provider": "provider", "costCents": _COST}
    by_provider = {"provider": "provider", "costCents": _COST, "requests": _COUNT}
    (totals,) = _rows(select, _CALL_TOTALS, relation, period)
    input_tokens, output_tokens = totals.pop("input"), totals.pop("output")
    tokens = {"input": input_tokens, "output": output_tokens, "total": input_tokens + output_tokens}
    latency, error_rate = totals.pop("avgLatency"), totals.pop("errorRate")
    return {
        **totals,
        "totalTokens": tokens,
        "avgLatency": latency,
        "errorRate": error_rate,
        "costOverTime": _rows(select, over_time, relation, period, "GROUP BY 1, 2 ORDER BY 1, 2"),
        "costByProvider": _rows(
            select, by_provider, relation, period, "GROUP BY 1 ORDER BY 2 DESC, 1"
        ),
        "topModels": _rows(
            select, _MODEL, relation, period, f"GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {_MOST}"
        ),
        "computed": _ratios(totals, tokens),
    }


def _ratios(totals: Row, tokens: Row) -> Row:
    requests, cost = totals["totalRequests"], totals["totalCost"]
    return {
        "costPerRequest": _ratio(cost, requests),
        "tokensPerRequest": _ratio(tokens["total"], requests),
        "costPer1kTokens": _ratio(cost * 1000, tokens["total"]),
        "tracesPerSession": _ratio(requests, totals["totalSessions"]),
        "avgInputTokens": _ratio(tokens["input"], requests),
        "avgOutputTokens": _ratio(tokens["output"], requests),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0


def spans(select: Select, period: Filters, *, services: bool) -> Row:
    """Answer `/v1/analytics/spans`, with a row per service if `services`."""

    def counted(name: str, column: str, condition: str = "1", limit: int = -1) -> list[Row]:
        columns = {name: column, "count": _COUNT}
        order = f"WHERE {condition} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {limit}"
        return _rows(select, columns, _SPANS, period, order)

    (totals,) = _rows(select, _SPAN_TOTALS, _SPANS, period)
    at = _PERIODS.get(str(period["group_by"]), _PERIODS["day"])
    tools = "kind = 'tool_use' AND tool_name IS NOT NULL"
    found = {
        **totals,
        "topTools": counted("name", "tool_name", tools, _MOST),
        "spansByKind": counted("kind", "kind"),
        "spansBySource": counted("source", "source"),
        "spansOverTime": _rows(
            select, {"period": at, "count": _COUNT}, _SPANS, period, "GROUP BY 1 ORDER BY 1"
        ),
    }
    if services:
        named = "WHERE service IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
        found["serviceStats"] = _rows(select, _SERVICE, _SPANS, period, named)
    return found


def overview(select: Select, relation: str, period: Filters) -> Row:
    """Answer `/v1/analytics/overview-extended`.

    The recorded answers have nothing in the histogram, the errors and the heat map, with failed
    calls in the period; what would fill these is not known.
    """
    at = _PERIODS.get(str(period["group_by"]), _PERIODS["day"])
    points = _rows(
        select, {"period": at, "value": _COUNT}, relation, period, "GROUP BY 1 ORDER BY 1"
    )
    series = {"id": "none-all", "name": "Requests", "color": "var(--blue)", "points": points}
    return {
        "available": True,
        "latencyPercentiles": percentiles(select, relation, period),
        "latencyHistogram": [],
        "series": [series],
        "errorTaxonomy": [],
        "heatmap": [],
    }


def percentiles(select: Select, relation: str, period: Filters) -> Row:
    """Return the latencies in ms that 50, 95 and 99 % of the calls do not exceed; 0 without any."""
    (known,) = _rows(select, {"calls": "COUNT(latency)"}, relation, period)
    return {
        f"p{percent}": _nth(select, relation, period, -(-known["calls"] * percent // 100))
        for percent in (50, 95, 99)
    }


def _nth(select: Select, relation: str, period: Filters, rank: int) -> float:
    order = f"WHERE latency IS NOT NULL ORDER BY latency LIMIT 1 OFFSET {max(rank - 1, 0)}"
    found = _rows(select, {"latency": "latency"}, relation, period, order)
    return found[0]["latency"] if found else 0


def _rows(
    select: Select, columns: Mapping[str, str], relation: str, period: Filters, rest: str = ""
) -> list[Row]:
    sql = f"SELECT {', '.join(columns.values())} FROM {relation} {rest}"  # noqa: S608
    return [dict(zip(columns, values, strict=True)) for values in select(sql, period)]
