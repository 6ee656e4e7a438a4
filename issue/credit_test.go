package issue

import (
	"strings"
	"testing"
)

func TestCreditSpellings(t *testing.T) {
	for line, want := range map[string]string{
		"（来源：港城日报）":              "source=港城日报",
		"(来源: 港城 日报 摘自: 茶网)":     "source=港城 日报 from=茶网",
		"（来源：港城日报 作者：何晓）":        "source=港城日报 by=何晓",
		"[摘自：茶网]":                "from=茶网",
		"（转载自《港城日报》2026年3月1日）":   "from=《港城日报》2026年3月1日",
		"（原载《港城日报》）":             "from=《港城日报》",
		"来源：港城日报":                "source=港城日报",
		"作者：张三":                  "by=张三",
		"文/图 张三":                 "by=张三",
		"文／图：张三":                 "by=张三",
		"图、文/张三":                 "by=张三",
		"文/张三 图/李四":              "by=文/张三 图/李四",
		"本刊记者 王五":                "by=本刊记者 王五",
		"（《湖滨晚报》记者 陈一舟）":         "source=《湖滨晚报》 by=记者 陈一舟",
		"（据新华社电）":                "source=新华社",
		"（据《湖滨晚报》5月3日报道）":        "source=《湖滨晚报》",
		"（本刊综合）":                 "source=本刊综合",
		"（教研室  杜衡）":              "by=教研室 杜衡",
		"□ 湖滨二中 方青":              "by=湖滨二中 方青",
		"○ 段青禾":                  "by=段青禾",
		"○ 要闻":                   "",
		"文｜老秦":                   "by=老秦",
		"Source: Port Authority": "source=Port Authority",
		"By Jane Doe":            "by=Jane Doe",
		"（作者系湖滨二中教师 选自《会友文集》）":    "from=《会友文集》 by=湖滨二中教师",
		"（原载《湖滨晚报》2023年第4期，略有改动）": "from=《湖滨晚报》2023年第4期",
		"（原载《湖滨晚报》，有删节）":          "from=《湖滨晚报》",
		"（湖滨镇人民政府）":               "", // a credit only at the end of a text
		"（此件公开发布）":                "",
		"（见下图）":                   "",
		"（一）总体要求":                 "",
	} {
		c := parseCredit(line)
		var got []string
		for _, f := range [][2]string{{"source=", c.source}, {"from=", c.excerpted}, {"by=", strings.Join(strings.Fields(c.byline()), " ")}} {
			if c.ok && f[1] != "" {
				got = append(got, f[0]+f[1])
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %q, want %q", line, g, want)
		}
	}
}

func TestCreditsAtTheEnd(t *testing.T) {
	for text, want := range map[string]string{
		"雨停了，船也回来了。（湖滨镇人民政府）": "湖滨镇人民政府",
		"雨停了，船也回来了。（湖滨日报）":    "湖滨日报",
		"雨停了，船也回来了。（见下图）":     "",
		"他在县政府（湖滨镇人民政府）":      "",
	} {
		if _, c := splitCredit(text); c.source != want {
			t.Errorf("%s: source %q, want %q", text, c.source, want)
		}
	}
}

func TestEditorsIn(t *testing.T) {
	for line, want := range map[string]string{
		"责任编辑　何小舟　　校　对　杜若":      "责任编辑=何小舟 校对=杜若",
		"编辑：周帆 ｜ 审核：吴越":         "编辑=周帆 审核=吴越",
		"编辑：周帆｜审核：吴越、罗平":        "编辑=周帆 审核=吴越 审核=罗平",
		"排　版：白云　制　版：湖光印社　美编：白鹭": "排版=白云 制版=湖光印社 美编=白鹭",
		"印刷：湖光印社":               "印刷=湖光印社",
		"主编 张　三 校对":             "",
	} {
		var got []string
		for _, e := range editorsIn(line) {
			got = append(got, e.Role+"="+e.Name)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %q, want %q", line, g, want)
		}
	}
}
