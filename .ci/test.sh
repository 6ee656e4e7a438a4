#!/usr/bin/env bash
# Runs every test of the project. What runs goroutines runs under the race
# detector; the pure packages run faster without it. A test that was skipped
# has failed here: see judge.go for the one exception.
set -euo pipefail
cd "$(dirname "$0")/.."

pure=(./issue ./templates)
racing=()
for package in $(go list ./...); do
	case $package in
	yizhan/issue | yizhan/templates) ;;
	*) racing+=("$package") ;;
	esac
done

echo "== go vet"
go vet ./...

judge=$(mktemp -d)
trap 'rm -rf "$judge"' EXIT
go build -o "$judge/judge" .ci/judge.go

echo "== go test"
# The exit code of go test is judged with the rest: a package that does not
# build is in its JSON as well.
{
	go test -json -count=1 "${pure[@]}" || true
	CGO_ENABLED=1 go test -json -race -count=1 -timeout 20m "${racing[@]}" || true
} | "$judge/judge"
