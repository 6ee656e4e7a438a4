package issue

import (
	"strings"
	"testing"
)

// TestDiagnostics changes one thing in the sample and looks for what is said
// about it, and where.
func TestDiagnostics(t *testing.T) {
	text := string(sample(t))
	plain, err := Read("a.txt", []byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plain.Diagnostics {
		if d.Severity != Info {
			t.Errorf("the sample itself gives %+v", d)
		}
	}
	for _, c := range []struct {
		name, old, new string
		code           string
		at             string // the line that the diagnostic points to; "" for none
	}{
		{"section renamed", "【学堂】\n\n", "【讲堂】\n\n", "section-differs", "【讲堂】"},
		{"title changed", "一根竹子的十二道工序\n文", "一根竹子要过的十二道工序\n文", "title-differs", "一根竹子要过的十二道工序"},
		{"title with other punctuation", "竹材收购价连续三个月回升\n\n", "竹材收购价，连续三个月回升\n\n", "title-differs", "竹材收购价，连续三个月回升"},
		{"entry without article", "【新会员】	\n", "竹子开花怎么办	2\n【新会员】	\n", "contents-without-article", "竹子开花怎么办	2"},
		{"article not in the contents", "【新会员】\n\n", "山里来信\n作者：石门\n\n山里今年雨水多，竹笋出得早，大家都忙。\n\n【新会员】\n\n", "article-not-in-contents", "山里来信"},
		{"gap in the numbers", "2、锯", "3、锯", "numbering-gap", "3、锯"},
		{"no credit", "（来源：河谷市场网 摘自：竹业观察）\n\n", "", "credit-missing", "竹材收购价连续三个月回升"},
		{"joined", "", "", "paragraphs-joined", ""},
		{"no total", "总第37期", "", "total-missing", ""},
		{"no date", "", "", "date-missing", ""},
		{"two dates", "责任编辑：闵山", "责任编辑：闵山\n出版日期：2023年10月15日\n印刷日期：2023年10月16日", "date-twice", "印刷日期：2023年10月16日"},
		{"print run", "责任编辑：闵山", "责任编辑：闵山\n印数：500册", "colophon-line", "印数：500册"},
		{"section without counterpart", "【学堂】\n\n", "", "contents-without-article", "【学堂】	"},
		{"co-organiser", "河谷竹业协会主办", "河谷竹业协会主办\n竹编研究会协办", "masthead-line", "竹编研究会协办"},
		{"page number", "【学堂】\n\n", "— 4 —\n\n【学堂】\n\n", "page-number", "— 4 —"},
		{"empty section", "【学堂】\n\n", "【读者来信】\n\n【学堂】\n\n", "section-empty", "【读者来信】"},
		{"supplement", "第5期总第37期", "增刊总第37期", "supplement", "2023年9、10月合刊增刊总第37期"},
		{"two numbers", "第5期", "第5-6期", "combined-number", "2023年9、10月合刊第5-6期总第37期"},
		{"date in a credit", "摘自：竹乡旧事)", "摘自：竹乡旧事 日期：2020年)", "credit-unplaced", "(摘自：竹乡旧事 日期：2020年)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := text
			if c.old != "" {
				i := strings.LastIndex(text, c.old)
				if i < 0 {
					t.Fatalf("the sample has no %q", c.old)
				}
				changed = text[:i] + c.new + text[i+len(c.old):]
			}
			res, err := Read("a.txt", []byte(changed), ReadOptions{Number: 5})
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(changed, "\n")
			for _, d := range res.Diagnostics {
				if d.Code == c.code && (c.at == "" || d.Line > 0 && lines[d.Line-1] == c.at) {
					return
				}
			}
			t.Errorf("no %s at %q in %+v", c.code, c.at, res.Diagnostics)
		})
	}
}

func TestDiagnosticsOfTheRealIssue(t *testing.T) {
	data, _ := readSeed(t)
	res, err := Read("issue-142.txt", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]int{}
	for _, d := range res.Diagnostics {
		got[d.Code] = append(got[d.Code], d.Line)
	}
	if len(got["section-differs"]) != 1 || got["section-differs"][0] != 133 {
		t.Errorf("section-differs at %v, want line 133", got["section-differs"])
	}
	if n := len(got["contents-without-article"]) + len(got["article-not-in-contents"]); n > 0 {
		t.Errorf("contents and body do not match: %v", got)
	}
	for _, d := range res.Diagnostics {
		if d.Code == "paragraphs-joined" && !strings.Contains(d.Text, " 34 ") {
			t.Errorf("joined: %s, want 34", d.Text)
		}
	}
}

// TestDoubtfulTexts reads texts that only a person can part, and looks for the
// diagnostic that says so.
func TestDoubtfulTexts(t *testing.T) {
	const head = "河口渔讯\n总第7期\n\n【来稿】\n\n"
	for _, c := range []struct {
		name, text, code string
		line             int
	}{
		{"poems without names", "渔歌两首\n\n出海\n风从岬角来，\n帆向日边开。\n\n归航\n灯塔一星明，\n潮声万里平。\n", "poems-together", 8},
		{"a poem", "出海\n\n石门\n\n风从岬角来，\n帆向日边开。\n灯塔一星明，\n潮声万里平。\n", "", 0},
		{"a credit inside a text", "船检开始\n\n船检昨天在码头开始，共有四十条船参加。\n（来源：渔业站）\n鱼价平稳，每斤十元，和上个月一样，大家都很满意。\n", "credit-inside", 9},
	} {
		res, err := Read("a.txt", []byte(head+c.text), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		code, line := "", 0
		for _, d := range res.Diagnostics {
			if d.Severity == Warning {
				code, line = d.Code, d.Line
			}
		}
		if code != c.code || line != c.line {
			t.Errorf("%s: %s in line %d, want %s in line %d: %+v", c.name, code, line, c.code, c.line, res.Diagnostics)
		}
	}
}

// TestLinkedSource keeps the text of a source and tells of its link.
func TestLinkedSource(t *testing.T) {
	res, err := Read("a.md", []byte("# 河口渔讯 总第7期\n\n## 要闻\n\n### 船检\n\n船检开始，用 `--all` 看全部。\n\n来源：[渔业站](https://example.org/a)\n\n### 鱼价\n\n平稳。\n"), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a := res.Issue.Sections[0].Articles[0]
	if a.Source != "渔业站" || a.Blocks[0].Text != "船检开始，用 --all 看全部。" {
		t.Errorf("source %q, text %q", a.Source, a.Blocks[0].Text)
	}
	for _, d := range res.Diagnostics {
		if d.Line == 9 && d.Code == "credit-unplaced" && strings.Contains(d.Text, "https://example.org/a") {
			return
		}
	}
	t.Errorf("the link is not told: %+v", res.Diagnostics)
}
