# count-tests.awk: sum CTest's JUnit file up as `N passed, N failed, N skipped`, the last line, after the names of what failed
# or was skipped. A test's own counts are taken where it prints them (Criterion's synthesis, "N passed, N failed[, N
# skipped]" on a line of its own); otherwise it is one. CTest's verdict goes first: a test that passed has no failures.

function strip(s) { gsub(/\033?\[[0-9;]*m/, "", s); return s }
function after(s, word) { return match(s, word "[ ]*[0-9]+") ? substr(s, RSTART + length(word)) + 0 : 0 }

/<testcase / {
	name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name)
	status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status)
	p = f = s = 0
	reason = ""
}
/<skipped message=/ { reason = $0; sub(/.*message="/, "", reason); sub(/".*/, "", reason) }
{ line = strip($0); sub(/^[ \t]*<system-out>/, "", line); sub(/<\/system-out>$/, "", line) }
line ~ /Tested: [0-9]+ \|/ { p += after(line, "Passing:"); f += after(line, "Failing:") + after(line, "Crashing:") }
line ~ /^([A-Za-z]+: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
	sub(/^[A-Za-z]+: /, "", line)
	split(line, w, /[ ,]+/)
	p += w[1]; f += w[3]; s += w[5]
}
line ~ /^skipped: / && status == "run" { skips[++n_skips] = name ": " substr(line, 10) }

/<\/testcase>/ {
	if (status == "run") { f = 0; if (p + s == 0) p = 1 }
	else if (status == "notrun" && reason ~ /SKIP/) { p = f = 0; s = 1; skips[++n_skips] = name }
	else if (status == "disabled") { p = f = 0; s = 1; skips[++n_skips] = name }
	else { if (f == 0) f = 1; fails[++n_fails] = name }
	passed += p; failed += f; skipped += s
}
END {
	for (i = 1; i <= n_skips; i++) print "skipped: " skips[i]
	for (i = 1; i <= n_fails; i++) print "failed: " fails[i]
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0 || passed == 0
}
