#!/usr/bin/env bash
# Reads what go test -bench wrote and prints one line for each benchmark, with
# the median of its runs: one slow run of a busy machine does not count.
set -euo pipefail
awk '
/^Benchmark/ {
	name = $1
	if (!(name in runs)) order[++names] = name
	n = ++runs[name]
	for (i = 3; i < NF; i += 2) { value[name, $(i + 1), n] = $i; if (!((name, $(i + 1)) in seen)) { seen[name, $(i + 1)]; units[name] = units[name] " " $(i + 1) } }
	next
}
/^(FAIL|---|panic)/ { print; bad = 1 }
END {
	for (k = 1; k <= names; k++) {
		name = order[k]
		printf "%-44s", name
		c = split(units[name], u, " ")
		for (j = 1; j <= c; j++) {
			n = 0
			for (i = 1; i <= runs[name]; i++) {
				v = value[name, u[j], i] + 0
				for (m = n++; m > 0 && sorted[m] > v; m--) sorted[m + 1] = sorted[m]
				sorted[m + 1] = v
			}
			printf " %12.6g %s", sorted[int((n + 1) / 2)], u[j]
		}
		printf "\n"
	}
	exit bad
}'
