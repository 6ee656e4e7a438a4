package issue

import (
	"strings"
	"testing"
)

func TestCreditSpellings(t *testing.T) {
	for line, want := range map[string]string{
		"（来源：港城日报）":            "source=港城日报",
		"(来源: 港城 日报 摘自: 茶网)":    "source=港城 日报 from=茶网",
		"（来源：港城日报 作者：何晓）":      "source=港城日报 by=何晓",
		"[摘自：茶网]":              "from=茶网",
		"（转载自《港城日报》2026年3月1日）": "from=《港城日报》2026年3月1日",
		"（原载《港城日报》）":           "from=《港城日报》",
		"来源：港城日报":              "source=港城日报",
		"作者：张三":                "by=张三",
		"文/图 张三":               "by=张三",
		"文／图：张三":               "by=张三",
		"图、文/张三":               "by=张三",
		"文/张三 图/李四":            "by=文/张三 图/李四",
		"本刊记者 王五":              "by=本刊记者 王五",
		"（此件公开发布）":             "",
		"（见下图）":                "",
		"（一）总体要求":              "",
	} {
		c := parseCredit(line)
		var got []string
		for _, f := range [][2]string{{"source=", c.source}, {"from=", c.excerpted}, {"by=", c.byline()}} {
			if c.ok && f[1] != "" {
				got = append(got, f[0]+f[1])
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %q, want %q", line, g, want)
		}
	}
}
