package templates

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"yizhan/issue"
)

// every lint, as a warning.
func everyLint() map[Lint]issue.Severity {
	out := map[Lint]issue.Severity{}
	for _, l := range []Lint{LintCredit, LintAnchor, LintTitle, LintAdvertising, LintInternal} {
		out[l] = issue.Warning
	}
	return out
}

func TestLint(t *testing.T) {
	s := set(t)
	bulletin := func() issue.Issue {
		return issue.Issue{
			ID: "7", Number: 1, Total: 7, Title: "云溪茶讯", Sponsor: "云溪市茶叶流通协会", Notice: "内部资料，免费交流",
			Editors:  []issue.Editor{{Role: "准印证编号", Name: "（云）0123"}, {Role: "发送对象", Name: "本会会员"}, {Role: "印刷单位", Name: "云溪印刷厂"}, {Role: "印刷日期", Name: "2026年1月5日"}, {Role: "印数", Name: "300"}},
			Sections: []issue.Section{{Name: "要闻", Articles: []issue.Article{{Kind: issue.KindArticle, Title: "春茶到港", Source: "秘书处", Blocks: []issue.Block{para("春茶今天到港。")}}}}},
		}
	}
	article := func(i *issue.Issue) *issue.Article { return &i.Sections[0].Articles[0] }
	for name, tc := range map[string]struct {
		change func(*issue.Issue)
		want   []string // code and a part of the text
	}{
		"nothing":   {func(*issue.Issue) {}, nil},
		"no credit": {func(i *issue.Issue) { article(i).Source = "" }, []string{"credit-missing 春茶到港"}},
		"a byline":  {func(i *issue.Issue) { article(i).Source, article(i).Byline = "", "林晚" }, nil},
		"a document": {func(i *issue.Issue) {
			article(i).Source, article(i).Document = "", &issue.Document{Number: "云商发〔2026〕1号"}
		}, nil},
		"a profile":           {func(i *issue.Issue) { article(i).Source, article(i).Kind = "", issue.KindProfile }, nil},
		"32":                  {func(i *issue.Issue) { article(i).Title = h(32) }, nil},
		"33":                  {func(i *issue.Issue) { article(i).Title = h(33) }, []string{"wechat-title 33"}},
		"advertising":         {func(i *issue.Issue) { i.Sections[0].Name = "商业推广" }, []string{"ad-prefix 春茶到港", "internal-material 商业推广"}},
		"marked as such":      {func(i *issue.Issue) { i.Title, article(i).Title = "【广告】云溪茶讯", "广告：春茶上市" }, nil},
		"no notice":           {func(i *issue.Issue) { i.Notice = "会员资料" }, []string{"internal-material 免费交流"}},
		"no permit":           {func(i *issue.Issue) { i.Editors = i.Editors[1:] }, []string{"internal-material 准印证编号"}},
		"printed nothing":     {func(i *issue.Issue) { i.Editors = nil }, []string{"internal-material 准印证", "internal-material 发送对象", "internal-material 印刷单位", "internal-material 印刷日期", "internal-material 印数"}},
		"no number":           {func(i *issue.Issue) { i.Number, i.Total = 0, 0 }, []string{"internal-material 期号"}},
		"a periodical's name": {func(i *issue.Issue) { i.Title = "云溪茶报" }, []string{"internal-material 云溪茶报"}},
		"our reporter":        {func(i *issue.Issue) { article(i).Byline = "本刊记者 林晚" }, []string{"internal-material 本刊", "internal-material 记者"}},
		"a price":             {func(i *issue.Issue) { article(i).Blocks = []issue.Block{para("本册定价五元。")} }, []string{"internal-material 定价"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := input("zh-CN")
			in.Issue = bulletin()
			tc.change(&in.Issue)
			found, err := s.Lint(in, everyLint())
			if err != nil {
				t.Fatal(err)
			}
			ok := len(found) == len(tc.want)
			for n := 0; ok && n < len(found); n++ {
				code, part, _ := strings.Cut(tc.want[n], " ")
				ok = found[n].Code == code && strings.Contains(found[n].Text, part) && found[n].Severity == issue.Warning
			}
			if !ok {
				t.Errorf("found %v, want %q", found, tc.want)
			}
		})
	}
	in := input("zh-CN")
	in.Issue = bulletin()
	article(&in.Issue).Source = ""
	if found, err := s.Lint(in, map[Lint]issue.Severity{LintCredit: issue.Error}); err != nil || len(found) != 1 || found[0].Severity != issue.Error {
		t.Errorf("as an error: %v, %v", found, err)
	}
	if found, err := s.Lint(in, nil); err != nil || len(found) != 0 {
		t.Errorf("switched off: %v, %v", found, err)
	}
}

func TestDeadAnchors(t *testing.T) {
	page := `<a href="#a1">1</a><a href="#a2">2</a><a href="#a2">2</a><a href="#">top</a><a href="https://example.org/#a3">3</a><a name="a1"></a><p id="a4">`
	if got := fmt.Sprint(deadAnchors([]byte(page))); got != "[a2]" {
		t.Errorf("dead: %s", got)
	}
	s := set(t)
	d, err := s.Email(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	web, err := s.Web(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	if dead := slices.Concat(deadAnchors(d.HTML), deadAnchors(web)); len(dead) > 0 {
		t.Errorf("dead in our own: %v", dead)
	}
}
