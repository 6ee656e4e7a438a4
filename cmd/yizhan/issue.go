package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"yizhan/issue"
)

// issue gives an issue of the store.
func (i *instance) issue(ctx context.Context, id string) (issue.Record, error) {
	r, err := i.issues.Get(ctx, id)
	if errors.Is(err, issue.ErrNotFound) {
		return r, unknownIssue(id, err)
	}
	return r, err
}

// approved gives an issue that may be sent.
func (i *instance) approved(ctx context.Context, id string) (issue.Issue, issue.Revision, error) {
	r, err := i.issues.Approved(ctx, id)
	switch {
	case errors.Is(err, issue.ErrNotFound):
		err = unknownIssue(id, err)
	case errors.Is(err, issue.ErrNotApproved):
		err = problem{
			Code: "not-approved", Text: fmt.Sprintf("第 %s 期的当前版本还没有批准", id),
			Hint: fmt.Sprintf("先用 yizhan issue preview %s 看过，再用 yizhan issue approve %s 批准", id, id), cause: err,
		}
	}
	return r.Issue, r.Revision, err
}

func unknownIssue(id string, cause error) problem {
	return problem{Code: "issue-unknown", Text: fmt.Sprintf("没有第 %s 期", plain(id)), Hint: "用 yizhan issue list 看有哪些", cause: cause}
}

// issueListCmd lists the issues.
type issueListCmd struct{}

// Run implements the command. With --json it writes one object a line.
func (s *issueListCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	all, err := i.issues.List(ctx)
	if err != nil {
		return err
	}
	if c.json {
		for _, one := range all {
			if err := writeJSON(c.stdout, one); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		c.printf("还没有任何一期；用 yizhan issue import 读入")
		return nil
	}
	t := newSheet("期", "刊名", "期号", "状态", "版本#", "读入", "批准")
	for _, one := range all {
		t.add(one.ID, one.Title, one.Label, word(string(one.State)), one.Revision.N, i.clock(one.ImportedAt), i.clock(one.ApprovedAt))
	}
	return t.write(c.stdout)
}

// issueShowCmd shows an issue.
type issueShowCmd struct {
	N string `arg:"" help:"期号。 [issue]"`
}

// Run implements the command.
func (s *issueShowCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	r, err := i.issue(ctx, s.N)
	if err != nil {
		return err
	}
	if done, err := c.answer(r); done {
		return err
	}
	if err := c.outline(r.Issue, r.Diagnostics); err != nil {
		return err
	}
	c.printf("\n状态：%s，版本 %d（%.12s）", word(string(r.State)), r.Revision.N, r.Revision.Hash)
	if r.Revision.Note != "" {
		c.printf("更正说明：%s", plain(r.Revision.Note))
	}
	if !r.ApprovedAt.IsZero() {
		c.printf("批准：%s %s", i.clock(r.ApprovedAt), plain(r.ApprovedBy))
	}
	return nil
}

// issueApproveCmd approves the present revision of an issue.
type issueApproveCmd struct {
	N    string `arg:"" help:"期号。 [issue]"`
	By   string `placeholder:"NAME" help:"批准人，记入档案；默认是登录的用户。 [who approves]"`
	Note string `placeholder:"TEXT" help:"更正了什么，读者看得到；发过旧版本才用得着。 [what was corrected]"`
}

// Run implements the command.
func (s *issueApproveCmd) Run(ctx context.Context, c *call) error {
	by := s.By
	if by == "" {
		by = c.user()
	}
	return c.decide(ctx, s.N, func(i *instance) (decided, error) {
		before, err := i.issues.Get(ctx, s.N)
		if err != nil {
			return decided{}, err
		}
		found, err := i.lint(ctx, before)
		if err == nil {
			err = linted(before.ID, found)
		}
		if err == nil && s.Note != "" {
			err = i.note(ctx, s.N, s.Note)
		}
		if err != nil {
			return decided{}, err
		}
		// What was looked at is what is approved: a draft that came meanwhile is not.
		r, err := i.issues.Approve(ctx, s.N, by, before.Revision.Hash, time.Now())
		return decided{r, found}, err
	})
}

// user is who works here, by the environment, else by the system.
func (c *call) user() string {
	if name := c.getenv("USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// note keeps what was corrected in the current revision of an issue.
func (i *instance) note(ctx context.Context, id, note string) error {
	err := i.issues.Note(ctx, id, note)
	switch {
	case errors.Is(err, issue.ErrSettled):
		return problem{Code: "note-settled", Text: fmt.Sprintf("第 %s 期的当前版本已经批准，更正说明不能再改", id), Hint: "内容有改动就重新导入，--note 写在那时", cause: err}
	case errors.Is(err, issue.ErrLongNote):
		return problem{Code: "note-long", Text: fmt.Sprintf("更正说明太长，最多 %d 字节（约 %d 个汉字）", issue.MaxNote, issue.MaxNote/3), Hint: "只写改了什么；导入的内容已经存了，说明可以在 issue approve 时再写", cause: err}
	}
	return err
}

// issueWithdrawCmd takes the approval of an issue back.
type issueWithdrawCmd struct {
	N string `arg:"" help:"期号。 [issue]"`
}

// Run implements the command.
func (s *issueWithdrawCmd) Run(ctx context.Context, c *call) error {
	return c.decide(ctx, s.N, func(i *instance) (decided, error) {
		r, err := i.issues.Withdraw(ctx, s.N)
		return decided{Record: r}, err
	})
}

// decided is an issue after a decision, and what the lints found before it.
type decided struct {
	issue.Record
	found []issue.Diagnostic
}

// decide changes the state of an issue and tells what it is now.
func (c *call) decide(ctx context.Context, n string, do func(*instance) (decided, error)) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	r, err := do(i)
	switch {
	case errors.Is(err, issue.ErrNotFound):
		return unknownIssue(n, err)
	case errors.Is(err, issue.ErrChanged):
		return problem{Code: "issue-changed", Text: fmt.Sprintf("第 %s 期刚刚被别人改过，没有批准", n), Hint: "再看一遍预览，再批准", cause: err}
	case errors.Is(err, issue.ErrFaulty):
		return problem{Code: "issue-faulty", Text: fmt.Sprintf("第 %s 期还有错误，不能批准", n), Hint: "用 yizhan issue show " + n + " 看错误，改好文件重新导入", cause: err}
	case err != nil:
		return err
	}
	if done, err := c.answer(struct {
		ID       string         `json:"id"`
		State    issue.State    `json:"state"`
		Revision issue.Revision `json:"revision"`
		// By is who approved it.
		By string `json:"approved_by,omitempty"`
		// Diagnostics are what the lints found.
		Diagnostics []issue.Diagnostic `json:"diagnostics,omitempty"`
	}{r.ID, r.State, r.Revision, r.ApprovedBy, r.found}); done {
		return err
	}
	for _, d := range r.found {
		c.printf("%s：%s", word(string(d.Severity)), plain(d.Text))
	}
	c.printf("第 %s 期 %s：版本 %d %s", r.ID, plain(r.Title), r.Revision.N, word(string(r.State)))
	if r.State == issue.Approved {
		c.printf("批准人 %s，内容 %.12s", plain(cmp.Or(r.ApprovedBy, "未记名")), r.Revision.Hash)
	}
	return nil
}
