"""The accounts of spans: the ledger, the statistics, the metrics and the last log line."""
