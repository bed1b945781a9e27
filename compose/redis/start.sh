#!/bin/sh
# Gives the users of users.acl their passwords, then becomes the command that follows.
#   start.sh COMMAND...
# Passwords come from secret files and reach Redis as SHA-256 hashes in a file in memory: no
# command line, environment or disk ever holds one.
set -euf

template=${REDIS_USERS:-/etc/ariia/users.acl}
secrets=${REDIS_SECRETS:-/run/secrets}
target=${REDIS_ACLFILE:-/tmp/users.acl}

hash_of() {
    file=$secrets/redis_$1_password
    # Without the newline that an editor puts at the end, as the clients read it.
    password=$(cat "$file") || exit 1
    if [ -z "$password" ]; then
        echo "error: secret file $file: is empty: write the password into it" >&2
        exit 1
    fi
    printf '%s' "$password" | sha256sum | cut -d ' ' -f 1
}

umask 077
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
        hash=$(hash_of "$name")
        password="#$hash"
        ;;
    *)
        continue
        ;;
    esac
    # Unquoted: Redis wants single spaces between words.
    # shellcheck disable=SC2086
    echo $line $password
done <"$template" >"$target"

exec "$@"
