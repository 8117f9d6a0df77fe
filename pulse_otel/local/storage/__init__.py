"""What the development service stores, in SQLite."""
