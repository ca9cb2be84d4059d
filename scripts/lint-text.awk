# SPDX-License-Identifier: MIT
# What every text file of the tree keeps to: its licence in the first lines, lengths, and nothing
# that belongs to one machine or to another day.

function fault(text) {
	print FILENAME ":" FNR ": " text
	faults++
}

# The width of a line whose tabs stop at every eighth column.
function width(line,    part, n, i, w) {
	n = split(line, part, "\t")
	w = length(part[1])
	for (i = 2; i <= n; i++)
		w += 8 - w % 8 + length(part[i])
	return w
}

function end_of_file() {
	if (is_source && !licensed) {
		print previous ": no SPDX-License-Identifier in the first two lines"
		faults++
	}
	if (is_source && lines > 600) {
		print previous ": " lines " lines, more than 600"
		faults++
	}
}

FNR == 1 {
	if (previous)
		end_of_file()
	previous = FILENAME
	is_c = FILENAME ~ /\.[ch]$/
	is_source = is_c || FILENAME ~ /\.(def|py|sh|awk|ac|am|mk|m4|map|toml)$/ || /^#!/
	licensed = start = 0
}

FNR <= 2 && /SPDX-License-Identifier: MIT/ {
	licensed = 1
}

{
	lines = FNR
}

/[ \t]$/ && !/^dnl/ {
	fault("blanks at the end of the line")
}

/(#|\/\*|\*|\/\/|dnl)[ \t]*(TO[D]O|FIX[M]E|XX[X])([^A-Za-z_]|$)/ {
	fault("an intention: do it or drop it")
}

/\/(home|root|Users)\/[A-Za-z]/ {
	fault("a path of one machine")
}

is_c && width($0) > 100 {
	fault("wider than 100 columns")
}

is_c && /^\{/ {
	start = FNR
}

is_c && /^\}/ && start {
	if (FNR - start > 41)
		fault("a function of " FNR - start - 1 " lines, more than 40")
	start = 0
}

END {
	end_of_file()
	exit faults != 0
}
