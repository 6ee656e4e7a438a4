package issue

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// foreignBlocks reads the text of the one article of a Markdown file.
func foreignBlocks(t *testing.T, in string) []Block {
	t.Helper()
	res, err := Read("a.md", []byte("# 示例通讯\n\n2024年第3期 总第58期\n\n## 要闻\n\n### 标题在这里\n\n"+in), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Issue.Sections) != 1 || len(res.Issue.Sections[0].Articles) != 1 {
		t.Fatalf("sections: %+v", res.Issue.Sections)
	}
	if back, md := again(t, res.Issue); back.Hash() != res.Issue.Hash() {
		t.Errorf("the model does not come back:\n%s\n%s", cmp.Diff(res.Issue, back), md)
	}
	return res.Issue.Sections[0].Articles[0].Blocks
}

func TestForeignMarkdown(t *testing.T) {
	const href = "https://example.org/a_(b)"
	for _, c := range []struct {
		name, in string
		want     []Block
	}{
		{"links by reference", "见[此处][1]、[春耕][]和[那里](https://example.org/x)，[没有][2]，一句完整的话。\n\n[1]: " + href + " \"标题\"\n[春耕]: <" + href + ">\n", []Block{paragraphBlock("见此处、春耕和那里，[没有][2]，一句完整的话。", Span{From: 3, To: 9, Href: href}, Span{From: 12, To: 18, Href: href}, Span{From: 21, To: 27, Href: "https://example.org/x"})}},
		{"tags", "<p align=\"center\">先<b>要</b>点，<font color=red>红字</font>，<a href='" + href + "'>此处</a><!-- 不印 --></p>\n", []Block{paragraphBlock("先要点，红字，此处", Span{From: 3, To: 6, Strong: true}, Span{From: 21, To: 27, Href: href})}},
		{"breaks", "第一行是一句完整的话。<br>第二行也是一句完整的话。<br/>\n", []Block{paragraphBlock("第一行是一句完整的话。"), paragraphBlock("第二行也是一句完整的话。")}},
		{"other tags stay text", "看<script>alert(1)</script>这一句完整的话。\n", []Block{paragraphBlock("看<script>alert(1)</script>这一句完整的话。")}},
		{"code stays", "用 `<b>` 标记和 `[a][1]` 的一句话。\n\n[1]: https://example.org\n", []Block{paragraphBlock("用 <b> 标记和 [a][1] 的一句话。")}},
		{"pictures inside a line", "前面一句完整的话。![图](https://example.org/a.png \"说明\")后面一句完整的话。\n\n[![徽标](https://example.org/b.png)](https://example.org)\n\n<img src=\"https://example.org/c.png\" alt=\"丙\">\n", []Block{
			paragraphBlock("前面一句完整的话。"),
			{Kind: BlockImage, Text: "图", Spans: []Span{{To: 3, Href: "https://example.org/a.png"}}},
			paragraphBlock("后面一句完整的话。"),
			{Kind: BlockImage, Text: "徽标", Spans: []Span{{To: 6, Href: "https://example.org/b.png"}}},
			{Kind: BlockImage, Text: "丙", Spans: []Span{{To: 3, Href: "https://example.org/c.png"}}},
		}},
		{"notes", "产量上升了一成[^1]，一句完整的话。\n\n[^1]: 见年鉴。\n", []Block{paragraphBlock("产量上升了一成[1]，一句完整的话。"), {Kind: BlockItem, Text: "[1] 见年鉴。"}}},
		{"addresses in angle brackets", "见 <https://example.org/x> 的一句完整的话。\n", []Block{paragraphBlock("见 https://example.org/x 的一句完整的话。", Span{From: 4, To: 25, Href: "https://example.org/x"})}},
		{"link that does not end", "见 <a href=\"https://example.org\">此处，一句完整的话。\n", []Block{paragraphBlock("见 此处，一句完整的话。")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, foreignBlocks(t, c.in)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestFrontMatterOfOtherMakes reads the same bulletin under every kind of front
// matter.
func TestFrontMatterOfOtherMakes(t *testing.T) {
	const body = "\n# 要闻\n\n## 春耕开始了\n\n" + wordBody + "\n"
	for name, head := range map[string]string{
		"YAML":           "---\ntitle: 河湾通讯\ntotal: 58\ndate: 2024-03-05T08:00:00+08:00\ntags: [a, b]\neditors: 林某\n---\n",
		"YAML with text": "---\ntitle: 河湾通讯\ntotal: \"58\"\ndate: 2024-03-05 08:00\nauthor: 林某\neditors: [林某]\n---\n",
		"TOML":           "+++\ntitle = \"河湾通讯\"\ntotal = 58\ndate = 2024-03-05\ndraft = false\neditors = [\"林某\"]\n[params]\nx = 1\n+++\n",
		"TOML with time": "+++\ntitle = '河湾通讯'\ntotal = '58'\ndate = 2024-03-05T08:00:00+08:00\neditors = [{role = \"编辑\", name = \"林某\"}]\n+++\n",
		"Pelican":        "Title: 河湾通讯\nDate: 2024-03-05 08:00\nTotal: 58\nCategory: 通讯\nTags:\nEditors: 林某\n",
		"title with all": "---\ntitle: 河湾通讯（总第 58 期）：春天来了\ndate: 2024-03-05\neditors: 林某\n---\n",
	} {
		t.Run(name, func(t *testing.T) {
			res, err := Read("a.md", []byte(head+body), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			i := res.Issue
			if i.Title != "河湾通讯" || i.ID != "58" || i.Date != "2024-03-05" || i.Year != 2024 || !cmp.Equal(i.Editors, []Editor{{"编辑", "林某"}}) {
				t.Errorf("got %q, id %q, date %q, year %d, editors %v", i.Title, i.ID, i.Date, i.Year, i.Editors)
			}
			if len(i.Sections) != 1 || i.Sections[0].Name != "要闻" || i.Sections[0].Articles[0].Title != "春耕开始了" {
				t.Errorf("sections %+v", i.Sections)
			}
			if back, _ := again(t, i); back.Hash() != i.Hash() {
				t.Error("the model does not come back")
			}
		})
	}
	for name, head := range map[string]string{"TOML": "+++\ntitle = \n+++\n", "date": "Title: 河湾通讯\nDate: gestern\n"} {
		if _, err := read("a.md", []byte(head+body), ReadOptions{Number: 1}); err == nil || err.Code != "front-matter" || !strings.Contains(err.Hint, "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
