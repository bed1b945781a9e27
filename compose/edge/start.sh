#!/bin/sh
# Makes nginx's configuration in memory from nginx.conf beside this file, then becomes the command
# that follows.
#   start.sh COMMAND...
# The token comes from its secret file and stands in no command line, environment or disk.
set -euf

here=$(dirname "$0")
state=${EDGE_STATE:-/tmp}
secrets=${EDGE_SECRETS:-/run/secrets}

fail() {
    echo "error: $1" >&2
    exit 2
}

# checked NAME VALUE PATTERN WHAT: the value, if all of it fits the extended pattern.
checked() {
    case $2 in *'
'*) fail "$1: is more than one line" ;; esac
    printf '%s\n' "$2" | grep -Ex -- "$3" || fail "$1: '$2' is no $4"
}

address='(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}'
listen='((\[[0-9A-Fa-f:]+\]|[0-9.]+):)?[0-9]{1,5}'
page=$(checked EDGE_PAGE_UPSTREAM "${EDGE_PAGE_UPSTREAM:-web:8080}" "$address" host:port)
grafana=$(checked EDGE_GRAFANA_UPSTREAM "${EDGE_GRAFANA_UPSTREAM:-grafana:3000}" "$address" host:port)
http=$(checked EDGE_HTTP_LISTEN "${EDGE_HTTP_LISTEN:-8080}" "$listen" 'port or address:port')
https=$(checked EDGE_HTTPS_LISTEN "${EDGE_HTTPS_LISTEN:-8443}" "$listen" 'port or address:port')
health=$(checked EDGE_HEALTH_PORT "${EDGE_HEALTH_PORT:-8081}" '[0-9]{1,5}' port)
public=$(checked EDGE_PUBLIC_HTTPS_PORT "${EDGE_PUBLIC_HTTPS_PORT:-443}" '[0-9]{1,5}' port)
per_s=$(checked EDGE_REQUESTS_PER_S "${EDGE_REQUESTS_PER_S:-200}" '[1-9][0-9]{0,4}' 'number from 1')
if [ "$public" = 443 ]; then public=; else public=:$public; fi

for name in web_token edge_certificate edge_key; do
    [ -r "$secrets/$name" ] ||
        fail "secret file $secrets/$name: cannot be read: docs/deploy.md, 'The way in', says how it is made"
    [ -s "$secrets/$name" ] || fail "secret file $secrets/$name: is empty"
done

umask 077
mkdir -p "$state"

# --- the token -------------------------------------------------------------------------------
# As the live page takes it: Bearer, or Basic with any user name. What is checked here is checked
# there again.
alphabet="of letters, digits and . _ ~ + / - = in one line"
# complaint TOKEN: what is wrong with it, nothing if it will do.
complaint() {
    case $1 in *[!A-Za-z0-9._~+/=-]*) echo "is not $alphabet"; return ;; esac
    [ "${#1}" -ge 16 ] || echo "needs 16 characters or more, $alphabet"
}
quoted() { printf '%s' "$1" | sed 's/[.+]/\\&/g'; }
# tail_of USER: how base64 ends for ":TOKEN" after a user name of that length, modulo 3. The
# characters that the name reaches into are left out.
tail_of() {
    coded=$(printf '%s:%s' "$1" "$token" | base64 | tr -d '\n')
    if [ -n "$1" ]; then coded=$(printf '%s' "$coded" | cut -c "$((${#1} + 2))-"); fi
    quoted "$coded"
}
# rule PATTERN: a line of nginx's map.
rule() { printf '    "~^%s$" 1;\n' "$1"; }
group='(?:[A-Za-z0-9+/]{4})*'
any='[A-Za-z0-9+/]'
# Makes the map that knows $token, whole or not at all.
write_map() {
    {
        # shellcheck disable=SC2016  # variables of nginx
        printf 'map $http_authorization $has_token {\n    default 0;\n'
        rule "(?i:bearer) +$(quoted "$token") *"
        rule "(?i:basic) $group$(tail_of '')"
        rule "(?i:basic) $group$any{2}$(tail_of x)"
        rule "(?i:basic) $group$any{3}$(tail_of xx)"
        echo '}'
    } >"$state/token.new"
    mv "$state/token.new" "$state/token.conf"
}
# Without the newline that an editor puts at the end, as the page reads it.
token=$(cat "$secrets/web_token")
wrong=$(complaint "$token")
[ -z "$wrong" ] || fail "secret file $secrets/web_token: $wrong"
write_map

# lives PROCESS: a number alone may be that of one that has ended and waits for its parent.
lives() { [ -r "/proc/$1/stat" ] && ! grep -q ') Z ' "/proc/$1/stat"; }

# follow_token NGINX: while that process lives, let it know when the file has another token. One
# that is found twice is whole: the file may be empty while it is written.
follow_token() {
    before=$token told=
    while sleep 1 && lives "$1" 2>/dev/null; do
        found=$(cat "$secrets/web_token" 2>/dev/null) || found=
        if [ "$found" = "$token" ]; then
            told=
        elif [ "$found" = "$before" ]; then
            wrong=$(complaint "$found")
            if [ -z "$wrong" ]; then
                token=$found told=
                write_map
                kill -HUP "$1" 2>/dev/null || return 0
                echo "secret file $secrets/web_token: the new token is in force" >&2
            elif [ -z "$told" ]; then
                told=yes
                echo "error: secret file $secrets/web_token: $wrong; the token before it stays in force" >&2
            fi
        fi
        before=$found
    done
}

# --- names -----------------------------------------------------------------------------------
nameservers=$(awk '$1 == "nameserver" {print ($2 ~ /:/) ? "[" $2 "]" : $2}' /etc/resolv.conf | tr '\n' ' ')
if [ -n "$nameservers" ]; then
    echo "resolver ${nameservers}valid=5s ipv6=off;"
    echo "resolver_timeout 2s;"
fi >"$state/resolver.conf"

# --- HTTP/2 ----------------------------------------------------------------------------------
# A parameter of listen until nginx 1.25, a directive since.
case $(nginx -v 2>&1) in
*nginx/1.2[0-4].*) parameter=' http2' directive= ;;
*) parameter='' directive='http2 on;' ;;
esac

sed -e "s|@STATE@|$state|g" \
    -e "s|@ACCESS_LOG@|${EDGE_ACCESS_LOG:-/dev/stdout}|" \
    -e "s|@CERTIFICATE@|$secrets/edge_certificate|" \
    -e "s|@KEY@|$secrets/edge_key|" \
    -e "s|@PAGE_UPSTREAM@|$page|g" \
    -e "s|@GRAFANA_UPSTREAM@|$grafana|g" \
    -e "s|@HTTP_LISTEN@|$http|" \
    -e "s|@HTTPS_LISTEN@|$https|" \
    -e "s|@HEALTH_PORT@|$health|" \
    -e "s|@PUBLIC_PORT@|$public|" \
    -e "s|@REQUESTS_PER_S@|$per_s|" \
    -e "s|@REQUESTS_BURST@|$((per_s * 2))|" \
    -e "s|@PREFIX_REQUESTS_PER_S@|$((per_s * 4))|" \
    -e "s|@PREFIX_REQUESTS_BURST@|$((per_s * 8))|" \
    -e "s|@HTTP2_PARAMETER@|$parameter|" \
    -e "s|@HTTP2_DIRECTIVE@|$directive|" \
    "$here/nginx.conf" >"$state/nginx.conf"

# The command takes over this process and its number.
follow_token "$$" &

exec "$@"
