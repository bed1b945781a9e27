#!/usr/bin/env bash
# Brings a backup back into an empty Redis, once it is proven to be whole. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/archive.sh
source "$ROOT/scripts/lib/archive.sh"

usage() {
    cat <<'TEXT'
usage: restore.sh [--data DIR] [--identity FILE] [--config DIR] [--image IMAGE] [--owner UID:GID]
                  [--verify] [--dry-run] FILE

Checks a file of backup.sh (decryption, sums, the content of the snapshot in a Redis of its own)
and puts it into DIR, the folder of a Redis that does not run and has no data. Start Redis then.

  --data DIR       folder of Redis (data/redis)
  --identity FILE  secret key of age; gpg asks its own keyring
  --config DIR     also put the configuration files there: an empty or new folder
  --image IMAGE    image of Redis to check with, of the version that will run; without it the
                   redis-server of this machine
  --owner UID:GID  owner of what is written, as root (that of DIR)
  --verify         check, and write nothing
  --dry-run        the same

Exit code: 0 if it is there (with --verify: would be), 1 if not, 2 for wrong use.
TEXT
}

data=$ROOT/data/redis identity='' config='' scratch_image='' owner='' file=''
while (($#)); do
    case $1 in
    --data) data=$(value_of "$@"); shift ;;
    --identity) identity=$(value_of "$@"); shift ;;
    --config) config=$(value_of "$@"); shift ;;
    --image) scratch_image=$(value_of "$@"); shift ;;
    --owner) owner=$(value_of "$@"); shift ;;
    --verify | --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1: no such option" ;;
    *)
        [[ -z $file ]] || refuse "one file at a time"
        file=$1
        ;;
    esac
    shift
done
[[ -n $file ]] || refuse "which file?"
[[ -r $file ]] || die "$file cannot be read"
[[ -z $owner || $owner =~ ^[0-9]+:[0-9]+$ ]] || refuse "--owner takes numbers: UID:GID"
need tar gzip sha256sum
[[ -z $scratch_image ]] || need_engine

decrypt=(cat)
case $file in
*.tar.gz) ;;
*.tar.gz.age)
    need age
    [[ -n $identity ]] || die "$file is encrypted: name the secret key with --identity"
    [[ -r $identity ]] || die "$identity cannot be read: name another --identity"
    decrypt=(age --decrypt --identity "$identity")
    ;;
*.tar.gz.gpg)
    need gpg
    decrypt=(gpg --batch --quiet --decrypt)
    ;;
*) die "$file: no file of backup.sh by its name" ;;
esac

is_empty() { [[ ! -e $1 ]] || [[ -d $1 && -z $(ls -A "$1") ]]; }
umask 077
if ! $dry_run; then
    is_empty "$data" || die "$data is not empty: stop Redis and move it away first, so that nothing is lost"
    [[ -z $config ]] || is_empty "$config" || die "$config is not empty: name another --config"
    mkdir -p "$data" 2>/dev/null || true
    [[ -d $data && -w $data ]] || die "$data cannot be written: name another --data"
    data=$(cd "$data" && pwd)
    one_at_a_time "${data%/*}/.lock"
    owner=${owner:-$(stat --format %u:%g "$data")}
    parent=${data%/*}
else
    parent=${TMPDIR:-/tmp}
fi

# Twice: the snapshot and the append-only file.
need_space "$parent" $(($(stat --format %s "$file") * 20 / 1024 + 16384))
work=$(mktemp -d "$parent/.restore.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/content" "$work/redis"
{ "${decrypt[@]}" <"$file" | gzip --decompress |
    tar --extract --directory "$work/content" --no-same-owner; } 2>"$work/log" ||
    die "$file cannot be unpacked: $(grep -v '^$' "$work/log" | head -n 1 || true)"
for part in MANIFEST SHA256SUMS dump.rdb; do
    [[ -f $work/content/$part ]] || die "$file: $part is missing: it is no whole backup"
done
(cd "$work/content" && sha256sum --check --quiet --strict SHA256SUMS) >"$work/log" 2>&1 ||
    die "$file is damaged: $(head -n 1 "$work/log")"

mv "$work/content/dump.rdb" "$work/redis/"
found=$(scratch "$work/redis" keep) || die "the snapshot in $file cannot be loaded; nothing was written"
wanted=$(grep -E '^(keys|digest) ' "$work/content/MANIFEST")
[[ $found == "$wanted" ]] || die "the snapshot in $file is not what was backed up: ${found//$'\n'/ } instead of ${wanted//$'\n'/ }"
say "$file is whole: ${found//$'\n'/ }, $(grep '^created ' "$work/content/MANIFEST")"
if $dry_run; then exit 0; fi

if ((EUID == 0)); then chown -R "$owner" "$work/redis"; fi
if [[ -n $config ]]; then
    mkdir -p "$config"
    cp "$work/content/config/"* "$config/" 2>/dev/null || true
    say "configuration in $config"
fi
# The append-only file last: without it Redis would start empty, and not with a part.
mv "$work/redis/dump.rdb" "$data/"
mv "$work/redis/appendonlydir" "$data/"
say "restored into $data: start Redis now"
