package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/subscribers"
)

// play does what an editor does: read in, approve, import, send, watch.
func (s *stage) play(ctx context.Context) error {
	id, err := s.edit(ctx)
	if err != nil {
		return err
	}
	if err := s.enlist(ctx); err != nil {
		return err
	}
	is, revision, err := s.approved(ctx, id)
	if err != nil {
		return err
	}
	channels, err := s.channel()
	if err != nil {
		return err
	}
	planned, err := s.ledger.Plan(ctx, dispatch.Planning{
		Kind: dispatch.KindIssue, Issue: is, Revision: revision, Selection: dispatch.SelectFirst, Channels: channels, Now: time.Now(),
	}, nil)
	if err != nil {
		return err
	}
	run, err := s.instance.run(ctx, id, fmt.Sprint(planned))
	if err != nil {
		return err
	}
	s.printf("列入发行：%d 份（%s）", run.Total().Total(), perChannel(run))
	if err := s.leave(ctx); err != nil {
		return err
	}
	close(s.script.curtain)
	if run, err = s.watch(ctx, run); err != nil {
		return err
	}
	return s.sumUp(ctx, run)
}

// edit reads the sample issue in and approves it.
func (s *stage) edit(ctx context.Context) (id string, err error) {
	one, err := s.read(ctx, filepath.Join(s.dir, sampleIssue), issue.ReadOptions{Title: s.config.Title})
	if err != nil {
		return "", err
	}
	if wrong := faults(one); len(wrong) > 0 {
		return "", wrong
	}
	if err := s.store(ctx, &one); err != nil {
		return "", err
	}
	if _, err := s.issues.Approve(ctx, one.ID, "演示", one.Revision.Hash, time.Now()); err != nil {
		return "", err
	}
	s.printf("读入样刊并批准：%s %s，%d 个栏目，%d 篇", one.Title, one.Label, one.Sections, one.Articles)
	return one.ID, nil
}

// enlist imports the sample list and suppresses one address of it.
func (s *stage) enlist(ctx context.Context) error {
	file, err := os.Open(filepath.Join(s.dir, sampleSubscribers))
	if err != nil {
		return err
	}
	defer file.Close()
	result, err := s.people.Import(ctx, file, subscribers.ImportOptions{Source: sampleSubscribers}, time.Now())
	if err != nil {
		return err
	}
	if len(result.Bad) > 0 {
		return fmt.Errorf("line %d of %s: %s", result.Bad[0].Line, sampleSubscribers, result.Bad[0].Text)
	}
	address, err := subscribers.ParseAddress(subscribers.Email, suppressed)
	if err != nil {
		return err
	}
	if _, err := s.people.Suppress(ctx, address, "complaint", "", time.Now()); err != nil {
		return err
	}
	s.printf("导入订户：%d 位，其中 1 位早已退订，1 位在禁发名单里", result.Added)
	return nil
}

// leave does what a mail provider does when its user presses "unsubscribe"
// (RFC 8058), when the run is planned already.
func (s *stage) leave(ctx context.Context) error {
	person, err := s.people.Get(ctx, leavesMidway)
	if err != nil {
		return err
	}
	link := s.links.Unsubscribe(person.PublicID, subscribers.Email)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("unsubscribing with one click: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("unsubscribing with one click: answered with %s", answer.Status)
	}
	s.printf("寄出以前，有一位订户用邮件里的链接退订了")
	if err := s.unfollow(ctx); err != nil {
		return err
	}
	s.printf("发出以前，有一位关注者取消了关注")
	return nil
}

// lineEvery is how often the progress is told where there is no terminal.
const lineEvery = time.Second

// watch shows how far a run has come until it is over.
func (s *stage) watch(ctx context.Context, run dispatch.RunStatus) (dispatch.RunStatus, error) {
	bars := s.newBars()
	defer bars.stop()
	told, last := time.Now(), ""
	for {
		bars.show(run)
		over, verdict := verdict(run)
		if line := summary(run); bars.writer == nil && line != last && (over || time.Since(told) >= lineEvery) {
			s.printf("%s", line)
			told, last = time.Now(), line
		}
		if over {
			if run.State != string(dispatch.RunFinished) {
				return run, verdict
			}
			return run, nil // that some failed is in the script
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return run, context.Cause(ctx)
		}
		var err error
		if run, err = s.instance.run(ctx, run.Issue, run.ID); err != nil {
			return run, err
		}
	}
}

// outcome is the end of the demo for programs.
type outcome struct {
	URL         string          `json:"url"`
	Dir         string          `json:"dir"`
	Issue       string          `json:"issue"`
	Run         string          `json:"run"`
	Subscribers int             `json:"subscribers"`
	Mails       int             `json:"mails"`
	Messages    int             `json:"messages"` // of the official account
	States      dispatch.Counts `json:"states"`
	Reasons     []reasonCount   `json:"reasons"`
	AsScripted  bool            `json:"as_scripted"`
	Differences []string        `json:"differences"`
}

// reasonCount counts the deliveries that ended in one state for one reason.
type reasonCount struct {
	State  dispatch.State `json:"state"`
	Reason string         `json:"reason"`
	Count  int            `json:"count"`
}

// sumUp tells how the run ended, and fails when that is not as scripted.
func (s *stage) sumUp(ctx context.Context, run dispatch.RunStatus) error {
	b, err := s.book(ctx, run.Issue)
	if err != nil {
		return err
	}
	mails, messages := inbox(s.sink.Messages()), s.account.Messages()
	o := outcome{
		URL: s.config.PublicURL, Dir: s.dir, Issue: run.Issue, Run: run.ID,
		Subscribers: b.people(), Mails: len(mails), Messages: len(messages), States: run.Total(), Reasons: b.reasons(),
		Differences: s.script.differences(b.entries, mails, messages),
	}
	o.AsScripted = len(o.Differences) == 0
	if told, err := s.answer(o); told && err != nil {
		return err
	}
	if !s.json {
		if err := s.table(b, o); err != nil {
			return err
		}
	}
	if !o.AsScripted {
		return problem{Code: "differs", Text: "结果和剧本不一样：" + strings.Join(o.Differences, "；"), Hint: "用 --dir 留下数据，看里面的 yizhan.log"}
	}
	return nil
}

// people counts the subscribers.
func (b book) people() int {
	seen := map[string]bool{}
	for _, e := range b.entries {
		seen[e.Subscriber] = true
	}
	return len(seen) + len(b.outside)
}

// reasons counts the entries by state, and by reason within it.
func (b book) reasons() []reasonCount {
	var out []reasonCount
	for _, state := range dispatch.States() {
		for _, e := range b.entries {
			if e.State != state {
				continue
			}
			at := slices.IndexFunc(out, func(r reasonCount) bool { return r.State == state && r.Reason == e.Reason })
			if at < 0 {
				at = len(out)
				out = append(out, reasonCount{State: state, Reason: e.Reason})
			}
			out[at].Count++
		}
	}
	return out
}

// table shows the end of the run to people.
func (s *stage) table(b book, o outcome) error {
	s.printf("")
	counts := newSheet("状态", "原因", "份数#")
	for _, r := range o.Reasons {
		counts.add(word(string(r.State)), reasonWord(r.Reason), r.Count)
	}
	if err := counts.write(s.stdout); err != nil {
		return err
	}
	s.printf("")
	stories := newSheet("订户", "地址", "结果", "失败的尝试#", "对方说了什么，或者为什么不发")
	for _, e := range b.entries {
		if len(e.tries) == 0 && e.State == dispatch.StateSent {
			continue
		}
		why := reasonWord(e.Reason)
		if len(e.tries) > 0 {
			why = words(e.tries[0])
		}
		stories.add(e.name, e.Address, word(string(e.State)), len(e.tries), why)
	}
	return stories.write(s.stdout)
}

// invite tells where to look while the daemon goes on.
func (s *stage) invite() {
	url := s.config.PublicURL
	s.printf(`
概览      %[1]s/demo
邮件      %[1]s/demo/mails    打开一封，点末尾的“退订”试试
公众号    %[1]s/demo/wechat   关注者的手机上看到的
台账      %[1]s/demo/ledger   谁收到了，谁没有，为什么
网页版    %[1]s/issues/37

服务还在运行，别的命令可以在另一个终端里用，例如：
%[3]s -c %[2]s deliveries 37 --state failed
%[3]s -c %[2]s resend 37 --scope failed --dry-run
按 Ctrl-C 结束。`, url, s.configFile, calledBy())
}

// calledBy is how this program is called again from the same folder: by its name when
// that is on the path, else by the path that it was called by; go run leaves nothing
// that could be called.
func calledBy() string {
	self, err := os.Executable()
	if err != nil || strings.Contains(self, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/yizhan"
	}
	if found, err := exec.LookPath(filepath.Base(self)); err == nil && found == self {
		return filepath.Base(self)
	}
	return self
}
