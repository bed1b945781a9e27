#!/bin/sh
# Loads dump.rdb of the working folder into a Redis of its own, which listens on no network, and
# tells what is in it: the number of keys that do not expire, and a digest over their content.
# With `keep` it leaves an append-only file beside it, as a server with `appendonly yes` wants it.
# Runs here or in a container of Redis.
set -eu

redis-server --port 0 --unixsocket ./scratch.sock --unixsocketperm 700 --dir "$PWD" \
    --dbfilename dump.rdb --appendonly no --save '' --enable-debug-command yes \
    >scratch.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f scratch.sock' EXIT

cli() { redis-cli -e -s ./scratch.sock "$@"; }

until cli ping >/dev/null 2>&1; do
    if ! kill -0 "$server" 2>/dev/null; then
        echo "error: the snapshot cannot be loaded: $(tail -n 1 scratch.log)" >&2
        exit 1
    fi
    sleep 0.1
done
# Frames and leases live for a second; what is compared must not depend on when.
cli eval "
local cursor = '0'
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if redis.call('PTTL', key) >= 0 then redis.call('DEL', key) end
  end
until cursor == '0'
return 1" 0 >/dev/null
echo "keys $(cli dbsize)"
echo "digest $(cli debug digest)"
if [ "${1:-}" = keep ]; then
    cli config set appendonly yes >/dev/null
    until cli info persistence | tr -d '\r' | grep -qx 'aof_rewrite_in_progress:0' &&
        cli info persistence | tr -d '\r' | grep -qx 'aof_rewrite_scheduled:0'; do
        sleep 0.1
    done
    cli info persistence | tr -d '\r' | grep -qx 'aof_last_bgrewrite_status:ok' || {
        echo "error: the append-only file cannot be written: $(tail -n 1 scratch.log)" >&2
        exit 1
    }
    cli save >/dev/null
fi
cli shutdown nosave >/dev/null 2>&1 || true
wait "$server" || true
rm -f scratch.log scratch.sock
