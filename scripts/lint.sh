#!/bin/sh
# lint.sh: the checks that need no running program. Status 1 when one finds something.
#
#   scripts/lint.sh              clang-format, cppcheck, shell syntax, rnncc fmt if it was built
#   scripts/lint.sh --fix        rewrite the sources as clang-format wants them
#   scripts/lint.sh --clang      and compile everything with clang, whose warnings differ from gcc's
#   scripts/lint.sh --tidy       and clang-tidy (bugprone, performance, portability)
#   scripts/lint.sh --analyze    and gcc -fanalyzer, whose reports are printed but do not fail (a minute)
#   scripts/lint.sh --all        all of these
#
# scripts/setup.sh --dev installs the tools.

set -eu
cd "$(dirname "$0")/.."

fix= clang= tidy= analyze=
for option; do
	case $option in
	--fix) fix=yes ;;
	--clang) clang=yes ;;
	--tidy) tidy=yes ;;
	--analyze) analyze=yes ;;
	--all) clang=yes tidy=yes analyze=yes ;;
	-h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "lint.sh: unknown option '$option' (see --help)" >&2; exit 2 ;;
	esac
done

folders=
for folder in include ir passes frontend codegen runtime cli tests bench models; do
	[ ! -d "$folder" ] || folders="$folders $folder"
done
# shellcheck disable=SC2086
sources() { find $folders \( "$@" \) -not -path '*/cases/*' | sort; }

status=0
check() { # check TITLE COMMAND…
	title=$1
	shift
	printf '%s ' "$title"
	if output=$("$@" 2>&1); then echo ok; else echo FAILED; echo "$output" | head -n 200; status=1; fi
}

if [ -n "$fix" ]; then
	sources -name '*.c' -o -name '*.h' -o -name '*.cpp' | xargs clang-format-14 -i
fi

format() { sources -name '*.c' -o -name '*.h' -o -name '*.cpp' | xargs clang-format-14 --dry-run --Werror; }
cpp_check() { # 2.10 overlooks _Noreturn, but not the attribute
	sources -name '*.c' | xargs cppcheck -q -j 2 --std=c11 --language=c --error-exitcode=1 --inline-suppr -I. -Iinclude \
		-Ibuild/release/generated -D_GNU_SOURCE '-D_Noreturn=__attribute__((noreturn))' \
		--enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=unknownMacro \
		--suppress=shiftTooManyBitsSigned
}
shells() { for script in scripts/*.sh tests/*.sh tests/lib/*.sh models/*.sh models/*/*.sh .ci/run; do [ ! -e "$script" ] || sh -n "$script" || return 1; done; }

check 'clang-format' format
check 'cppcheck' cpp_check
check 'shell syntax' shells
texts() { for rnncc in build/*/rnncc; do [ ! -x "$rnncc" ] || { find frontend models -path models/examples -prune -o -name '*.rnn' -print0 | xargs -0 "$rnncc" fmt --check; return; }; done; }
check 'rnncc fmt' texts

if [ -n "$clang" ]; then
	clang_build() { cmake --preset clang --log-level=WARNING && cmake --build --preset clang -- -k 0; }
	check 'clang -Werror' clang_build
fi
if [ -n "$tidy" ]; then
	tidy_all() {
		cmake --preset release --log-level=WARNING && cmake --build --preset release --target librnncc &&
			sources -name '*.c' -not -path 'tests/*' -not -path 'models/*' | xargs -P 2 -n 4 clang-tidy-14 -p build/release --quiet \
				--warnings-as-errors='*' \
				--checks='-*,bugprone-*,performance-*,portability-*,-bugprone-easily-swappable-parameters,-bugprone-assignment-in-if-condition,-bugprone-macro-parentheses,-bugprone-narrowing-conversions,-bugprone-branch-clone,-bugprone-reserved-identifier,-bugprone-sizeof-expression,-performance-no-int-to-ptr,-clang-diagnostic-*'
	}
	check 'clang-tidy' tidy_all
fi
if [ -n "$analyze" ]; then
	# Reports to be read, not a verdict: gcc 12 follows neither arenas nor asserts.
	echo 'gcc -fanalyzer:'
	cmake --preset release -B build/analyze -DRNNCC_WITH_LLVM=OFF -DBUILD_TESTING=OFF -DCMAKE_COMPILE_WARNING_AS_ERROR=OFF \
		-DCMAKE_C_FLAGS='-fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value' --log-level=WARNING >/dev/null
	cmake --build build/analyze --clean-first 2>&1 | grep -E 'Wanalyzer|error:' | sort -u || :
fi
exit $status
