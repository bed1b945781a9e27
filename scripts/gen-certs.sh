#!/usr/bin/env bash
# A certificate authority of one's own, and certificates by it. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: gen-certs.sh [--dir DIR] [--days N] [--renew-days N] [--dry-run] NAME HOST...

Makes NAME.crt and NAME.key for the host names and addresses HOST, and the authority ca.crt and
ca.key that signed it, in DIR. What is there and valid for long enough is kept, so it can run
every night. Whoever is to believe the certificate gets ca.crt; ca.key belongs off the machine.

  --dir DIR       folder (secrets/tls)
  --days N        validity of the certificate (397)
  --renew-days N  a certificate with fewer days left, or for other hosts, is made anew (30)
  --dry-run       say what would be done

Exit code: 0 if all is there, 1 if not, 2 for wrong use.
TEXT
}

folder=$ROOT/secrets/tls days=397 renew_days=30 words=()
while (($#)); do
    case $1 in
    --dir) folder=$(value_of "$@"); shift ;;
    --days) days=$(value_of "$@"); shift ;;
    --renew-days) renew_days=$(value_of "$@"); shift ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1: no such option" ;;
    *) words+=("$1") ;;
    esac
    shift
done
((${#words[@]} >= 2)) || refuse "a name and at least one host are needed"
name=${words[0]} hosts=("${words[@]:1}")
[[ $name =~ ^[A-Za-z0-9_-]+$ && $name != ca ]] || refuse "$name: letters, digits, - and _ only, and not ca"
[[ $days =~ ^[1-9][0-9]*$ && $renew_days =~ ^[0-9]+$ ]] || refuse "--days and --renew-days take numbers"
for host in "${hosts[@]}"; do
    [[ $host =~ ^[A-Za-z0-9.:*-]+$ ]] || refuse "$host: no host name or address"
done
need openssl

alternatives=
for host in "${hosts[@]}"; do
    if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then kind=IP; else kind=DNS; fi
    alternatives+=${alternatives:+,}$kind:$host
done

# As openssl shows them, in one order.
shown_alternatives() {
    openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null | tail -n +2 |
        sed 's/IP Address:/IP:/g; s/[[:space:]]//g'
}

has_days() { openssl x509 -in "$1" -noout -checkend $(($2 * 86400)) >/dev/null 2>&1; }

umask 077
run mkdir -p "$folder"
$dry_run || [[ -w $folder ]] || die "$folder cannot be written: name another one with --dir"

if [[ -s $folder/ca.crt && -s $folder/ca.key ]] && has_days "$folder/ca.crt" "$days"; then
    say "kept $folder/ca.crt"
elif [[ -s $folder/ca.crt && ! -s $folder/ca.key ]]; then
    die "$folder/ca.key is missing: bring it back for this run, or remove ca.crt to begin anew"
elif $dry_run; then
    say "would make $folder/ca.crt, valid for 10 years"
else
    # In a new place first, so that nothing is half-made.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -subj "/CN=Ariia Vision authority" -addext basicConstraints=critical,CA:TRUE,pathlen:0 \
        -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$folder/ca.key.new" -out "$folder/ca.crt.new" 2>/dev/null ||
        die "openssl made no authority in $folder: is there space?"
    mv "$folder/ca.key.new" "$folder/ca.key"
    mv "$folder/ca.crt.new" "$folder/ca.crt"
    say "made $folder/ca.crt, valid for 10 years"
fi

if [[ -s $folder/$name.crt && -s $folder/$name.key ]] && has_days "$folder/$name.crt" "$renew_days" &&
    [[ $(shown_alternatives "$folder/$name.crt") == "$alternatives" ]] &&
    openssl verify -CAfile "$folder/ca.crt" "$folder/$name.crt" >/dev/null 2>&1; then
    say "kept $folder/$name.crt"
    exit 0
fi
if $dry_run; then
    say "would make $folder/$name.crt for $alternatives, valid for $days days"
    exit 0
fi
request=$(mktemp)
trap 'rm -f "$request"' EXIT
make_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=${hosts[0]}" \
        -keyout "$folder/$name.key.new" -out "$request" 2>/dev/null || return 1
    openssl x509 -req -in "$request" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -days "$days" \
        -set_serial "0x$(openssl rand -hex 16)" -out "$folder/$name.crt.new" -extfile <(
            printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
                extendedKeyUsage=serverAuth "subjectAltName=$alternatives"
        ) 2>/dev/null
}
make_certificate || die "openssl made no certificate in $folder: is there space?"
mv "$folder/$name.key.new" "$folder/$name.key"
mv "$folder/$name.crt.new" "$folder/$name.crt"
chmod 644 "$folder/$name.crt" "$folder/ca.crt"
say "made $folder/$name.crt for $alternatives, valid for $days days"
