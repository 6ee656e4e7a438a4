#!/usr/bin/env bash
# Installs what the whole test suite needs beyond Go, and nothing that is there
# already. `go test ./...` by itself needs none of it.
set -euo pipefail
cd "$(dirname "$0")/.."

# package: how to see that it is there
need() {
	case $1 in
	gcc) command -v gcc ;;                                  # the race detector links with it
	libc6-dev) echo '#include <stdlib.h>' | gcc -E - ;;     # and wants its headers
	chromium) command -v chromium ;;                        # pages are looked at in a browser
	redis-server) command -v redis-server ;;                # the tests start and kill it
	postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' ;; # likewise
	systemd) command -v systemd-analyze && command -v systemd-sysusers ;; # look at the unit, make the package's user
	npm) command -v npm ;;                                  # brings the rules of accessibility, below
	zsh | fish) command -v "$1" ;;                          # they complete our commands
	poppler-utils) command -v pdftotext ;;                   # PDF files are read with it
	fonts-noto-cjk) compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK*' ;; # or all Chinese is boxes
	esac >/dev/null 2>&1
}

missing=()
for package in gcc libc6-dev redis-server postgresql chromium fonts-noto-cjk poppler-utils zsh fish systemd npm; do
	need "$package" || missing+=("$package")
done

# axe-core, pinned with its hash in package-lock.json; the tests put it into pages.
axe() {
	local here=.ci/node_modules/axe-core/package.json want
	want=$(sed -n 's/.*"axe-core": "\(.*\)".*/\1/p' .ci/package.json)
	grep -qs "\"version\": \"$want\"" "$here" && return
	echo "installing axe-core $want"
	npm ci --prefix .ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
}
if ((${#missing[@]} == 0)); then
	axe
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "make test: please install what Debian calls ${missing[*]}, then try again" >&2
	exit 1
fi
root=()
if ((EUID != 0)); then
	if ! sudo -n true 2>/dev/null; then
		echo "make test: these packages are missing, and this user may not install them. Please run" >&2
		echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
		echo "and try again. (go test ./... needs none of them.)" >&2
		exit 1
	fi
	root=(sudo -n)
fi

install() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}
echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The list of packages may be missing or old; it is fetched only then.
if ! install >"$log" 2>&1; then
	"${root[@]}" apt-get update -q >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
	install >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
for package in "${missing[@]}"; do
	need "$package" || { echo "make test: $package was installed and is still not found" >&2; exit 1; }
done
axe
