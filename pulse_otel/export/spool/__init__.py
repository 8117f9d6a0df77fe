"""The spool: batches of records in files, leased by one process at a time."""
