#!/bin/sh
# Options alone are options of the server; the server runs as its own user, open to other containers as the official build is.
set -e
case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    set -- "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis '{}' +
        exec setpriv --reuid=redis --regid=redis --clear-groups -- "$@"
    fi
fi
exec "$@"
