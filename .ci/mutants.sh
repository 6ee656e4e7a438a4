#!/usr/bin/env bash
# Breaks the program on purpose, one promise at a time, and wants the named tests
# to notice. Each mutant is a change of text in a copy of the tree; a mutant whose
# text is not found, or that does not build, is an error: then this file is old.
#
# .ci/mutants.sh [NAME…] tries only those; with -v what the tests said is shown.
# With -n nothing is built or run: it tells only whether every text is found.
set -euo pipefail
cd "$(dirname "$0")/.."

verbose=false dry=false
while [[ ${1:-} == -[vn] ]]; do
	[[ $1 == -v ]] && verbose=true || dry=true
	shift
done
only=" $* "

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -cf - --exclude=./.git --exclude=./data . | tar -xf - -C "$work"
cd "$work"

# One mutant is: begin, then change once or more, then red.
begin() { name=$1 promise=$2 changed=() wanted=true; [[ $only == "  " || $only == *" $name "* ]] || wanted=false; }

# change FILE TEXT NEW replaces the one place where TEXT stands.
change() {
	$wanted || return 0
	local file=$1 text=$2 new=$3 content rest
	content=$(<"$file")
	rest=${content#*"$text"}
	if [[ $rest == "$content" || $rest == *"$text"* ]]; then
		echo "$name: this must stand exactly once in $file: $text" >&2
		exit 1
	fi
	[[ -e $file.whole ]] || cp "$file" "$file.whole"
	changed+=("$file")
	printf '%s\n' "${content/"$text"/"$new"}" >"$file"
}

survived=0 tried=0
declare -A green # tests that are known to pass on the whole program

# red PACKAGE TESTS runs tests that must fail now, and that pass without the change.
red() {
	$wanted || return 0
	local package=$1 tests=$2 verdict=red
	if $dry; then
		restore
		tried=$((tried + 1))
		return
	fi
	local from=$SECONDS
	if ! go test -c -vet=off -o "$work/mutant.test" "./$package" >"$work/log" 2>&1; then
		echo "$name does not build:" >&2
		cat "$work/log" >&2
		exit 1
	fi
	if runs "$package" "$tests" mutant.test; then
		verdict=SURVIVED
		survived=$((survived + 1))
	elif ! grep -qE '^ *--- FAIL|^panic: ' "$work/log"; then
		verdict=UNCLEAR
		survived=$((survived + 1))
	fi
	tried=$((tried + 1))
	printf '%-22s %-58s %-50s %-8s %3d s\n' "$name" "$promise" "$package: $tests" "$verdict" $((SECONDS - from))
	if $verbose || [[ $verdict == UNCLEAR ]]; then
		grep -vE '^=== ' "$work/log" | head -20
	fi
	restore
	if [[ -z ${green["$package $tests"]:-} ]]; then
		[[ -e $work/${package//\//.}.test ]] || go test -c -vet=off -o "$work/${package//\//.}.test" "./$package"
		if ! runs "$package" "$tests" "${package//\//.}.test"; then
			echo "these tests fail without any mutant, so they prove nothing: $package $tests" >&2
			cat "$work/log" >&2
			exit 1
		fi
		grep -q '^--- PASS' "$work/log" || { echo "no such test: $package $tests" >&2; exit 1; }
		green["$package $tests"]=yes
	fi
}

restore() {
	local file
	for file in "${changed[@]}"; do
		[[ ! -e $file.whole ]] || mv "$file.whole" "$file"
	done
}

runs() {
	local flags=(-test.run="^($2)\$" -test.v -test.timeout=3m)
	# A counterexample is enough; a short one is not looked for.
	[[ $("$work/$3" -h 2>&1) != *rapid.shrinktime* ]] || flags+=(-rapid.shrinktime=0s -rapid.nofailfile)
	(cd "$1" && "$work/$3" "${flags[@]}") >"$work/log" 2>&1
}

$dry || printf '%-22s %-58s %-50s %s\n' mutant "what it breaks" "test" "result"

begin marker-after-dot "the marker is committed after the final dot"
change dispatch/email/session.go 'granted, err := t.mark(ctx)' 'o := s.finish(ctx, c, t)
	granted, err := t.mark(ctx)'
change dispatch/email/session.go 'return s.finish(ctx, c, t)' 'return o'
red dispatch/email 'TestMarkerOrder|TestNoMarkNoDot'

begin dot-without-mark "a dot that was not granted is written"
change dispatch/email/session.go 'len(granted) != 1 || !granted[0]' 'len(granted) != 1'
red dispatch/email 'TestNoMarkNoDot|TestMarkNotGranted'

begin claim-without-compare "a row that is not queued can be claimed"
change dispatch/claim.go "AND state = 'queued'
			AND EXISTS" "AND (state = 'queued' OR true)
			AND EXISTS"
red dispatch 'TestCrashAnywhere'

begin mark-without-compare "a row that is not leased by me can be marked"
change dispatch/claim.go "AND state = 'leased' AND claim = \$4
" "AND (state = 'leased' AND claim = \$4 OR true)
"
red dispatch 'TestFencedProcessIsNotHeard'

begin settle-without-compare "a row that is not mine can be settled"
change dispatch/claim.go "AND claim = \$12 AND state = \$13" "AND (claim = \$12 AND state = \$13 OR true)"
red dispatch 'TestFencedProcessIsNotHeard'

begin crash-resends "marked rows are due again after a crash"
change dispatch/session.go "SET state = 'unconfirmed', reason = \$1" "SET state = 'due', claim = 0, reason = \$1"
red dispatch 'TestCrashBehindTheMarker'

begin crash-forgets "leased rows stay leased after a crash"
change dispatch/session.go "WHERE state = 'leased'\`+closed" "WHERE state = 'leased' AND false\`+closed"
red dispatch 'TestCrashAnywhere'

begin unsubscribe-unread "neither claim nor marker re-reads the unsubscribe"
change dispatch/claim.go "r.id = deliveries.run_id), \` + blocked(\"\$2\")" "r.id = deliveries.run_id), ''\`"
change dispatch/claim.go "AND \` + blocked(\"\$2\") + \` = ''" "AND (\` + blocked(\"\$2\") + \` = '' OR true)"
red dispatch 'TestUnsubscribeWins'

begin marker-reads-nobody "the marker does not re-read the unsubscribe"
change dispatch/claim.go "AND \` + blocked(\"\$2\") + \` = ''" "AND (\` + blocked(\"\$2\") + \` = '' OR true)"
red dispatch 'TestUnsubscribeWins'

begin queue-believed "a queue that lost its content is believed"
change dispatch/claim.go "AND (updated_at < \$2 OR epoch NOT IN" "AND (updated_at < \$2 AND epoch NOT IN"
red dispatch 'TestCrashAnywhere'

begin lost-again-and-again "a lost reply is retried without end"
change dispatch/delivery.go "policy.AfterLostReply == RetryLost && p.Lost == 0" "policy.AfterLostReply == RetryLost"
red dispatch 'TestLostReply|TestCrashAnywhere'

begin account-fails-people "a wrong password costs the subscribers their attempts"
change dispatch/retry.go "if f.Scope == ScopeAccount {" "if f.Scope == ScopeAccount && !f.Permanent {"
red dispatch 'TestAccountFailureStopsTheChannelOnly'

begin valve-stuck "a domain that fails as a whole is not held"
change dispatch/hold.go "holdFailures = 20" "holdFailures = 20_000_000"
red dispatch 'TestHeldDomain'

begin planned-twice "an issue can be planned twice in a channel"
change dispatch/plan.go "err = l.notPlanned(ctx, tx, p.Issue.ID, ch.Name())" "err = nil"
change dispatch/schema/00001_ledger.sql "PRIMARY KEY (run_id, channel),
    UNIQUE (channel, first_of)" "PRIMARY KEY (run_id, channel)"
red dispatch 'TestPlanTwice|TestPlanRace'

begin link-unsigned "an unsubscribe link needs no signature"
change subscribers/link.go '&& hmac.Equal([]byte(code(key, text)), []byte(mac))' '&& hmac.Equal([]byte(mac), []byte(mac)) && code(key, text) != ""'
red subscribers 'TestEveryBitOfALinkCounts|TestLinksRefuse'

begin get-confirms "looking at a link confirms"
change subscribers/page_confirm.go 'if v.post() {
		if _, err := p.o.Desk.Do(v.ctx, v.who, Confirm{}' 'if true {
		if _, err := p.o.Desk.Do(v.ctx, v.who, Confirm{}'
red subscribers 'TestRoutes'

begin revoked-works "a revoked link opens the page"
change subscribers/pages.go 'case t.Epoch != sub.LinkEpoch:' 'case false:'
red subscribers 'TestRoutes|TestRevokedPageGoesOn'

begin bombing "strangers can have any number of mails sent"
change subscribers/requests.go 'AND done_at > $1) < $2 ORDER BY id LIMIT 1' 'AND done_at > $1) < 1000 * $2 ORDER BY id LIMIT 1'
red subscribers 'TestBombing'

begin address-flooded "one address can get any number of mails"
change subscribers/requests.go 'return short < perAddressShort && day < perAddressDay && month < perAddressMonth, err' 'return true, err'
red subscribers 'TestBombing'

begin letters-again "a letter is planned as often as somebody looks"
change dispatch/letters.go 'subscribers.DropLetters+" AND "' 'subscribers.DropLetters+" AND 1 = 0 AND "'
red dispatch 'TestLetters'

begin pause-for-ever "a pause does not end by itself"
change subscribers/sql.go "AND s.paused_until <= \` + now + \` THEN ''" "AND s.paused_until < 0 * \` + now + \` THEN ''"
red subscribers 'TestBlocked'

begin erased-in-log "what was erased stays in the write-ahead log"
change subscribers/desk.go 'return gone, d.sweep(ctx)' 'return gone, nil'
red cmd/yizhan 'TestSignUpAndErase'

begin known-job-failed "a job that WeChat knows already is a failure"
change dispatch/wechat/rules.yaml 'answer: accepted, reason: accepted' 'scope: content, permanent: true, reason: call-refused'
red dispatch/wechat 'TestKnownJobIsSent'

begin asked-under-another-id "a lost WeChat answer is asked for under another id"
change dispatch/batch.go 'key: b.key, again: granted' 'key: "again" + b.key[5:], again: granted'
red dispatch/wechat 'TestThroughFaults'

begin mass-without-mark "WeChat gets a batch before its members are marked"
change dispatch/wechat/mass.go '	if !ok || len(members) == 0 {
		h.discard(ctx, media)
		return' '	if len(members) == 0 {
		for _, d := range h.batch.Deliveries {
			members = append(members, d.Address)
		}
	}
	if !ok && false {
		return'
red dispatch/wechat 'TestConformance'

begin tag-out-of-step "who is no subscriber keeps the tag"
change dispatch/wechat/tag.go '	_, err = c.retag(ctx, tagRemovePath, tag, remove)
	return tag, err' '	return tag, nil'
red dispatch/wechat 'TestTagIsInStep'

begin forced-each-time "a stuck token is refreshed by force again and again"
change dispatch/wechat/token.go 'force := stuck && (t.forced.IsZero() || time.Since(t.forced) >= forceEvery)' 'force := stuck'
red dispatch/wechat 'TestForcedOnceAnIncident'

begin event-replayed "an old WeChat event is taken again"
change dispatch/wechat/callback.go 'now.Sub(time.Unix(seconds, 0)).Abs() <= eventWindow' 'seconds > 0'
red dispatch/wechat 'TestCallbackRefuses'

begin event-counted-twice "the platform's repeat of an event is another event"
change dispatch/wechat/callback.go 'Key: e.id(), Content' 'Key: e.id() + now.String(), Content'
red dispatch/wechat 'TestCallbackTakesEvents'

begin card-repeated "what WeChat knows by no key is sent again after a lost answer"
change dispatch/worker.go '!v.Single && (c.Batch > 1' '(c.Batch > 1'
red dispatch 'TestSingleIsNeverRepeated'

begin lost-card-again "a card whose answer is lost may be tried again"
change dispatch/delivery.go 'p.Lost == 0 && !e.Single {' 'p.Lost == 0 {'
red dispatch 'TestSingleIsNeverRepeated'

begin word-missed "a word that comes while the platform refuses frees nothing"
change dispatch/settle.go 'if o.Failure.Await {' 'if o.Failure.Await && r.id < 0 {'
red dispatch 'TestSpokenMeanwhile'

begin waiting-given-up "who does not speak for two days is given up"
change dispatch/retry.go 'if f.Await && f.Scope == ScopeRecipient {' 'if f.Await && f.Scope == ScopeContent {'
red dispatch 'TestAwaiting'

begin reminder-not-reread "a reminder that was taken back is sent"
change subscribers/reminder.go 'AND m.run_id = deliveries.run_id) THEN' 'AND m.run_id = deliveries.run_id) AND 1 = 0 THEN'
red dispatch 'TestEachIsRemindedOnce'

begin consent-used-twice "one consent is good for two reminders"
change subscribers/reminder.go 'SET run_id = $3, used_at = $4 WHERE' 'SET run_id = 0 * $3 * $4 WHERE'
red dispatch 'TestPlanReminders'

begin code-for-ever "wrong binding codes are not counted"
change subscribers/binding.go 'if n >= maxTries {' 'if n > 1000*maxTries {'
red subscribers 'TestTheftOfACode'

begin code-used-twice "a binding code works for a second WeChat"
change subscribers/binding.go 'b.taken != "" && b.taken != hash) {' 'b.taken != "" && b.taken == hash) {'
red subscribers 'TestBindByCode'

begin snapshot-visitor "the made-up user of a page snapshot is taken for a follower"
change dispatch/wechat/scene.go 'if out.OpenID == "" || out.Snapshot != 0 {' 'if out.OpenID == "" || out.Snapshot < 0 {'
red cmd/yizhan 'TestVisit'

begin unmarked-correction "a correction does not say that it is one"
change dispatch/selection.go $'case SelectOutdated:\n\t\treturn true, nil' $'case SelectOutdated:\n\t\treturn false, nil'
red cmd/yizhan 'TestCorrection'

begin unseen-approval "what is approved is not what was looked at"
change issue/store.go 'if r.Revision.Hash != hash {' 'if false {'
red issue 'TestApprovalIsOfARevision'

if $dry; then
	echo "$tried mutants, the text of each is found"
	exit 0
fi
echo
echo "$tried mutants, $survived survived"
((tried > 0 && survived == 0))
