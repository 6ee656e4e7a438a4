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

// TestOrganBelow: an organ in brackets below a title signs the text; a place, a meeting
// or a kind of text there does not.
func TestOrganBelow(t *testing.T) {
	for line, want := range map[string]bool{
		"（本会秘书处）": true, "(本刊编辑部)": true, "（湖滨市商务委员会）": true, "（港城日报）": true, "（茶叶检测中心）": true, "（教育委员会办公室）": true,
		"（试行）": false, "（征求意见稿）": false, "（浦东新区）": false, "（第三次会员大会）": false, "（理事会换届会议）": false, "（2026年修订）": false,
		"（节选）": false, "（上）": false, "（第一部分）": false, "（下半部）": false, "本会秘书处": false, "（周晓棠）": false, "（湖滨站）": false,
	} {
		if got := organBelow(line); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
	text := "云溪茶讯\n2026年9月 第5期 总第12期\n云溪茶业协会主办\n\n【本期目录】\n要闻\n  秋茶品鉴会圆满举行\n  茶叶包装新规十月起施行\n\n要闻\n\n" +
		"秋茶品鉴会圆满举行\n（本会秘书处）\n九月十二日，协会在云溪会馆举办秋茶品鉴会，来自各地的六十多位会员参加了活动。\n\n" +
		"茶叶包装新规十月起施行\n（第三次会员大会）\n市场监管部门发布茶叶包装新规，自十月一日起施行。\n（来源：云溪日报）\n"
	r, err := Read("x.txt", []byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a := r.Issue.Sections[0].Articles
	if a[0].Source != "本会秘书处" || len(a[0].Blocks) != 1 || a[1].Source != "云溪日报" || len(a[1].Blocks) != 2 {
		t.Errorf("%+v", a)
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
