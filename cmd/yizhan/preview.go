package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/issue"
	"yizhan/subscribers"
	"yizhan/templates"
)

// issuePreviewCmd writes the forms of an issue to files.
type issuePreviewCmd struct {
	N        string   `arg:"" help:"期号。 [issue]"`
	Channel  []string `enum:"email,web,text,wechat" placeholder:"C" help:"只要这种：email 邮件、text 邮件的纯文本、web 网页、wechat 公众号文章；默认全部。 [forms]"`
	Sections string   `placeholder:"NAMES" help:"只选了这些栏目的订户收到的邮件，栏目之间用分号：\"协会要闻;会员动态\"。 [the mail of a choice of sections]"`
	Output   string   `short:"o" placeholder:"DIR" help:"写到这个目录，默认 preview-期号。 [directory]"`
}

// form is one form of an issue as a file.
type form struct {
	Channel string `json:"channel"`
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`

	Label string `json:"-"`
	data  []byte
}

// Run implements the command.
func (s *issuePreviewCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	r, err := i.issue(ctx, s.N)
	if err != nil {
		return err
	}
	in, err := i.published(ctx, r.Issue, r.Revision)
	if err != nil {
		return err
	}
	if in.Sections, err = chosenSections(r.Issue, s.Sections); err != nil {
		return err
	}
	mail, err := i.templates.Email(in)
	if err != nil {
		return err
	}
	bare, err := templates.Bare(mail.HTML)
	if err != nil {
		return err
	}
	whole := in
	whole.Locked = nil
	page, err := i.templates.Web(whole)
	if err != nil {
		return err
	}
	forms := []form{
		{Channel: "email", Path: "email.html", Label: "邮件", data: mail.HTML},
		{Channel: "bare", Path: "email-bare.html", Label: "邮件，没有样式表（QQ、网易邮箱）", data: bare},
		{Channel: "text", Path: "email.txt", Label: "邮件的纯文本", data: mail.Text},
		{Channel: "web", Path: "web.html", Label: "网页", data: page},
	}
	article, found, err := i.article(ctx, in)
	switch {
	case err == nil:
		forms = append(forms, article)
	case len(s.Channel) == 0 && errors.Is(err, templates.ErrTooLong):
		// Those who do not use WeChat want to see the mail all the same.
		found = append(found, issue.Diagnostic{Code: "article-too-long", Severity: issue.Warning, Text: explain(err)[0].Text})
	case len(s.Channel) == 0 || slices.Contains(s.Channel, "wechat"):
		return err
	}
	if len(s.Channel) > 0 && !slices.Contains(s.Channel, "wechat") {
		found = nil
	}
	forms = slices.DeleteFunc(forms, func(f form) bool { return len(s.Channel) > 0 && !slices.Contains(s.Channel, f.Channel) })
	if len(forms) > 1 {
		index, err := indexOf(mail.Subject, forms)
		if err != nil {
			return err
		}
		forms = append(forms, form{Channel: "index", Path: "index.html", data: index})
	}
	dir := s.Output
	if dir == "" {
		dir = "preview-" + r.ID
	}
	if len(s.Channel) == 0 {
		broken, err := i.lint(ctx, r)
		if err != nil {
			return err
		}
		found = append(found, broken...)
	}
	if err := writeForms(dir, i.withLogo(forms)); err != nil {
		return err
	}
	if slices.ContainsFunc(forms, func(f form) bool { return f.Channel == "web" }) {
		if err := i.writePictures(ctx, dir, r.Issue); err != nil {
			return err
		}
	}
	if done, err := c.answer(struct {
		ID      string `json:"id"`
		Subject string `json:"subject"`
		Files   []form `json:"files"`
		// Diagnostics say what had to be shortened.
		Diagnostics []issue.Diagnostic `json:"diagnostics,omitempty"`
	}{r.ID, mail.Subject, forms, found}); done {
		return err
	}
	for _, f := range forms {
		c.printf("%s", f.Path)
	}
	for _, d := range found {
		c.printf("%s：%s", word(string(d.Severity)), plain(d.Text))
	}
	return nil
}

// chosenSections reads a choice of sections as a person types it.
func chosenSections(is issue.Issue, names string) (issue.Choice, error) {
	list := strings.FieldsFunc(names, func(r rune) bool { return r == ';' || r == '；' })
	choice, ok := is.Outline().Choose(list)
	if !ok {
		return nil, misused(fmt.Sprintf("这一期没有栏目 %q：只选了它的订户不会收到这一期", plain(names)), "这一期的栏目有："+joined(is.Outline().Names(nil)))
	}
	return choice, nil
}

// uploadedAs is where a preview pretends to have uploaded a picture; the real
// addresses are about as long.
const uploadedAs = "http://mmbiz.qpic.cn/mmbiz_jpg/preview/preview/preview/"

// article is the WeChat article of an issue, on a telephone.
func (i *instance) article(ctx context.Context, in templates.Input) (form, []issue.Diagnostic, error) {
	pictures := map[string][]byte{}
	in.Pictures = map[string]string{}
	var lacking []issue.Diagnostic
	for _, one := range templates.Illustrations(in) {
		p, err := i.issues.Picture(ctx, in.Issue.ID, one.Name)
		if errors.Is(err, issue.ErrNotFound) {
			lacking = append(lacking, issue.Diagnostic{Code: "picture-lacking", Severity: issue.Warning, Text: fmt.Sprintf("《%s》的图片不在库里，没有放进公众号文章", one.Article)})
			continue
		}
		if err != nil {
			return form{}, nil, err
		}
		address := uploadedAs + one.Name
		in.Pictures[one.Name], pictures[address] = address, p.Data
	}
	a, err := i.templates.Article(in)
	if err != nil {
		return form{}, nil, err
	}
	cover, err := i.templates.Cover(in)
	if err != nil {
		return form{}, nil, err
	}
	page, err := phone(a, cover, func(address string) []byte { return pictures[address] }, time.Now().In(i.config.Timezone).Format(time.DateOnly))
	return form{Channel: "wechat", Path: "wechat.html", Label: "公众号文章", data: page}, slices.Concat(lacking, a.Diagnostics, cover.Diagnostics), err
}

// writePictures writes the pictures of an issue where its web page looks for them.
func (i *instance) writePictures(ctx context.Context, dir string, is issue.Issue) error {
	dir = filepath.Join(dir, is.ID, "img")
	for _, name := range is.Images() {
		p, err := i.issues.Picture(ctx, is.ID, name)
		if errors.Is(err, issue.ErrNotFound) {
			continue // the import said so
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return unwritable(dir, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), p.Data, 0o644); err != nil {
			return unwritable(filepath.Join(dir, name), err)
		}
	}
	return nil
}

// writeForms writes the files and puts the directory before their paths.
func writeForms(dir string, forms []form) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritable(dir, err)
	}
	for n := range forms {
		f := &forms[n]
		f.Path, f.Bytes = filepath.Join(dir, f.Path), len(f.data)
		if err := os.WriteFile(f.Path, f.data, 0o644); err != nil {
			return unwritable(f.Path, err)
		}
	}
	return nil
}

// indexOf makes a page that shows every form: the mail on a telephone and on a
// desk.
func indexOf(subject string, forms []form) ([]byte, error) {
	t, err := template.ParseFS(pageFiles, "page/preview.html")
	if err != nil {
		return nil, fmt.Errorf("reading the preview page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, map[string]any{"Subject": subject, "Forms": forms}); err != nil {
		return nil, fmt.Errorf("writing the preview page: %w", err)
	}
	return out.Bytes(), nil
}

// issueTestCmd sends one real mail that is no delivery.
type issueTestCmd struct {
	N  string `arg:"" help:"期号。 [issue]"`
	To string `required:"" placeholder:"ADDRESS" help:"寄给谁：邮箱，或者 openid:… 把公众号文章预览给一个关注者。 [address]"`
}

// testMark begins the subject of a test.
const testMark = "[测试] "

// Run implements the command. The mail takes the way of every delivery, only
// that no ledger is asked for the mark.
func (s *issueTestCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	r, err := i.issue(ctx, s.N)
	if err != nil {
		return err
	}
	if openid, ok := strings.CutPrefix(s.To, "openid:"); ok {
		return s.preview(ctx, c, i, r, openid)
	}
	to, err := subscribers.ParseAddress(subscribers.Email, s.To)
	if _, ours := subscribers.ParseWeChat(s.To); err != nil && ours == nil && !strings.Contains(s.To, "@") {
		return problem{Code: "address-at", Text: plain(s.To) + " 不是邮箱", Hint: "要预览给公众号的关注者，写成 --to openid:" + plain(s.To), cause: err}
	}
	if err != nil {
		return err
	}
	route, err := i.route(email.Name)
	if err != nil {
		return err
	}
	content := dispatch.Content{Kind: dispatch.KindIssue, Issue: r.Issue, Revision: r.Revision, PlannedAt: time.Now()}
	content.Issue.Title = testMark + content.Issue.Title // the subject begins with it
	variants, err := route.Channel.Prepare(ctx, content)
	if err != nil {
		return err
	}
	// Nobody's link: a test that is forwarded unsubscribes nobody.
	nobody := strings.Repeat("0", publicIDLength)
	messageID := fmt.Sprintf(variants[0].MessageID, "test-"+strings.ToLower(rand.Text()))
	outcome := route.Channel.Deliver(ctx, dispatch.Batch{
		Variant:    variants[0],
		Deliveries: []dispatch.Handover{{Subscriber: nobody, Address: to.Value, MessageID: messageID, Attempt: 1}},
	}, func(context.Context) ([]bool, error) { return []bool{true}, nil })[0]
	if outcome.Status != dispatch.Sent {
		return testFailed(ctx, outcome)
	}
	if done, err := c.answer(map[string]string{"issue": r.ID, "to": to.Value, "message_id": messageID}); done {
		return err
	}
	c.printf("测试邮件已交给邮件服务器，寄给 %s", to.Value)
	return nil
}

// publicIDLength is the length of a subscriber's public id.
const publicIDLength = 26

// testFailed says why a test mail did not go out.
func testFailed(ctx context.Context, o dispatch.Outcome) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.Status == dispatch.Lost {
		return problem{Code: "test-lost", Text: "邮件已交出，但对方的答复没有来，不知道收没收", Hint: "看收件箱；没有收到就再试一次", cause: errors.New(o.Reply)}
	}
	text := "测试邮件没有寄出：" + reasonWord(o.Failure.Reason)
	if o.Reply != "" {
		text += fmt.Sprintf("（%d %s）", o.Code, plain(o.Reply))
	}
	hint := "用 yizhan check --live 检查邮件服务器的配置"
	switch o.Failure.Scope {
	case dispatch.ScopeRecipient:
		hint = "被拒的是这个地址，不是邮件服务器的配置；检查 --to，或者换一个地址"
	case dispatch.ScopeDomain:
		hint = "收信的那一方暂时不收；过一会儿再试，或者换一个邮箱"
	case dispatch.ScopeContent:
		hint = "被拒的是这封邮件的内容；按对方的答复改稿或改模板"
	}
	return problem{Code: "test-failed", Text: text, Hint: hint}
}
