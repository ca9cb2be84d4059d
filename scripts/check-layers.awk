# SPDX-License-Identifier: MIT
# Usage: awk -f check-layers.awk src/LAYERS src/*.[ch] src/*/*.[ch] ...
#
# LAYERS has lines "rank path-prefix", the path below src/. A file may include what has a lower rank,
# and what shares its prefix and rank: a file's own header, a neighbour of its folder.

function module(path,    i, best) {
	best = 0
	for (i = 1; i <= n; i++)
		if (index(path, prefix[i]) == 1 && (!best || length(prefix[i]) > length(prefix[best])))
			best = i
	return best
}

FILENAME ~ /LAYERS$/ {
	if (!/^#/ && NF) {
		rank[++n] = $1
		prefix[n] = $2
	}
	next
}

FNR == 1 {
	file = FILENAME
	sub(/^(.*\/)?src\//, "", file)
	mine = module(file)
	if (!mine) {
		print FILENAME ": src/LAYERS gives it no rank"
		faults++
	}
}

mine && /^#[ \t]*include[ \t]+"/ {
	split($0, part, "\"")
	theirs = module(part[2])
	if (!theirs && part[2] !~ /^((mpgreen|config)\.h|calls\.def)$/) {
		printf "%s:%d: \"%s\" is not a path below src/ that src/LAYERS knows\n", FILENAME, FNR, part[2]
		faults++
	}
	if (theirs && theirs != mine && rank[theirs] + 0 >= rank[mine] + 0) {
		printf "%s:%d: rank %d may not include \"%s\" of rank %d\n", \
			FILENAME, FNR, rank[mine], part[2], rank[theirs]
		faults++
	}
}

END {
	exit faults != 0
}
