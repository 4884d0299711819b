#!/bin/sh
# fetch-silero.sh DIR: Silero VAD v5 (MIT), as the npm package @ricky0123/vad-web ships it, into DIR. Prints the model's path.
#
# The package's version and the model's digest are pinned: what is measured and tested does not change under us. $RNNCC_NPM
# is the npm to use, else the one in PATH. Exit status 77 where there is no npm or no network.

set -eu
dir=${1:?fetch-silero.sh: wants a folder}
version=0.0.31
sha256=2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f # of the model
model=$dir/silero_vad_v5.onnx

is_right() { [ -f "$model" ] && echo "$sha256  $model" | sha256sum -c --status; }

if ! is_right; then
	npm=${RNNCC_NPM:-npm}
	command -v "$npm" >/dev/null || npm=npm
	command -v "$npm" >/dev/null || { echo 'no npm to fetch it with (scripts/setup.sh --test)'; exit 77; }
	PATH=$(dirname "$(command -v "$npm")"):$PATH # npm is a script of the node beside it
	mkdir -p "$dir"
	package=ricky0123-vad-web-$version.tgz
	if ! npm_config_update_notifier=false "$npm" pack --silent --pack-destination "$dir" "@ricky0123/vad-web@$version" >"$dir/npm.log" 2>&1; then
		tail -n 3 "$dir/npm.log"
		echo 'npm could not fetch it: no network?'
		exit 77
	fi
	tar -xzf "$dir/$package" -C "$dir" --strip-components=2 package/dist/silero_vad_v5.onnx
	rm -f "$dir/$package"
	is_right || { echo "fetch-silero.sh: $model is not the file that it should be (sha256 $sha256)" >&2; exit 1; }
fi
echo "$model"
