package issue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChoose(t *testing.T) {
	article := []Article{{Kind: KindArticle, Title: "文"}}
	editorial := []Article{{Kind: KindEditorial}}
	is := Issue{Sections: []Section{
		{Name: "卷首语", Articles: editorial},
		{Name: "协会 要闻", Articles: article},
		{Name: "IT观察", Articles: article},
		{Name: "", Articles: article},
		{Name: "会员·动态", Articles: article},
	}}
	for _, c := range []struct {
		what  string
		names []string
		want  string
		ok    bool
	}{
		{"none chosen", nil, "", true},
		{"one, with what everybody gets", []string{"协会要闻"}, "1+2+4", true},
		{"width, case and punctuation", []string{"ｉｔ 观察", "【会员动态】"}, "1+3+4+5", true},
		{"every one", []string{"会员动态", "IT观察", "协会要闻"}, "", true},
		{"one that is not in this issue", []string{"海外", "IT观察"}, "1+3+4", true},
		{"none of this issue", []string{"海外"}, "", false},
		{"only punctuation", []string{"——"}, "", false},
		{"only what everybody gets", []string{"卷首语"}, "1+4", true},
	} {
		got, ok := is.Outline().Choose(c.names)
		if got.String() != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v, want %q, %v", c.what, got, ok, c.want, c.ok)
		}
	}
	plain := Issue{Sections: []Section{{Articles: article}}}
	if c, ok := plain.Outline().Choose([]string{"海外"}); c != nil || !ok {
		t.Errorf("an issue without sections: %v, %v, want the whole", c, ok)
	}
	if diff := cmp.Diff([]string{"协会 要闻", "IT观察"}, is.Outline().Names(Choice{1, 2, 3})); diff != "" {
		t.Error(diff)
	}
}

func TestChoiceIsKept(t *testing.T) {
	for _, c := range []Choice{nil, {0}, {1, 4, 11}} {
		got, err := ParseChoice(c.String())
		if err != nil || !cmp.Equal(c, got) {
			t.Errorf("%v came back as %v, %v", c, got, err)
		}
	}
	for _, text := range []string{"0", "a", "1+", "-1"} {
		if c, err := ParseChoice(text); err == nil {
			t.Errorf("%q was read as %v", text, c)
		}
	}
}

func TestChoiceCovers(t *testing.T) {
	for _, c := range []struct {
		a, b Choice
		want bool
	}{
		{nil, nil, true},
		{nil, Choice{1}, true},
		{Choice{1}, nil, false},
		{Choice{1, 2, 3}, Choice{1, 3}, true},
		{Choice{1, 2}, Choice{1, 3}, false},
	} {
		if got := c.a.Covers(c.b); got != c.want {
			t.Errorf("%v covers %v: %v", c.a, c.b, got)
		}
	}
}
