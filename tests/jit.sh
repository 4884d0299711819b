#!/bin/sh
# ctest: slow timeout=600
# jit.sh: the JIT's library is found from where it is installed; where it is not, the command works by a C compiler, and who
# asks for the JIT is told.

set -eu
[ -n "$RNNCC" ] || { echo 'no rnncc'; exit 77; }
case $RNNCC_SANITIZE in ?*) echo 'a sanitized command needs a sanitized library to be loaded'; exit 77 ;; esac
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"
model=$RNNCC_SOURCE_DIR/tests/cases/gru_forward_lengths

cmake --install "$RNNCC_BUILD_DIR" --prefix first >/dev/null
mv first prefix # a build's command would find the library of the build; this one must not know its prefix either
rnncc=prefix/bin/rnncc
if [ "$RNNCC_LLVM" != 0 ]; then
	prints '1 passed, 0 failed' $rnncc test --via jit "$model"
	prints '1 passed, 0 failed' $rnncc test "$model"
	if ldd $rnncc | grep -iE 'llvm|clang' >linked; then fault "linked with $(cat linked)"; else pass; fi
fi
find prefix -name 'librnncc-jit*' -delete
prints '1 passed, 0 failed' $rnncc test "$model"
expect 1 'the JIT (Clang and LLVM) is not there: librnncc-jit' $rnncc test --via jit "$model"
prints '1 passed, 0 failed' $rnncc test --via interpret "$model"
finish
