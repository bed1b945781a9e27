# What backup.sh and restore.sh share; sourced after common.sh.
# shellcheck shell=bash

# scratch FOLDER [keep]: what scratch-redis.sh tells of FOLDER/dump.rdb. It runs in a container
# of the image $scratch_image, and where that is empty with the redis-server of this machine.
scratch() {
    local folder=$1 script=$ROOT/scripts/lib/scratch-redis.sh
    shift
    if [[ -n ${scratch_image:-} ]]; then
        docker run --rm --interactive --network none --read-only --cap-drop ALL \
            --security-opt no-new-privileges --user "$(id -u):$(id -g)" --pids-limit 32 \
            --volume "$folder:/scratch" --workdir /scratch --entrypoint sh \
            "$scratch_image" -s "$@" <"$script"
    else
        need redis-server redis-cli
        (cd "$folder" && sh "$script" "$@")
    fi
}

# need_space FOLDER KIB
need_space() {
    local free
    free=$(df --output=avail --block-size=1K "$1" | tail -n 1)
    ((free >= $2)) ||
        die "$1 has $((free / 1024)) MiB free, $(($2 / 1024 + 1)) MiB are needed: make room, or name another folder"
}
