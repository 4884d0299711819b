#!/bin/sh
# ctest: slow timeout=600
# install.sh: what is installed is enough for another project: find_package(rnncc), rnncc_add_model(), the library.

set -eu
model=/usr/include/onnx/backend/test/data/node/test_gru_defaults/model.onnx # of libonnx-testdata
[ -n "$RNNCC" ] || exit 77
[ -e "$model" ] || { echo "no $model"; exit 77; }
case $RNNCC_SANITIZE in ?*) exit 77 ;; esac # a sanitized library wants a sanitized program

cmake --install "$RNNCC_BUILD_DIR" --prefix "$RNNCC_TMP/prefix" >/dev/null
mkdir consumer
cp "$model" consumer/gru.onnx

cat >consumer/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(rnncc REQUIRED COMPONENTS library)
rnncc_add_model(gru gru.onnx NAME tiny)
add_executable(user user.c)
target_link_libraries(user PRIVATE gru)
add_executable(host host.c)
target_link_libraries(host PRIVATE rnncc::rnncc)
END
cat >consumer/user.c <<'END'
#include "tiny.h"
int main(void) { return tiny_run == 0; }
END
cat >consumer/host.c <<'END'
#include <rnncc.h>
int main(void) { return 0; }
END
cmake -S consumer -B consumer/build -G Ninja -DCMAKE_PREFIX_PATH="$RNNCC_TMP/prefix" --log-level=WARNING
cmake --build consumer/build -- --quiet
consumer/build/user
consumer/build/host
"$RNNCC_TMP/prefix/bin/rnncc" --help >/dev/null
