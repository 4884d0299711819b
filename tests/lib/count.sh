# count.sh: what the scripts of tests/ count and say, to be sourced.
#
#     that COMMAND...                    it succeeds
#     expect STATUS WORDS COMMAND...     it ends with the status, and its output, of both streams, has the words; '': any.  The
#                                        output is in the file out
#     prints WORDS COMMAND...            expect 0
#     pass, fault WHAT...                for everything else
#     finish                             prints "N passed, N failed", ends the script

passed=0 failed=0
pass() { passed=$((passed + 1)); }
fault() {
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$*"
}

expect() {
	wanted=$1 words=$2 status=0
	shift 2
	"$@" >out 2>&1 </dev/null || status=$?
	if [ "$status" = "$wanted" ] && { [ -z "$words" ] || grep -qF -e "$words" out; }; then pass; else
		fault "$*: status $status, $wanted wanted${words:+, and '$words'}"
		sed 's/^/    /' out | head -n 20
	fi
}

prints() { expect 0 "$@"; }
that() { if "$@"; then pass; else fault "$*"; fi; }

finish() {
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] && [ $passed -gt 0 ]
	exit
}
