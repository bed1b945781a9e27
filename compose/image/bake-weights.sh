#!/bin/sh
# Puts the PyTorch weights of an image into a folder; runs while the image is built.
#   bake-weights.sh NAME MODELS TARGET
# NAME is the build argument WEIGHTS (see Dockerfile.gpu), MODELS the models/ of the build context.
set -eu

name=$1
models=$2
target=$3

mkdir -p "$target"
if [ "$name" = none ]; then
    printf 'weights: none, a folder is mounted\n' | tee "$target/WEIGHTS.txt"
    exit 0
fi
if [ ! -f "$models/$name.pt" ]; then
    # An exported file beside it would count as the model being there.
    empty=$(mktemp -d)
    vision models pull "$name" --models-dir "$empty"
    cp "$empty/$name.pt" "$models/"
fi
vision models verify "$name" --models-dir "$models"
cp "$models/$name.pt" "$target/"
chmod 0444 "$target/$name.pt"
printf 'weights: %s\n' "$name" | tee "$target/WEIGHTS.txt"
