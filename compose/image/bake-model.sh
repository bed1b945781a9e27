#!/bin/sh
# Puts the model of an image into a folder; runs while the image is built.
#   bake-model.sh CHOICE MODELS TARGET
# CHOICE is the build argument MODEL (see Dockerfile.cpu), MODELS the models/ of the build context.
set -eu

choice=$1
models=$2
target=$3
here=$(dirname "$0")
official=yolov8n
embedded=$(python -c \
    'from vision.models.catalogue import load_catalogue; print(load_catalogue().auto[-1])')

is_loadable() { [ -f "$models/$1.onnx" ] || [ -f "$models/$1.xml" ]; }

# What the export needs, by hash: from the usual index, or with PyTorch for CPUs from its own one.
install_export() {
    lock=$here/constraints-export.txt
    if [ -n "$TORCH_INDEX" ]; then
        lock=$here/constraints-export-cpu.txt
        [ -f "$lock" ] || {
            echo "TORCH_INDEX needs $(basename "$lock"): make lock-export-cpu TORCH_INDEX=…" >&2
            return 1
        }
    fi
    python -m pip install --quiet --require-hashes --only-binary :all: \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --requirement "$lock"
}

# A loadable file of the model $1: there already, pulled, or exported from its weights.
obtain() {
    is_loadable "$1" && return 0
    # A few megabytes that show whether the release can be reached, before PyTorch is installed.
    vision models pull "$1" --models-dir "$models" || return 1
    is_loadable "$1" && return 0
    install_export || return 1
    vision models export "$1" --models-dir "$models"
}

# The files of the model $1, checked against the catalogue, and a line that says where they come
# from and, as $2, why it is this model.
bake() {
    origin=$(vision models verify "$1" --models-dir "$models")
    printf '%s\n' "$origin"
    origin=$(printf '%s\n' "$origin" | sed -n 's/.*\.\(onnx\|xml\) (\(.*\))$/\2/p' | head -n 1)
    for file in "$models/$1.onnx" "$models/$1.xml" "$models/$1.bin" "$models/exports.toml"; do
        if [ -f "$file" ]; then cp "$file" "$target/"; fi
    done
    printf 'model: %s (%s), %s\n' "$1" "$origin" "$2" | tee "$target/MODEL.txt"
    chmod 0444 "$target"/*
}

mkdir -p "$target"
case $choice in
auto)
    log=$(mktemp)
    if obtain "$official" >"$log" 2>&1; then
        bake "$official" "the first choice"
    else
        reason=$(grep . "$log" | tail -n 1)
        obtain "$embedded"
        bake "$embedded" "the embedded default, since $official was not to be had: $reason"
    fi
    rm -f "$log"
    ;;
official)
    obtain "$official"
    bake "$official" "the first choice"
    ;;
embedded)
    obtain "$embedded"
    bake "$embedded" "the embedded default"
    ;;
none)
    printf 'model: none, a folder is mounted\n' | tee "$target/MODEL.txt"
    ;;
*)
    obtain "$choice"
    bake "$choice" "as asked for"
    ;;
esac
