#!/bin/sh
# docs.sh: what the documentation says is so. Of README.md, CONTRIBUTING.md and docs/*.md:
#
#   ```console   "$ COMMAND" lines are run, in one empty folder a file; what follows must be what they print (both streams)
#   ```sh        is run as one script, and must succeed
#   ```rnn       is a model, which must compile and be laid out as rnncc fmt does
#   "    scripts/NAME ..." lines, which are not run, name scripts that are there
#   links to files lead somewhere
#
# and docs/rnncc.1 has exactly the options of --help. RNNCC_UPDATE=1 writes what commands print into the console blocks.
# The folder holds the project's models/, frontend/ and tests/cases/, and rnncc is in the PATH.

set -eu
[ -n "${RNNCC:-}" ] || { echo 'no RNNCC'; exit 77; }
PATH=$(dirname "$RNNCC"):$PATH
source=$RNNCC_SOURCE_DIR
. "$RNNCC_SOURCE_DIR/tests/lib/count.sh"

# Blocks of FILE as files: commands N.console (with what is expected) and N.sh; and a copy of FILE to be updated, whose
# console blocks are lines "@@N".
split() {
	awk -v dir="$2" '
		/^```/ && kind { close(file); kind = ""; print; next }
		/^```(console|sh|rnn)$/ { kind = substr($0, 4); n++; file = dir "/" n "." kind; printf "" > file; print
			if (kind == "console") print "@@" n; else print "@@" kind n
			next }
		kind { print > file; next }
		{ print }' "$1" >"$2/text"
}

# Runs the commands of a console block and prints the block as it should be.
run_console() {
	command=
	while IFS= read -r line; do
		case $line in
		'$ '*)
			command=${line#'$ '}
			printf '%s\n' "$line"
			(cd work && sh -c "$command") 2>&1 </dev/null || echo "(exit status $?)"
			;;
		esac
	done <"$1"
}

check_blocks() { # FILE
	name=${1#"$source"/}
	rm -rf blocks work
	mkdir blocks work work/tests
	ln -s "$source/models" work/models
	ln -s "$source/tests/cases" work/tests/cases
	ln -s "$source/tests/layouts" work/tests/layouts
	ln -s "$source/frontend" work/frontend
	split "$1" blocks
	n=1
	while [ -e blocks/$n.console ] || [ -e blocks/$n.sh ] || [ -e blocks/$n.rnn ]; do
		if [ -e blocks/$n.sh ]; then
			if (cd work && sh -eu "../blocks/$n.sh") >out 2>&1 </dev/null; then pass; else
				fault "$name: block $n:"
				sed 's/^/    /' blocks/$n.sh out
			fi
		elif [ -e blocks/$n.rnn ]; then
			if (cd work && rnncc fmt --check ../blocks/$n.rnn && rnncc inspect ../blocks/$n.rnn >facts && ! grep '^compiled: no' facts) \
				>out 2>&1 </dev/null; then pass; else
				fault "$name: block $n:"
				sed 's/^/    /' blocks/$n.rnn out
			fi
		else
			run_console blocks/$n.console >blocks/$n.new
			if cmp -s blocks/$n.console blocks/$n.new; then pass; elif [ -n "${RNNCC_UPDATE:-}" ]; then
				echo "$name: block $n updated"
			else
				fault "$name: block $n prints something else (RNNCC_UPDATE=1 rewrites it):"
				diff blocks/$n.console blocks/$n.new | sed 's/^/    /' | head -n 40
			fi
		fi
		n=$((n + 1))
	done
	[ -z "${RNNCC_UPDATE:-}" ] || {
		awk '/^@@sh[0-9]+$/ { show("blocks/" substr($0, 5) ".sh"); next }
			/^@@rnn[0-9]+$/ { show("blocks/" substr($0, 6) ".rnn"); next }
			/^@@[0-9]+$/ { show("blocks/" substr($0, 3) ".new"); next }
			{ print }
			function show(file, line) { while ((getline line < file) > 0) print line; close(file) }' blocks/text >updated
		cmp -s updated "$1" || cp updated "$1"
	}
}

check_links() { # FILE
	name=${1#"$source"/}
	sed '/^```/,/^```$/d; s/`[^`]*`//g' "$1" | grep -o '](\([^)#]*\)' | sed 's/^](//' | grep -v '^[a-z]*:' >links || :
	while read -r link; do
		if [ -e "$(dirname "$1")/$link" ]; then pass; else fault "$name: there is no $link"; fi
	done <links
	grep -o '^    scripts/[a-z.-]*' "$1" | sort -u >links || :
	while read -r script; do
		if [ -x "$source/$script" ]; then pass; else fault "$name: there is no $script"; fi
	done <links
}

for file in "$source/README.md" "$source/CONTRIBUTING.md" "$source"/docs/*.md; do
	check_blocks "$file"
	check_links "$file"
done

options() { grep -o -e '--[a-z][a-z0-9-]*' | sort -u; }
for command in compile run test bench inspect opt fmt ops; do "$RNNCC" $command --help; done | sed -n 's/^  [^ ]* *\(--[a-z0-9-]*\).*/\1/p;s/^      \(--[a-z0-9-]*\).*/\1/p' |
	options | grep -v -x -e --help >in_help
sed 's/\\-/-/g' "$source/docs/rnncc.1" | options | grep -v -x -e --help -e --version >in_man
if cmp -s in_help in_man; then pass; else
	fault 'docs/rnncc.1 and --help differ in options:'
	diff in_help in_man || :
fi

finish
