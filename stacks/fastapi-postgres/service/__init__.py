"""A small service on PostgreSQL that starts, serves, degrades, recovers and stops as production asks."""
