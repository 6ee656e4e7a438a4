#!/usr/bin/env bash
# Fuzzes every target for a while, two at a time with one core each.
# FUZZTIME says how long: 10s each unless it is set. With -n it only builds them.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/flags.sh
export FUZZTIME=${FUZZTIME:-10s}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work corpus="$(go env GOCACHE)/fuzz/$(go list -m)" # where go test keeps what it found

# A target's time ends with a bare "context deadline exceeded" now and then: the
# fuzzing engine races with its own clock (go.dev/issue/75804, mended in Go 1.27).
# Only what names an input, or fails in any other way, is a finding.
one() {
	local folder=$1 target=$2 log
	log=$(mktemp -p "$work")
	if (cd "$folder" && GOMAXPROCS=1 "$work/${folder//\//_}.test" -test.run='^$' -test.fuzz="^$target\$" -test.fuzztime="$FUZZTIME" \
		-test.fuzzminimizetime=10x -test.fuzzcachedir="$corpus/${folder#./}") >"$log" 2>&1; then
		printf '%-22s %-22s %s\n' "$folder" "$target" "$(grep -o 'execs: [0-9]*' "$log" | tail -1)"
	elif grep -q '^ *context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic|_test\.go:' "$log"; then
		printf '%-22s %-22s %s\n' "$folder" "$target" "ended by its clock"
	else
		printf '%-22s %-22s %s\n' "$folder" "$target" "FAILED"
		cat "$log"
		return 1
	fi
}
export -f one

targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|/[^/]*:func | |' | sort)
if [[ -z $targets ]]; then
	echo "there is no fuzz target" >&2
	exit 1
fi
[[ ${1:-} == -n ]] || echo "$(wc -l <<<"$targets") targets, $FUZZTIME each"
# One binary for all targets of a package.
for folder in $(cut -d ' ' -f 1 <<<"$targets" | uniq); do
	go test -c -vet=off -fuzz=. -o "$work/${folder//\//_}.test" "$folder"
done
[[ ${1:-} != -n ]] || exit 0
xargs -P 2 -L 1 bash -c 'one "$@"' one <<<"$targets"
