package main

import (
	"context"
	"fmt"

	"yizhan/config"
	"yizhan/issue"
	"yizhan/templates"
)

// issueLintCmd holds an issue against the lints.
type issueLintCmd struct {
	N string `arg:"" help:"期号。 [issue]"`
}

// Run implements the command.
func (s *issueLintCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	r, err := i.issue(ctx, s.N)
	if err != nil {
		return err
	}
	found, err := i.lint(ctx, r)
	if err != nil {
		return err
	}
	if done, err := c.answer(struct {
		ID          string             `json:"id"`
		Revision    issue.Revision     `json:"revision"`
		Diagnostics []issue.Diagnostic `json:"diagnostics"`
	}{r.ID, r.Revision, found}); done {
		if err != nil {
			return err
		}
		return linted(r.ID, found)
	}
	if err := c.diagnostics(found); err != nil {
		return err
	}
	return linted(r.ID, found)
}

// lint holds the current revision of an issue against the configured lints.
func (i *instance) lint(ctx context.Context, r issue.Record) ([]issue.Diagnostic, error) {
	in, err := i.published(ctx, r.Issue, r.Revision)
	if err != nil {
		return nil, err
	}
	levels := map[templates.Lint]issue.Severity{}
	for lint, level := range map[templates.Lint]config.Level{
		templates.LintCredit: i.config.Lints.CreditMissing, templates.LintAnchor: i.config.Lints.DeadAnchor,
		templates.LintTitle: i.config.Lints.WeChatTitle, templates.LintAdvertising: i.config.Lints.AdPrefix,
		templates.LintInternal: i.config.Lints.InternalMaterial,
	} {
		switch level {
		case config.LintWarn:
			levels[lint] = issue.Warning
		case config.LintError:
			levels[lint] = issue.Error
		}
	}
	found, err := i.templates.Lint(in, levels)
	if found == nil {
		found = []issue.Diagnostic{}
	}
	return found, err
}

// linted is the error of the findings that keep an issue from being approved.
func linted(id string, found []issue.Diagnostic) error {
	var out problems
	for _, d := range found {
		if d.Severity == issue.Error {
			out = append(out, problem{
				Code: d.Code, Text: d.Text,
				Hint: fmt.Sprintf("改好文件重新导入第 %s 期；不该查的，在配置的 lints 里改成 warn 或 off", id),
			})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
