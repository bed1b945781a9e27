#!/bin/sh
# Removes from an environment what inference on a CPU never loads; runs while the image is built.
#   slim.sh SITE-PACKAGES
set -eu
cd "$1"

# Tests that libraries ship with themselves.
find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
# Headers and build files.
find . \( -name '*.a' -o -name '*.h' -o -name '*.hpp' -o -name '*.pc' -o -name '*.cmake' \) -type f -delete
# OpenVINO: devices that are not there (with the GPU's kernel cache), and readers of formats
# other than ONNX and its own.
cd openvino/libs
rm -f libopenvino_intel_gpu_plugin.so libopenvino_intel_npu_plugin.so cache.json
for format in gguf jax paddle pytorch tensorflow tensorflow_lite; do
    rm -f "libopenvino_${format}_frontend.so".*
done
