#!/usr/bin/env bash
# Makes the picture of the README: the mail of the sample issue as a browser 680
# pixels wide shows it. Then pictures of all pages, narrow and wide, by day and by
# night, into dist/pictures: to be looked at, not to be kept.
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
./yizhan issue preview 37 --channel email -o preview >/dev/null

mail=$(find preview -name '*.html' | head -1)
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-color-profile=srgb \
	--window-size=680,1800 --virtual-time-budget=2000 \
	--screenshot="$work/digest.png" "file://$work/$mail" >chromium.log 2>&1 || { cat chromium.log >&2; exit 1; }
[[ -s digest.png ]] || { cat chromium.log >&2; exit 1; }
mkdir -p "$root/docs"
mv digest.png "$root/docs/digest.png"
echo "docs/digest.png"

cd "$root"
rm -rf dist/pictures
mkdir -p dist/pictures
go test -count=1 -run '^TestReaderInBrowser$' ./cmd/yizhan -pictures "$root/dist/pictures"
echo "dist/pictures: $(find dist/pictures -name '*.png' | wc -l) pictures"
