package dispatch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"yizhan/subscribers"
)

// The events of alerts, beside the codes of alarms.
const (
	AlertFinished   = "run-finished"
	AlertSlotEmpty  = "slot-without-issue"
	AlertSlotMissed = "slot-missed"
	AlertMended     = "channel-mended"
)

// Alert is news for a person. The ledger keeps it from the moment at which it is
// true, in the same transaction, until everybody was told.
type Alert struct {
	Key     string    `json:"-"` // the same key is the same news
	Event   string    `json:"-"`
	Subject string    `json:"-"` // channel, schedule or domain
	At      time.Time `json:"-"`
	Issue   string    `json:"issue,omitempty"`
	Run     string    `json:"run,omitempty"`
	Slot    time.Time `json:"slot,omitzero"`
	Detail  string    `json:"detail,omitempty"` // somebody else's words, without addresses
}

// alertAgain is the least time between two alerts of one alarm: a relay that
// comes and goes is told of once.
const alertAgain = 15 * time.Minute

// mailAddress finds addresses in a carrier's words.
var mailAddress = regexp.MustCompile(`[^\s<>"'@=:,;()\[\]]+@[^\s<>"'@=:,;()\[\]]+`)

// recordAlert records news that nobody has to be told twice.
func recordAlert(ctx context.Context, tx execer, a Alert) error {
	a.Detail = mailAddress.ReplaceAllStringFunc(cutReply(a.Detail), func(s string) string {
		return subscribers.Mask(subscribers.Email, s)
	})
	content, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encoding an alert: %w", err)
	}
	due := millis(a.At)
	if a.isAlarm() {
		var last int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(at), 0) FROM alerts WHERE event = $1 AND subject = $2 AND key <> $3`,
			a.Event, a.Subject, a.Key).Scan(&last); err != nil {
			return err
		}
		due = max(due, last+alertAgain.Milliseconds())
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alerts (key, event, subject, at, due_at, content) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (key) DO NOTHING`, a.Key, a.Event, a.Subject, millis(a.At), due, string(content))
	return err
}

// isAlarm reports whether the alert is of an alarm that can come and go.
func (a Alert) isAlarm() bool {
	switch a.Event {
	case AlertFinished, AlertSlotEmpty, AlertSlotMissed, AlertMended, AlarmHeld:
		return false
	}
	return true
}

// mended tells of the end of an alarm, or of neither when its beginning has not
// been told yet.
func mended(ctx context.Context, tx execer, code, subject string, since int64, now time.Time) error {
	key := alarmKey(code, subject, since)
	var gone string
	err := tx.QueryRowContext(ctx, `DELETE FROM alerts WHERE key = $1 AND due_at > $2
		AND NOT EXISTS (SELECT 1 FROM alert_sends s WHERE s.alert = alerts.key) RETURNING key`, key, millis(now)).Scan(&gone)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case code != AlarmChannelStopped:
		return nil
	}
	return recordAlert(ctx, tx, Alert{Key: alarmKey(AlertMended, subject, since), Event: AlertMended, Subject: subject, At: now})
}

// alertFinished tells of runs that have just been finished.
func alertFinished(ctx context.Context, tx execer, runs []int64, now time.Time) error {
	for _, run := range runs {
		var kind RunKind
		var scope Selection
		a := Alert{Key: fmt.Sprintf("%s %d", AlertFinished, run), Event: AlertFinished, Run: strconv.FormatInt(run, 10), At: now}
		if err := tx.QueryRowContext(ctx, `SELECT kind, scope, issue_id FROM runs WHERE id = $1`, run).Scan(&kind, &scope, &a.Issue); err != nil {
			return err
		}
		if kind != KindIssue || scope == SelectLatest {
			continue
		}
		if err := recordAlert(ctx, tx, a); err != nil {
			return err
		}
	}
	return nil
}

// alertHeld tells that a domain is held.
func alertHeld(ctx context.Context, tx execer, k valveKey, now time.Time) error {
	a := Alert{
		Key: fmt.Sprintf("%s %d %s %s", AlarmHeld, k.run, k.channel, k.domain), Event: AlarmHeld, Subject: k.domain,
		Run: strconv.FormatInt(k.run, 10), At: now,
	}
	if err := tx.QueryRowContext(ctx, `SELECT issue_id FROM runs WHERE id = $1`, k.run).Scan(&a.Issue); err != nil {
		return err
	}
	return recordAlert(ctx, tx, a)
}

// Notice is an alert in words, ready to be sent.
type Notice struct {
	Alert
	Title  string // one line, zh-CN
	Text   string // zh-CN, then English
	Counts map[string]Counts
}

// notice puts an alert into words. Counts are those of its run as they are now.
func (a Alert) notice(counts map[string]Counts, zone *time.Location, reason func(string) string) Notice {
	zh, en := a.words(counts, zone, reason)
	title, _, _ := strings.Cut(zh, "。")
	return Notice{Alert: a, Title: strings.TrimSpace(title), Text: zh + "\n\n" + en, Counts: counts}
}

func (a Alert) words(counts map[string]Counts, zone *time.Location, reason func(string) string) (zh, en string) {
	slot := a.Slot.In(zone).Format("2006-01-02 15:04")
	switch a.Event {
	case AlertFinished:
		return a.finishedWords(counts)
	case AlertSlotEmpty:
		return fmt.Sprintf("计划 %s 到点没有可发的期。%s 这次（%s）没有发任何东西：没有已批准、还没发过的期。批准以后用 yizhan schedules run %s 补发。", a.Subject, slot, a.Detail, a.Subject),
			fmt.Sprintf("Schedule %s had no issue to send at %s (%s). Approve one and use: yizhan schedules run %s", a.Subject, slot, a.Detail, a.Subject)
	case AlertSlotMissed:
		return fmt.Sprintf("计划 %s 错过了一次。%s 这次（%s）没有发，现在已经超过 catch_up。要补发就用 yizhan schedules run %s --slot %s。", a.Subject, slot, a.Detail, a.Subject, a.Slot.In(zone).Format(time.RFC3339)),
			fmt.Sprintf("Schedule %s missed its slot at %s (%s), and catch_up is over.", a.Subject, slot, a.Detail)
	case AlarmChannelStopped:
		why, reply, _ := strings.Cut(a.Detail, "：")
		if why = reason(why); reply != "" {
			why += "（" + reply + "）"
		}
		return fmt.Sprintf("渠道 %s 停了。原因：%s。没有人的投递因此失败，对方好了会自动继续；要是改了自己的配置，请重启服务。", a.Subject, why),
			fmt.Sprintf("Channel %s is stopped: %s. Nobody's delivery has failed; it goes on by itself once this is mended.", a.Subject, a.Detail)
	case AlarmUnanswered:
		why, reply, _ := strings.Cut(a.Detail, "：")
		if why = reason(why); reply != "" {
			why += "（" + reply + "）"
		}
		return fmt.Sprintf("渠道 %s 有一批交出去了，还没有明确的答复。原因：%s。会用同一个编号再问，不会发两次。", a.Subject, why),
			fmt.Sprintf("A batch on channel %s was handed over and has no clear answer: %s. It is repeated under the same id, and nobody gets it twice.", a.Subject, a.Detail)
	case AlertMended:
		return fmt.Sprintf("渠道 %s 恢复了。发行已经继续。", a.Subject), fmt.Sprintf("Channel %s works again.", a.Subject)
	case AlarmHeld:
		if a.Subject == everyDomain {
			return fmt.Sprintf("第 %[1]s 期的发行先停下了。各个域名都有收件人被永久拒收，其余的先不发。看过 yizhan deliveries %[1]s --state failed 里的原因后，用 yizhan resume %[1]s 放行。", a.Issue),
				fmt.Sprintf("Issue %[1]s is held: recipients in many domains were refused for good. Look at the reasons, then use: yizhan resume %[1]s", a.Issue)
		}
		return fmt.Sprintf("域名 %[1]s 的投递先停下了。第 %[2]s 期在这个域名有太多收件人被永久拒收，其余的先不发。看过 yizhan deliveries %[2]s --state failed 里的原因后，用 yizhan resume %[2]s 放行。", a.Subject, a.Issue),
			fmt.Sprintf("Domain %[1]s is held: too many of its recipients of issue %[2]s were refused for good. Look at the reasons, then use: yizhan resume %[2]s", a.Subject, a.Issue)
	case AlarmSchedule:
		return fmt.Sprintf("计划 %s 到点发不了。原因：%s。会一直重试到 catch_up 为止。", a.Subject, a.Detail),
			fmt.Sprintf("Schedule %s could not plan its slot: %s. It is tried again until catch_up is over.", a.Subject, a.Detail)
	case AlarmClock:
		return fmt.Sprintf("服务器的时钟被拨回了。计划 %s 已经执行到 %s，在那之前不会再到点。请检查时钟。", a.Subject, a.Detail),
			fmt.Sprintf("The clock was set back: schedule %s has been followed up to %s and waits until then.", a.Subject, a.Detail)
	}
	return fmt.Sprintf("告警 %s：%s。%s", a.Event, a.Subject, a.Detail), fmt.Sprintf("Alarm %s: %s. %s", a.Event, a.Subject, a.Detail)
}

// finishedWords counts what became of a run, and says what to do about it.
func (a Alert) finishedWords(counts map[string]Counts) (zh, en string) {
	var chinese, english []string
	var failed, unconfirmed int64
	for _, ch := range sortedKeys(counts) {
		n := counts[ch]
		failed, unconfirmed = failed+n[StateFailed], unconfirmed+n[StateUnconfirmed]
		chinese = append(chinese, fmt.Sprintf("%s 送出 %d，失败 %d，跳过 %d，未确认 %d", ch, n[StateSent], n[StateFailed], n[StateSkipped], n[StateUnconfirmed]))
		english = append(english, fmt.Sprintf("%s: %d sent, %d failed, %d skipped, %d unconfirmed", ch, n[StateSent], n[StateFailed], n[StateSkipped], n[StateUnconfirmed]))
	}
	zh = fmt.Sprintf("第 %s 期发行完成。%s。", a.Issue, strings.Join(chinese, "；"))
	en = fmt.Sprintf("Run %s of issue %s is finished. %s.", a.Run, a.Issue, strings.Join(english, "; "))
	if failed > 0 {
		zh += fmt.Sprintf("失败的原因：yizhan deliveries %s --state failed。", a.Issue)
	}
	if unconfirmed > 0 {
		zh += fmt.Sprintf("未确认的可能收到了，也可能没有：yizhan resend %s --scope unconfirmed。", a.Issue)
	}
	return zh, en
}
