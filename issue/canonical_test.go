package issue

import (
	"slices"
	"strings"
	"testing"
)

const canonicalBulletin = `---
format: yizhan/1
title: 河口渔讯
total: 7
contents:
  - article: 开渔寄语
  - section: 要闻
  - {article: 船检开始, page: 2}
  - {article: 鱼价平稳, page: 3}
---

# 开渔寄语

开渔了。

# 要闻

## 船检开始

### 一、时间

九月。

## 鱼价平稳

平稳。
`

// TestCanonicalContents changes one thing in a canonical file and looks for what
// is said about it, and where.
func TestCanonicalContents(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string // code and the text of its line
	}{
		{"as it should be", "", "", nil},
		{"heading lost", "## 鱼价平稳\n", "\n", []string{"contents-without-article @   - {article: 鱼价平稳, page: 3}"}},
		{"another title", "## 鱼价平稳\n", "## 鱼价十分平稳\n", []string{"title-differs @ ## 鱼价十分平稳"}},
		{"section renamed", "# 要闻\n", "# 新闻\n", []string{"section-differs @ # 新闻"}},
		{"one more", "## 鱼价平稳\n", "## 灯塔修缮\n\n修好了。\n\n## 鱼价平稳\n", []string{"article-not-in-contents @ ## 灯塔修缮"}},
		{"article as a heading", "## 鱼价平稳\n", "### 鱼价平稳\n", []string{"contents-without-article @   - {article: 鱼价平稳, page: 3}", "heading-level @ ### 鱼价平稳"}},
		{"level left out", "### 一、时间\n", "#### 一、时间\n", []string{"heading-level @ #### 一、时间"}},
	} {
		text := canonicalBulletin
		if c.old != "" {
			text = strings.Replace(text, c.old, c.new, 1)
		}
		res, err := Read("a.md", []byte(text), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		lines := strings.Split(text, "\n")
		for _, d := range res.Diagnostics {
			if d.Line > 0 {
				got = append(got, d.Code+" @ "+lines[d.Line-1])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFrontMatterPunctuation names what is wrong, with its own line.
func TestFrontMatterPunctuation(t *testing.T) {
	for _, c := range []struct {
		head string
		line int
		text string
	}{
		{"format: yizhan/1\ntitle：河口渔讯\ntotal: 7", 3, "全角冒号"},
		{"title: 河口渔讯\ntotal：7", 3, "全角冒号"},
		{"title: 河口渔讯\nmonths: [3，4]", 3, "全角逗号"},
		{"title: 河口渔讯\neditors:\n  - {role：编辑, name: 石门}", 4, "全角冒号"},
		{"title:河口渔讯\ntotal: 7", 2, "没有空格"},
		{"title: \"甲：乙，丙\"\nnumber: [", 0, "读不懂"},
	} {
		_, err := read("a.md", []byte("---\n"+c.head+"\n---\n\n# 要闻\n\n## 标题\n\n正文。\n"), ReadOptions{})
		if err == nil || c.line > 0 && err.Line != c.line || !strings.Contains(err.Text, c.text) {
			t.Errorf("%q: %v, want line %d, %s", c.head, err, c.line, c.text)
		}
	}
}
