package main

import (
	"context"
	"errors"
	"fmt"
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
	if !r.ApprovedAt.IsZero() {
		c.printf("批准：%s %s", i.clock(r.ApprovedAt), plain(r.ApprovedBy))
	}
	return nil
}

// issueApproveCmd approves the present revision of an issue.
type issueApproveCmd struct {
	N  string `arg:"" help:"期号。 [issue]"`
	By string `placeholder:"NAME" help:"批准人，记入档案；默认取环境变量 USER。 [who approves]"`
}

// Run implements the command.
func (s *issueApproveCmd) Run(ctx context.Context, c *call) error {
	by := s.By
	if by == "" {
		by = c.getenv("USER")
	}
	return c.decide(ctx, s.N, func(i *instance) (issue.Record, error) { return i.issues.Approve(ctx, s.N, by, time.Now()) })
}

// issueWithdrawCmd takes the approval of an issue back.
type issueWithdrawCmd struct {
	N string `arg:"" help:"期号。 [issue]"`
}

// Run implements the command.
func (s *issueWithdrawCmd) Run(ctx context.Context, c *call) error {
	return c.decide(ctx, s.N, func(i *instance) (issue.Record, error) { return i.issues.Withdraw(ctx, s.N) })
}

// decide changes the state of an issue and tells what it is now.
func (c *call) decide(ctx context.Context, n string, do func(*instance) (issue.Record, error)) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	r, err := do(i)
	switch {
	case errors.Is(err, issue.ErrNotFound):
		return unknownIssue(n, err)
	case errors.Is(err, issue.ErrFaulty):
		return problem{Code: "issue-faulty", Text: fmt.Sprintf("第 %s 期还有错误，不能批准", n), Hint: "用 yizhan issue show " + n + " 看错误，改好文件重新导入", cause: err}
	case err != nil:
		return err
	}
	if done, err := c.answer(struct {
		ID       string         `json:"id"`
		State    issue.State    `json:"state"`
		Revision issue.Revision `json:"revision"`
	}{r.ID, r.State, r.Revision}); done {
		return err
	}
	c.printf("第 %s 期 %s：版本 %d %s", r.ID, plain(r.Title), r.Revision.N, word(string(r.State)))
	return nil
}
