#!/usr/bin/env bash
# Builds the program, static, for each of the systems named as OS/ARCH, into
# $OUT/yizhan-OS-ARCH ($OUT is dist unless set), and writes down their checksums.
# The version is what Go takes from git; yizhan version shows it.
set -euo pipefail
cd "$(dirname "$0")/.."

(($#)) || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
out=${OUT:-dist}
mkdir -p "$out"
# Without git, as in an unpacked archive, there is no version to be had.
git rev-parse --verify -q HEAD >/dev/null 2>&1 && vcs=true || vcs=false
names=()
for system; do
	name=yizhan-${system/\//-}
	[[ $system == windows/* ]] && name+=.exe
	CGO_ENABLED=0 GOOS=${system%/*} GOARCH=${system#*/} \
		go build -trimpath -buildvcs=$vcs -ldflags '-s -w' -o "$out/$name" ./cmd/yizhan
	names+=("$name")
done
cd "$out"
sha256sum "${names[@]}" | tee SHA256SUMS
