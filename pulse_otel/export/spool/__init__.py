"""What waits on disk: batches of records in files, leased by one process at a time."""
