#!/usr/bin/env bash
# Makes $OUT/yizhan_VERSION_ARCH.deb ($OUT is dist unless set) and prints its name.
# Needs dpkg-deb and Go, nothing else.
#
#   .packaging/deb.sh [amd64|arm64 [BINARY]]
#
# BINARY is taken as it is; without one it is built. The same commit gives the
# same package, byte for byte: times are SOURCE_DATE_EPOCH, or the commit's.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${OUT:-dist}
arch=${1:-$(dpkg --print-architecture)}
binary=${2:-}
if [[ -z $binary ]]; then
	.packaging/dist.sh "linux/$arch" >/dev/null
	binary=$out/yizhan-linux-$arch
fi
# The package has the binary's version. A commit after v1.2.0 is v1.2.1-0.DATE-HASH
# to Go; with ~ Debian also takes it for older than 1.2.1.
version=$(go version -m "$binary" | awk '$1 == "mod" { print $3 }')
[[ $version == v[0-9]* ]] || version=v0.0.0-devel
version=${version#v}
version=${version//-/\~}

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
umask 022
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

put() { install -D -m "$1" "$2" "$root/$3"; }
put 755 "$binary" usr/bin/yizhan
put 644 .packaging/yizhan.service lib/systemd/system/yizhan.service
put 644 .packaging/sysusers.conf usr/lib/sysusers.d/yizhan.conf
put 644 .packaging/tmpfiles.conf usr/lib/tmpfiles.d/yizhan.conf
put 644 cmd/yizhan/completion/yizhan.bash usr/share/bash-completion/completions/yizhan
put 644 cmd/yizhan/completion/yizhan.zsh usr/share/zsh/vendor-completions/_yizhan
put 644 cmd/yizhan/completion/yizhan.fish usr/share/fish/vendor_completions.d/yizhan.fish
put 644 .packaging/yizhan.1 usr/share/man/man1/yizhan.1
put 644 CHANGELOG.md usr/share/doc/yizhan/changelog
gzip -9n "$root"/usr/share/man/man1/yizhan.1 "$root"/usr/share/doc/yizhan/changelog
for page in docs/*.md docs/grafana.json; do
	put 644 "$page" "usr/share/doc/yizhan/${page#docs/}"
done

# The configuration is the sample of yizhan init, at the places that a package has.
# The secret is the machine's own: postinst makes it, next to the data, because
# without it the links in all mails that went out are dead.
mkdir -p "$root/etc/yizhan"
sed -e 's|^data_dir: .*|data_dir: /var/lib/yizhan|' \
	-e 's|^secret: .*|secret: file:/var/lib/yizhan/secret|' \
	config/sample.yaml >"$root/etc/yizhan/yizhan.yaml"
chmod 640 "$root/etc/yizhan/yizhan.yaml"

mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" \
	-e "s/@SIZE@/$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)/" \
	.packaging/control >"$root/DEBIAN/control"
echo /etc/yizhan/yizhan.yaml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
	install -m 755 ".packaging/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find usr lib -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$root" -print0 | xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"

mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "$out/yizhan_${version}_$arch.deb" >/dev/null
echo "$out/yizhan_${version}_$arch.deb"
