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

# The superuser of a new cluster is "postgres": gives him the name and the password that are asked for. Nobody can rename himself, so
# somebody else does it.
adopt_superuser() {
    POSTGRES_PASSWORD=$POSTGRES_PASSWORD psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set user="$POSTGRES_USER" \
        --username postgres --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
SELECT :'user' <> 'postgres' AS other \gset
\if :other
CREATE ROLE renaming SUPERUSER LOGIN;
\connect - renaming
ALTER ROLE postgres RENAME TO :"user";
\connect - :"user"
DROP ROLE renaming;
\endif
ALTER ROLE :"user" PASSWORD :'password';
SQL
}

initialise() {
    [ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] \
        || die "the database is uninitialised and POSTGRES_PASSWORD is not set"
    if [ -z "$POSTGRES_INITDB_ARGS" ]; then
        cp --archive /usr/local/share/postgresql/cluster/. "$PGDATA"
    else
        # It holds several words, quoted as in a shell.
        eval "initdb --username=postgres $POSTGRES_INITDB_ARGS"
    fi
    printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
    printf "\nlisten_addresses = '*'\n" >>"$PGDATA/postgresql.conf"

    PGUSER=postgres pg_ctl --wait --options="-c listen_addresses=''" start
    adopt_superuser
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
