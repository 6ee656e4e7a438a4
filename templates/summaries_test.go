package templates

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"yizhan/issue"
)

// read reads a file into an issue.
func read(t testing.TB, path string) issue.Issue {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("%s is not here: %v", path, err)
	}
	r, err := issue.Read(path, data, issue.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Issue
}

// summaries is a table of an issue's summaries, to be judged by eye.
func summaries(i issue.Issue) string {
	var out strings.Builder
	out.WriteString("| | 标题 | 怎么来的 | 字 | 摘要 |\n| --- | --- | --- | --- | --- |\n")
	n := 0
	for _, sec := range i.Sections {
		for _, a := range sec.Articles {
			n++
			s, how := summary(a, leadMax), "摘录"
			switch {
			case a.Summary != "":
				how = "编者的摘要"
			case a.Kind == issue.KindProfile:
				how = "经营范围"
			case s == firstText(a):
				how = "全文或首段"
			case strings.HasPrefix(strings.Join(a.Paragraphs(), ""), strings.TrimSuffix(s, ellipsis)):
				how = "摘录，开头"
			}
			fmt.Fprintf(&out, "| %d | %s | %s | %d | %s |\n", n, strings.ReplaceAll(or(line(a.Title), line(sec.Name)), "|", `\|`), how, han(s), strings.ReplaceAll(s, "|", `\|`))
		}
	}
	return out.String()
}

const summariesTop = `# 摘要是怎么摘的

稿子里有“摘要”的，用编者自己的；没有的，从正文里原样摘一段，80 到 120 字，不断在词、括号和引号中间。从哪里摘起，看三样：位置（越靠前越好）、
标题里的词出现多少、从这里起够不够一段；以“但”“他”“其次”开头的、提问的、对话里的话让位。会员介绍取经营范围。
不满意就在稿子里写一行“摘要：……”。

下面是样刊《港城茗讯》总第 37 期的全部摘要，供用眼睛判断。由测试生成：` + "`go test ./templates -run TestSummaries -update`" + `。

`

// TestSummaries keeps docs/summaries.md: the summaries of the sample issue. Of the
// real bulletin, which is no part of the project, it prints the same table.
func TestSummaries(t *testing.T) {
	const page = "../docs/summaries.md"
	got := summariesTop + summaries(read(t, "../cmd/yizhan/sample/issue-37.txt"))
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is behind; run go test ./templates -run TestSummaries -update", page)
	}
	t.Run("real issue", func(t *testing.T) {
		i := read(t, "../../shared/seed/issue-142.txt")
		t.Logf("\n%s", summaries(i))
		for _, sec := range i.Sections {
			for _, a := range sec.Articles {
				if s := summary(a, leadMax); a.Summary == "" && a.Kind == issue.KindArticle && (han(s) > leadMax || han(s) < 40) {
					t.Errorf("%s: %d Han: %s", a.Title, han(s), s)
				}
			}
		}
	})
}
