"""A worker that polls a table: it has no port, and says by a sign of life whether it can work."""
