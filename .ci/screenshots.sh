#!/usr/bin/env bash
# Makes the pictures of the docs from the sample issue, as a browser shows it: the
# mail 600 and 360 pixels wide, in dark mode, without its style sheet, classes and
# ids; the web page; its first printed page. None may have more than 250 kB. Then
# pictures of all pages, narrow and wide, by day and by night, into dist/pictures: to be
# looked at, not to be kept.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/yizhan" ./cmd/yizhan
root=$PWD
cd "$work"

cat >yizhan.yaml <<'YAML'
title: 港城茗讯
public_url: https://news.example.org
secret: 0123456789abcdef0123456789abcdef
imprint: {address: 澜港市仓前街 1 号, contact: news@example.org}
channels:
  email:
    from: "澜港市茶叶与咖啡行业协会 <news@example.org>"
    smtp: {address: "127.0.0.1:25", tls: none}
YAML
./yizhan issue import "$root/cmd/yizhan/sample/issue-37.txt" >import.txt
./yizhan issue preview 37 -o preview >/dev/null

browser() {
	chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --hide-scrollbars --force-color-profile=srgb --user-data-dir="$work/profile" \
		--virtual-time-budget=2000 "$@" >chromium.log 2>&1 || { cat chromium.log >&2; exit 1; }
}
# picture NAME PAGE WIDTH HEIGHT [OPTION…]
picture() {
	local name=$1 page=$2 width=$3 height=$4
	shift 4
	browser --window-size="$width,$height" --screenshot="$work/$name" "$@" "file://$work/preview/$page"
	keep "$name"
}
keep() {
	local size
	size=$(stat -c %s "$work/$1")
	((size <= 250000)) || { echo "$1 has $size bytes, at most 250000: show less of it" >&2; exit 1; }
	mkdir -p "$root/docs"
	mv "$work/$1" "$root/docs/$1"
	echo "docs/$1 $size"
}
# A window is never as narrow as a telephone; a frame is.
frame() { printf '<!DOCTYPE html><body style="margin:0"><iframe src="%s" style="width:360px;height:%spx;border:0"></iframe>' "$1" "$2"; }

frame email.html 2000 >preview/360.html
frame email-bare.html 2000 >preview/360-stripped.html

picture digest.png email.html 680 1820
picture digest-360.png 360.html 360 2000
picture digest-360-stripped.png 360-stripped.html 360 2000
picture digest-dark.png email.html 680 1240 --blink-settings=preferredColorScheme=0
picture web.png web.html 1000 1300
browser --no-pdf-header-footer --print-to-pdf="$work/print.pdf" "file://$work/preview/web.html"
pdftoppm -png -r 60 -f 1 -l 1 -singlefile print.pdf print
keep print.png

cd "$root"
rm -rf dist/pictures
mkdir -p dist/pictures
go test -count=1 -run '^TestReaderInBrowser$' ./cmd/yizhan -pictures "$root/dist/pictures"
echo "dist/pictures: $(find dist/pictures -name '*.png' | wc -l) pictures"
