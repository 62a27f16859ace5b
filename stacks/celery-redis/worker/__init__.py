"""A Celery worker."""
