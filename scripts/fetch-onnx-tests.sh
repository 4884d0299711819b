#!/bin/sh
# fetch-onnx-tests.sh DIR: ONNX's backend tests of version 1.23, from the pinned Python package, into DIR. Prints their folder.
#
# The package's wheels shipped all tests as files up to 1.20; since then those of single operators are made by what it ships
# (scripts/onnx_tests.py), in half a minute. What is there already is not fetched again. Exit status 77 where there is no
# python3 with venv, or no network.

set -eu
dir=${1:?fetch-onnx-tests.sh: wants a folder}
version=1.23.2
tests=$dir/onnx-$version

if [ ! -d "$tests" ]; then
	mkdir -p "$dir"
	[ -x "$dir/venv/bin/python" ] || python3 -m venv "$dir/venv" >"$dir/venv.log" 2>&1 || { tail -n 3 "$dir/venv.log"; exit 77; }
	if ! "$dir/venv/bin/pip" install --quiet --disable-pip-version-check "onnx==$version" >"$dir/pip.log" 2>&1; then
		tail -n 3 "$dir/pip.log"
		echo 'pip could not fetch it: no network?'
		exit 77
	fi
	rm -rf "$tests.part"
	"$dir/venv/bin/python" -W ignore "$(dirname "$0")/onnx_tests.py" "$tests.part" >"$dir/tests.log" 2>&1 || { tail -n 3 "$dir/tests.log" >&2; exit 1; }
	mv "$tests.part" "$tests"
fi
echo "$tests"
