"""Where every span is: the ledger, the counters a user reads, metrics, the last line."""
