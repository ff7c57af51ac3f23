# The private servers under var/: sourced by infra/dev/run. Needs $var; sets $as_postgres and $pg_bin. With own_group=setsid a Ctrl-C
# does not reach them.

pg_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
as_postgres=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
    as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    if ! (cd / && "${as_postgres[@]}" test -x "$var"); then # a checkout under /root: its folders are root's alone, so let it pass them
        as_postgres+=(--inh-caps=+dac_override --ambient-caps=+dac_override)
    fi
fi

port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# port_from PORT: the first free one from there on
port_from() {
    local port=$1
    until port_free "$port"; do port=$((port + 1)); done
    echo "$port"
}

# until_ok WHAT SECONDS COMMAND...: waits for the command to succeed
until_ok() {
    local what=$1 tries=$(($2 * 20))
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "$what did not come up; see $var/log" >&2; return 1; }
        sleep 0.05
    done
}

start_postgres() { # PORT; sets postgres_pid
    local data=$var/postgres/data
    mkdir -p "$var/postgres"
    if [ "$(id -u)" = 0 ]; then chown postgres "$var/postgres"; fi
    if [ ! -e "$data/PG_VERSION" ]; then
        (cd / && "${as_postgres[@]}" "$pg_bin/initdb" -D "$data" -U postgres -A trust -E UTF8 >"$var/log/initdb.log" 2>&1) ||
            { tail -n 3 "$var/log/initdb.log" >&2; return 1; }
    fi
    (cd / && exec ${own_group:-} "${as_postgres[@]}" "$pg_bin/postgres" -D "$data" -p "$1" -k "$var/postgres" -c listen_addresses=127.0.0.1 \
        -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=4GB -c wal_compression=on \
        -c autovacuum_naptime=15s) >>"$var/log/postgres.log" 2>&1 &
    postgres_pid=$!
    until_ok PostgreSQL 60 "$pg_bin/pg_isready" -h 127.0.0.1 -p "$1"
}

start_nats() { # PORT; sets nats_pid
    mkdir -p "$var/nats"
    cat >"$var/nats/nats.conf" <<CONF
listen: "127.0.0.1:$1"
server_name: parley
max_payload: 4MB
jetstream { store_dir: "$var/nats/store", max_memory_store: 256MB, max_file_store: 32GB }
CONF
    # as in compose.yaml
    # shellcheck disable=SC2016  # expanded by the inner shell
    GOGC=400 ${own_group:-} sh -c 'echo 1000000 >/proc/self/timerslack_ns; exec nats-server -c "$1"' nats-server "$var/nats/nats.conf" \
        >>"$var/log/nats.log" 2>&1 &
    nats_pid=$!
    until_ok nats-server 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"
}
