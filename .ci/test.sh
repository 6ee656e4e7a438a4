#!/usr/bin/env bash
# Runs every test of the project, each of them once. What runs goroutines of ours
# runs under the race detector, which makes SQLite ten times slower; the rest goes
# without. A test that was skipped has failed here: judge.go has the one exception.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/flags.sh

racing=(./dispatch/email ./dispatch/wechat ./dispatch/standin ./cmd/...)
# Of those, what the detector would only slow down: these tests drive processes of
# their own. Tests in a bubble of time run without it, and with them the package
# dispatch: Go 1.26's detector can crash the runtime at a timer there. What they
# run is under the detector in cmd, with a real relay.
alone='^(TestScripts|TestThreeBatches|TestNobodyIsLeftAlone|TestThroughFaults|TestAlone|TestTokenRevokedInMidRun|TestNextDayInBeijing|TestSilence|TestUnansweredIsWorkedOn|TestWeChatKilled|TestWholeIssues|TestPolledJobs|TestNoPicturesAtPresent|TestDistribution|TestKilled|TestTwoDaemons.*|TestDaemonsOutlive.*|TestLeavingWithoutRedis|TestOnPostgreSQL|TestBrowser|TestReaderInBrowser|TestBindingInBrowser|TestPhoneInBrowser|TestLinesBeginWell|TestCorrection|TestPreviewOfAnIssueTooLongForWeChat|TestAnswers|TestReaderInBrowser|TestDemo.*|TestBadRelay|TestMarkerOrder.*|TestNoMarkNoDot|TestRecipientRefusedButDataAsked|TestRefusedPipelineStaysInStep|TestResetAfterRefusal|TestHostileReplies|TestDeadlines|TestFinalReplyTakesTime|TestIdleConnectionsAreDropped)$'

racing_too=" $(go list "${racing[@]}" | tr '\n' ' ') "
plain=()
for package in $(go list ./...); do
	[[ $racing_too == *" $package "* ]] || plain+=("$package")
done

echo "== go vet"
go vet ./...

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/judge" .ci/judge.go

echo "== go test"
# The judge decides, not the exit codes. Vet has looked at everything already.
# Tests that drive processes wait most of the time, and the others compute in it.
# Those under the detector compute one after the other: in two halves they use
# both cores, from binaries that are built once.
raced() {
	local package
	for package in $racing_too; do
		(cd "${package#*/}" && go tool test2json -t -p "$package" "$work/${package//\//-}.test" \
			-test.v=test2json -test.paniconexit0 -test.timeout=20m "$@") || true
	done
}
half='^Test[A-P]'
{
	go test -json -count=1 -vet=off -timeout 20m -run "$alone" "${racing[@]}" >"$work/alone" 2>&1 &
	go test -json -count=1 -vet=off "${plain[@]}" || true
	for package in $racing_too; do
		CGO_ENABLED=1 go test -c -race -vet=off -o "$work/${package//\//-}.test" "$package"
	done
	raced -test.run "$half" -test.skip "$alone" >"$work/half" 2>&1 &
	raced -test.skip "$alone|$half"
	wait
	cat "$work/alone" "$work/half"
} | "$work/judge"
