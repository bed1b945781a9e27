#!/bin/sh
# Gives the users of users.acl their passwords, then becomes the broker. They come from secret files
# and are hashed in a file in memory: no command line or environment ever holds one.
set -euf

secrets=${MQTT_SECRETS:-/run/secrets}
target=${MQTT_PASSWORDS:-/tmp/passwords}

word_of() {
    file=$secrets/$1
    if [ ! -f "$file" ]; then
        echo "error: missing secret file $file: make it with compose/prepare.sh" >&2
        exit 1
    fi
    # Without the newline that an editor puts at the end, as the clients read it.
    word=$(cat "$file") || exit 1
    if [ -z "$word" ]; then
        echo "error: secret file $file: is empty: write the password into it" >&2
        exit 1
    fi
    case $word in
    *:* | *"
"*)
        # What stands between the fields of the broker's file, and between its lines.
        echo "error: secret file $file: holds a colon or a line break: make a new one" >&2
        exit 1
        ;;
    esac
    printf '%s' "$word"
}

umask 077
vision=$(word_of mqtt_password)
homeassistant=$(word_of mqtt_homeassistant_password)
printf 'vision-publisher:%s\nhomeassistant:%s\n' "$vision" "$homeassistant" >"$target"
mosquitto_passwd -U "$target"
exec "$@"
