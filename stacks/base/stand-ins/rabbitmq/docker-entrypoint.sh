#!/usr/bin/env bash
# Start-up of the stand-in for rabbitmq:3.10: the broker runs as its own user. It reads RABBITMQ_DEFAULT_USER,
# RABBITMQ_DEFAULT_PASS and RABBITMQ_DEFAULT_VHOST by itself.
set -euo pipefail

case "${1:-}" in
    rabbitmq*)
        if [ "$(id -u)" = 0 ]; then
            find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq:rabbitmq '{}' +
            exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups --inh-caps=-all "$0" "$@"
        fi
        ;;
esac
exec "$@"
