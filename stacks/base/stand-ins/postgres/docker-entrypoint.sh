#!/usr/bin/env bash
# Start-up of the stand-in for postgres:15-bookworm, after the documentation of the official image: POSTGRES_USER,
# POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD (each also as *_FILE), PGDATA, and
# /docker-entrypoint-initdb.d, run against a temporary server that listens on the Unix socket only.
set -euo pipefail

die() { printf 'error: %s\n' "$1" >&2; exit 1; }

# setting NAME DEFAULT: sets NAME from the environment, or from the file that NAME_FILE names.
setting() {
    local file_name="$1_FILE"
    if [ -n "${!file_name:-}" ]; then
        [ -z "${!1:-}" ] || die "both $1 and $file_name are set; set one"
        printf -v "$1" '%s' "$(<"${!file_name}")"
    fi
    printf -v "$1" '%s' "${!1:-$2}"
}

# psql as the superuser of the temporary server.
run_sql() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$@"; }

initialise() {
    [ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] \
        || die "the database is uninitialised and POSTGRES_PASSWORD is not set"
    # POSTGRES_INITDB_ARGS holds several words, quoted as in a shell.
    eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") $POSTGRES_INITDB_ARGS"
    printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
    printf "\nlisten_addresses = '*'\n" >>"$PGDATA/postgresql.conf"

    PGUSER=$POSTGRES_USER pg_ctl --wait --options="-c listen_addresses=''" start
    if [ "$POSTGRES_DB" != postgres ]; then
        run_sql postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
    fi
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
            *.sql) run_sql "$POSTGRES_DB" --file "$script" ;;
            *.sql.gz) gunzip --stdout "$script" | run_sql "$POSTGRES_DB" ;;
        esac
    done
    PGUSER=$POSTGRES_USER pg_ctl --wait --mode=fast stop
    printf 'PostgreSQL init process complete; ready for start up.\n'
}

if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    setting POSTGRES_PASSWORD ''
    setting POSTGRES_USER postgres
    setting POSTGRES_DB "$POSTGRES_USER"
    setting POSTGRES_INITDB_ARGS ''
    setting POSTGRES_HOST_AUTH_METHOD scram-sha-256
    initialise
    unset PGUSER
fi
exec "$@"
