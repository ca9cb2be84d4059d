# SPDX-License-Identifier: MIT
# What src/calls.def, docs/calls.md and scripts/never-block.txt say about each name of libc, for the
# awk programs of check-calls and scan-imports. Sets intercepted[name] (its body's name),
# answer[name] (yes, no, not yet), row[name] (the number of its row), reason[name]; never(name) says
# whether never-block.txt matches. fault(text) reports and counts.

function fault(text) {
	print text > "/dev/stderr"
	faults++
}

function never(name,    i) {
	for (i = 1; i <= patterns; i++)
		if (name ~ pattern[i])
			return 1
	return 0
}

FILENAME ~ /calls\.def$/ && /^CALL\(/ {
	sub(/^CALL\(/, "")
	sub(/\).*/, "")
	intercepted[$0] = $0
	next
}

FILENAME ~ /calls\.def$/ && /^ALIAS_OF\(/ {
	gsub(/^ALIAS_OF\(|\).*|,/, " ")
	intercepted[$1] = $2
	next
}

FILENAME ~ /calls\.md$/ && /^\| `/ {
	if (split($0, cell, / *\| */) != 5 || cell[3] !~ /^(yes|no|not yet)$/ || cell[4] == "")
		fault(FILENAME ":" FNR ": not a row of three cells with yes, no or not yet")
	gsub(/`/, "", cell[2])
	n = split(cell[2], names, / +/)
	for (i = 1; i <= n; i++) {
		if (names[i] in answer)
			fault(FILENAME ":" FNR ": " names[i] " has two rows")
		answer[names[i]] = cell[3]
		reason[names[i]] = cell[4]
		row[names[i]] = FNR
	}
	next
}

FILENAME ~ /never-block\.txt$/ && !/^#/ {
	for (i = 1; i <= NF; i++) {
		gsub(/\*/, "[A-Za-z0-9_]*", $i)
		pattern[++patterns] = "^" $i "$"
	}
	next
}
