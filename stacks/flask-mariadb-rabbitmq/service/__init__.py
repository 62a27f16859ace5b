"""A small service on MariaDB and RabbitMQ that starts, serves, degrades, recovers and stops as production asks."""
