#!/usr/bin/env bash
# Start-up of the stand-in for mariadb:10.11, after the documentation of the official image: MARIADB_ROOT_PASSWORD,
# MARIADB_RANDOM_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD, MARIADB_ROOT_HOST, MARIADB_DATABASE, MARIADB_USER,
# MARIADB_PASSWORD (each also as MYSQL_* and as *_FILE), and /docker-entrypoint-initdb.d, run against a temporary server that
# listens on the Unix socket only.
set -euo pipefail

data=/var/lib/mysql
start_limit_s=30

die() { printf 'error: %s\n' "$1" >&2; exit 1; }

# setting NAME DEFAULT: sets MARIADB_NAME from the environment, under its own or its old name, or from the file that *_FILE names.
setting() {
    local name file_name value=
    for name in "MARIADB_$1" "MYSQL_$1"; do
        file_name="${name}_FILE"
        if [ -n "${!file_name:-}" ]; then
            [ -z "${!name:-}" ] || die "both $name and $file_name are set; set one"
            printf -v "$name" '%s' "$(<"${!file_name}")"
        fi
        value=${value:-${!name:-}}
    done
    printf -v "MARIADB_$1" '%s' "${value:-$2}"
}

# A text between single quotes, as the server reads it.
quoted() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\\\'}"
}
name() { printf '`%s`' "${1//\`/\`\`}"; }

# The client as root of the temporary server. The password is not an argument, which everybody could read.
run_sql() { MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb --protocol=socket --user=root --comments "$@"; }

accounts() {
    if [ -n "$MARIADB_DATABASE" ]; then
        printf 'CREATE DATABASE IF NOT EXISTS %s;\n' "$(name "$MARIADB_DATABASE")"
    fi
    if [ -n "$MARIADB_USER" ] && [ -n "$MARIADB_PASSWORD" ]; then
        printf "CREATE USER %s@'%%' IDENTIFIED BY %s;\n" "$(quoted "$MARIADB_USER")" "$(quoted "$MARIADB_PASSWORD")"
        if [ -n "$MARIADB_DATABASE" ]; then
            printf "GRANT ALL ON %s.* TO %s@'%%';\n" "$(name "${MARIADB_DATABASE//_/\\_}")" "$(quoted "$MARIADB_USER")"
        fi
    fi
    if [ "$MARIADB_ROOT_HOST" != localhost ]; then
        printf 'CREATE USER root@%s IDENTIFIED BY %s;\n' "$(quoted "$MARIADB_ROOT_HOST")" "$(quoted "$MARIADB_ROOT_PASSWORD")"
        printf 'GRANT ALL ON *.* TO root@%s WITH GRANT OPTION;\n' "$(quoted "$MARIADB_ROOT_HOST")"
    fi
    printf 'ALTER USER root@localhost IDENTIFIED BY %s;\n' "$(quoted "$MARIADB_ROOT_PASSWORD")"
}

initialise() {
    local random=
    if [ -z "$MARIADB_ROOT_PASSWORD" ] && [ -n "$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
        random=$(head --bytes=24 /dev/urandom | base64)
    fi
    [ -n "$MARIADB_ROOT_PASSWORD$random$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD" ] \
        || die "the database is uninitialised, and none of MARIADB_ROOT_PASSWORD, MARIADB_RANDOM_ROOT_PASSWORD and MARIADB_ALLOW_EMPTY_ROOT_PASSWORD is set"
    cp --archive /usr/local/share/mariadb/data/. "$data"

    "$@" --skip-networking &
    local server=$! deadline=$((SECONDS + start_limit_s)) password=$MARIADB_ROOT_PASSWORD$random
    # Root has no password yet.
    MARIADB_ROOT_PASSWORD=
    until run_sql --execute='SELECT 1' >/dev/null 2>&1; do
        kill -0 "$server" 2>/dev/null || die "the temporary server ended"
        [ "$SECONDS" -lt "$deadline" ] || die "the temporary server does not answer"
        sleep 0.1
    done
    run_sql < <(MARIADB_ROOT_PASSWORD=$password accounts)
    MARIADB_ROOT_PASSWORD=$password
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
            *.sql) run_sql ${MARIADB_DATABASE:+"$MARIADB_DATABASE"} <"$script" ;;
            *.sql.gz) gunzip --stdout "$script" | run_sql ${MARIADB_DATABASE:+"$MARIADB_DATABASE"} ;;
        esac
    done
    kill "$server"
    wait "$server"
    printf 'MariaDB init process done. Ready for start up.\n'
}

if [ "${1:0:1}" = - ]; then set -- mariadbd "$@"; fi
if [ "$1" = mysqld ]; then shift; set -- mariadbd "$@"; fi
if [ "$1" != mariadbd ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
    chown mysql:mysql "$data" /run/mysqld
    find "$data" \! -user mysql -exec chown mysql:mysql '{}' +
    exec setpriv --reuid=mysql --regid=mysql --init-groups --inh-caps=-all "$0" "$@"
fi

if [ ! -d "$data/mysql" ]; then
    for entry in ROOT_PASSWORD= RANDOM_ROOT_PASSWORD= ALLOW_EMPTY_ROOT_PASSWORD= ROOT_HOST=% DATABASE= USER= PASSWORD=; do
        setting "${entry%%=*}" "${entry#*=}"
    done
    initialise "$@"
fi
exec "$@"
