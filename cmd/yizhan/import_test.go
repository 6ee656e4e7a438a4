package main

import (
	"bytes"
	"strings"
	"testing"

	"yizhan/issue"
)

// TestOutlineOfNamelessSection: an issue may be without sections; no empty
// brackets stand for them.
func TestOutlineOfNamelessSection(t *testing.T) {
	var out bytes.Buffer
	c := &call{program: program{stdout: &out}}
	err := c.outline(issue.Issue{Title: "港城茗讯", Sections: []issue.Section{{Articles: []issue.Article{{Title: "秋茶上市"}, {}}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "【") || !strings.Contains(got, "\n（没有栏目名） 2 篇\n  秋茶上市\n  （没有标题）\n") {
		t.Errorf("the outline is\n%s", got)
	}
}
