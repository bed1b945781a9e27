#!/bin/sh
# Gives the users of users.acl their passwords, then becomes the command that follows.
#   start.sh redis-server CONF [OPTION...]
#   start.sh redis-sentinel CONF
# Passwords come from secret files and reach Redis as SHA-256 hashes in a file in memory: no
# command line or environment ever holds one.
#
# With REDIS_SENTINELS (as of vision: ["host:port", ...]) a server asks them who is the primary
# before it starts, so that one that comes back after a failover follows instead of leading.
# A Sentinel keeps what it learned in its working folder.
set -euf

template=${REDIS_USERS:-/etc/ariia/users.acl}
secrets=${REDIS_SECRETS:-/run/secrets}
target=${REDIS_ACLFILE:-/tmp/users.acl}

password_of() {
    file=$secrets/redis_$1_password
    if [ ! -f "$file" ]; then
        echo "error: missing secret file $file: of a user that is new here? make it with compose/prepare.sh" >&2
        exit 1
    fi
    # Without the newline that an editor puts at the end, as the clients read it.
    password=$(cat "$file") || exit 1
    if [ -z "$password" ]; then
        echo "error: secret file $file: is empty: write the password into it" >&2
        exit 1
    fi
    printf '%s' "$password"
}

# A word of a configuration file, whatever is in it.
quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

write_users() {
    # Without -r, read joins the lines that end in a backslash.
    # shellcheck disable=SC2162
    while read line; do
        name=${line#user }
        name=${name%% *}
        case $line in
        'user default '* | 'user health '*)
            password=
            ;;
        'user '*)
            value=$(password_of "$name") || exit 1
            password="#$(printf '%s' "$value" | sha256sum | cut -d ' ' -f 1)"
            ;;
        *)
            continue
            ;;
        esac
        # Unquoted: Redis wants single spaces between words.
        # shellcheck disable=SC2086
        echo $line $password
    done <"$template" >"$target"
}

# Host and port of the primary, by what two Sentinels say alike.
primary() {
    for sentinel in $(echo "$REDIS_SENTINELS" | tr -d '[]"' | tr ',' ' '); do
        said=$(timeout 1 redis-cli -e -h "${sentinel%:*}" -p "${sentinel##*:}" \
            sentinel get-master-addr-by-name "$sentinel_name" 2>/dev/null) || continue
        echo "$said" | tr '\n' ' '
        echo
    done | sort | uniq -c | awk '$1 >= 2 {print $2, $3}'
}

umask 077
write_users

case ${1##*/} in
redis-server)
    if [ -z "${REDIS_SENTINELS:-}" ] || [ "$REDIS_SENTINELS" = '[]' ]; then exec "$@"; fi
    # As process 1 a shell would not hear of it.
    trap 'exit 143' INT TERM
    sentinel_name=${REDIS_SENTINEL_NAME:-ariia}
    program=$1 conf=$2 copy=${REDIS_CONFIG_COPY:-/tmp/redis.conf}
    shift 2
    waited=0
    until found=$(primary) && [ -n "$found" ]; do
        # Nobody guesses: of two that lead, one loses what it took.
        if [ $((waited % 10)) -eq 0 ]; then
            echo "waiting for two Sentinels that agree on the primary: $REDIS_SENTINELS" >&2
        fi
        waited=$((waited + 1))
        sleep 0.5
    done
    replication=$(password_of replica) || exit 1
    {
        echo "include $conf"
        echo "include ${REDIS_HA_CONF:-/etc/ariia/ha.conf}"
        echo "masteruser replica"
        echo "masterauth $(quoted "$replication")"
        echo "replica-announce-ip $REDIS_NAME"
        if [ "$found" != "$REDIS_NAME ${REDIS_PORT:-6379}" ]; then echo "replicaof $found"; fi
    } >"$copy"
    echo "the primary is $found, this is $REDIS_NAME" >&2
    exec "$program" "$copy" "$@"
    ;;
redis-sentinel)
    program=$1 conf=$2 state=$PWD/sentinel.conf learned=
    shift 2
    if [ -f "$state" ]; then
        learned=$(grep -E '^sentinel (monitor|myid|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) ' \
            "$state" || true)
    fi
    words=$(quoted "$(password_of sentinel)")
    name=$(awk '$1 == "sentinel" && $2 == "monitor" {print $3}' "$conf")
    {
        # Who was the primary last, rather than who was the first one.
        case $learned in
        *'sentinel monitor '*) grep -v '^sentinel monitor ' "$conf" ;;
        *) sed "s/^\(sentinel monitor [^ ]*\) redis /\1 ${REDIS_FIRST:-redis} /" "$conf" ;;
        esac
        echo "$learned"
        echo "aclfile $target"
        echo "sentinel announce-ip $REDIS_NAME"
        echo "sentinel auth-user $name sentinel"
        echo "sentinel auth-pass $name $words"
        echo "sentinel sentinel-user sentinel"
        echo "sentinel sentinel-pass $words"
    } >"$state.new"
    mv "$state.new" "$state"
    exec "$program" "$state" "$@"
    ;;
*)
    exec "$@"
    ;;
esac
