package templates

import (
	"fmt"
	"strings"
	"testing"

	"yizhan/issue"
)

// pictured gives articles 2, 3 and 4 of a bulletin pictures, the second two of them.
func pictured(in Input) Input {
	in.Pictures = map[string]string{}
	n := 0
	for i := range in.Issue.Sections {
		for j := range in.Issue.Sections[i].Articles {
			if n++; n < 2 || n > 4 {
				continue
			}
			a := &in.Issue.Sections[i].Articles[j]
			for k := range map[bool]int{true: 2, false: 1}[n == 2] {
				name := fmt.Sprintf("%d-%d.png", n, k)
				a.Blocks = append(a.Blocks, issue.Block{Kind: issue.BlockImage, Text: "图 " + name, Image: &issue.Image{Name: name, Width: 40, Height: 30}})
				in.Pictures[name] = "http://mmbiz.qpic.cn/" + name + "?a=1&b=2"
			}
		}
	}
	return in
}

// TestFigures: an article shows the first picture of each article for which there
// is an address, and WeChat leaves it there.
func TestFigures(t *testing.T) {
	s := set(t)
	in := pictured(input("zh-CN"))
	delete(in.Pictures, "3-0.png")
	a, err := s.Article(in) // checked: the filter takes nothing out
	if err != nil {
		t.Fatal(err)
	}
	inside(t, a, in)
	want := `<img src="http://mmbiz.qpic.cn/2-0.png?a=1&amp;b=2" alt="图 2-0.png" style="max-width:100%;height:auto"/>`
	if !strings.Contains(a.Content, want) || strings.Count(a.Content, "<img") != 2 || !strings.Contains(a.Content, "/4-0.png") {
		t.Errorf("the pictures are not there:\n%s", a.Content)
	}
	if got := Illustrations(in); len(got) != 3 || got[0].Name != "2-0.png" || got[0].Article == "" {
		t.Errorf("illustrations %+v", got)
	}
	at := 0
	for i, sec := range in.Issue.Sections {
		if len(sec.Articles) > 0 && len(Illustrations(Input{Issue: in.Issue, Locked: []int{i}})) < 3 {
			at = i
			break
		}
	}
	in.Locked = []int{at}
	locked, err := s.Article(in)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(locked.Content, "2-0.png") {
		t.Error("a picture of a text for members is in the article")
	}
	for _, page := range []string{"email"} {
		mail, err := s.Email(in)
		if err != nil || strings.Contains(string(mail.HTML), "mmbiz") {
			t.Errorf("%s: a picture of WeChat's, %v", page, err)
		}
	}
}

// TestNoRoomForFigures: where there is no room, pictures go before leads, and a
// diagnostic says so.
func TestNoRoomForFigures(t *testing.T) {
	in := input("zh-CN")
	in.Issue = many(80, 37)
	in = pictured(in)
	a, err := set(t).Article(in)
	if err != nil {
		t.Fatal(err)
	}
	inside(t, a, in)
	said := false
	for _, d := range a.Diagnostics {
		said = said || d.Code == "wechat-pictures" && strings.Contains(d.Text, "3 张")
	}
	if strings.Contains(a.Content, "<img") || !said {
		t.Errorf("diagnostics %v", a.Diagnostics)
	}
}
