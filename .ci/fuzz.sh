#!/usr/bin/env bash
# Fuzzes every target for a while, two at a time with one core each.
# FUZZTIME says how long: 10s each unless it is set.
set -euo pipefail
cd "$(dirname "$0")/.."
export FUZZTIME=${FUZZTIME:-10s}

# A target's time ends with a bare "context deadline exceeded" now and then: the
# fuzzing engine races with its own clock (go.dev/issue/75804, mended in Go 1.27).
# Only what names an input, or fails in any other way, is a finding.
one() {
	local folder=$1 target=$2 log
	log=$(mktemp)
	if GOMAXPROCS=1 go test -run='^$' -fuzz="^$target\$" -fuzztime="$FUZZTIME" -fuzzminimizetime=10x "$folder" >"$log" 2>&1; then
		printf '%-14s %-22s %s\n' "$folder" "$target" "$(grep -o 'execs: [0-9]*' "$log" | tail -1)"
	elif grep -q '^ *context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic|_test\.go:' "$log"; then
		printf '%-14s %-22s %s\n' "$folder" "$target" "ended by its clock"
	else
		printf '%-14s %-22s %s\n' "$folder" "$target" "FAILED"
		cat "$log"
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}
export -f one

targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|/[^/]*:func | |' | sort)
if [[ -z $targets ]]; then
	echo "there is no fuzz target" >&2
	exit 1
fi
echo "$(wc -l <<<"$targets") targets, $FUZZTIME each"
xargs -P 2 -L 1 bash -c 'one "$@"' one <<<"$targets"
