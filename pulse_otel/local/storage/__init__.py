"""Store what the development service accepts, in SQLite."""
