package templates

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTypeset(t *testing.T) {
	for in, want := range map[string]string{
		"":              "",
		"茶":             "茶",
		"10月12日下午":      "10|月|12|日下午",
		"2025 年受理 46 件": "2025|年受理|46|件",
		"用B2C平台":        "用|B2C|平台",
		"增长3.14%的":      "增长|3.14%|的",
		"揭晓 “无名杯”喝到第三轮": "揭晓“无名杯”喝到第三轮",
		"“一库两账”： 六问":    "“一库两账”：六问",
		"为什么（ 试行 ）":     "为什么（试行）",
		"所谓“互联网+”行动":    "所谓“互联网+”行动",
		"价格$5起":         "价格|$5|起",
		"“码” 贴上去":       "“码”贴上去",
		"会员交流 请勿外传":     "会员交流 请勿外传",
		"Tea and coffee, said “the nose” of 1979.": "Tea and coffee, said “the nose” of 1979.",
		"见 “Tea Notes” 一书":                         "见“Tea Notes”一书",
		"第37期":                                     "第|37|期",
		"A，B，茶":                                    "A，B，茶",
		" 详情见":                                     " 详情见",
		"气温30℃以上":                                  "气温|30℃|以上",
		"カタカナABC茶":                                 "カタカナABC|茶",
	} {
		want = strings.ReplaceAll(want, "|", string(thin))
		if got := typeset(in); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", in, got, want)
		}
	}
}

// TestTypesetProperty: only spaces change, and a second time nothing does.
func TestTypesetProperty(t *testing.T) {
	atom := rapid.SampledFrom([]string{"茶", "云溪", "，", "。", "“", "”", "（", "）", " ", string(thin), "B2C", "3.14", "%", "a", "——", "·", "ア", "$", "\u00a0"})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(atom, 0, 30).Draw(t, "parts"), "")
		got := typeset(s)
		if squeeze(got) != squeeze(s) {
			t.Fatalf("%q became %q", s, got)
		}
		if again := typeset(got); again != got {
			t.Fatalf("%q became %q, and then %q", s, got, again)
		}
	})
}
