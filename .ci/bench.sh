#!/usr/bin/env bash
# Runs the benchmarks whose results docs/performance.md keeps: ROUNDS rounds (5
# unless set), each benchmark once a round, so that what disturbs the machine for
# a while does not disturb one of them alone. Prints the medians, and writes them
# with the date and the machine between the marks in docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5}
page=docs/performance.md

# smtp-source and smtp-sink are the yardstick. They are unpacked, not installed:
# nobody wants a mail server for the sake of a benchmark.
unpacked=$PWD/dist/postfix
if [[ ! -x $unpacked/usr/sbin/smtp-source ]]; then
	mkdir -p "$unpacked"
	(cd "$unpacked" && apt-get download -q postfix >/dev/null && dpkg -x postfix_*.deb .) ||
		{ echo "make bench: apt-get could not download Debian's postfix; try apt-get update" >&2; exit 1; }
fi
export YIZHAN_POSTFIX=$unpacked

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
benchmarks=( # package, benchmarks, how long each
	"issue ^BenchmarkRead\$/^(real|sample)\$ 1s"
	"issue ^BenchmarkFormats\$ 1s"
	"templates ^Benchmark(Email|MessageAppend)\$ 1s"
	"dispatch/email ^BenchmarkFill\$ 1s"
	"dispatch/redisqueue ^BenchmarkQueue\$ 1s"
	"subscribers ^BenchmarkImport\$ 1x"
	"dispatch ^Benchmark(Plan|Dispatch)\$ 1x"
	"cmd/yizhan ^BenchmarkWholePath\$ 1x"
	"cmd/yizhan ^BenchmarkFurther\$ 1x"
	"dispatch ^BenchmarkPlanMillion\$ 1x"
	"cmd/yizhan ^BenchmarkMemory\$ 1x"
)
for line in "${benchmarks[@]}"; do
	read -r package _ <<<"$line"
	go test -c -o "$work/bin/${package//\//-}" "./$package"
done
for ((round = 1; round <= rounds; round++)); do
	for line in "${benchmarks[@]}"; do
		read -r package bench time <<<"$line"
		echo "round $round of $rounds: $package $bench" >&2
		(cd "$package" && "$work/bin/${package//\//-}" -test.run='^$' -test.bench="$bench" -test.benchtime="$time" -test.benchmem) >>"$work/results"
	done
done

.ci/median.sh <"$work/results" | tee "$work/medians"
{
	echo
	echo "$(date -u +%Y-%m-%d), $(nproc) × $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n1), Linux $(uname -r | cut -d- -f1), $(go env GOVERSION), medians of $rounds interleaved rounds."
	echo
	echo '```'
	cat "$work/medians"
	echo '```'
	echo
} >"$work/block"
if [[ -f $page ]]; then
	sed -i -e "/<!-- results -->/,/<!-- end of results -->/{/<!-- /!d}" -e "/<!-- results -->/r $work/block" "$page"
fi
