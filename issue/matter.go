package issue

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Front matter of other makes: TOML between +++ as Hugo writes it, lines of
// "Key: value" without any fence as Pelican does, YAML with keys of its own. All of
// it is read leniently: what is not known is said and left.

// pelicanLine is a line of Pelican's metadata.
var pelicanLine = regexp.MustCompile(`^([A-Za-z][A-Za-z_ -]{1,20}|标题|刊名|日期|作者|期号|总期号):[ \t]*(\S.*)?$`)

// knownElsewhere are the keys that other programs use and that mean nothing for
// an issue.
var knownElsewhere = []string{
	"author", "authors", "categories", "category", "tags", "slug", "draft", "layout", "type", "description", "summary", "keywords", "lang", "language", "url", "permalink", "aliases",
	"lastmod", "modified", "updated", "publishdate", "status", "weight", "toc", "comments", "cover", "image", "images", "series", "template", "excerpt", "subtitle", "volume",
}

// tomlMatter parts TOML front matter from the text.
func tomlMatter(text string, f *findings) (m matter, body string, first int, ok bool, err *ReadError) {
	rest, ok := strings.CutPrefix(text, "+++\n")
	if !ok {
		return m, text, 1, false, nil
	}
	head, body, ok := strings.Cut("\n"+rest, "\n+++\n")
	if !ok {
		return m, text, 1, false, nil
	}
	values := map[string]any{}
	if failed := toml.Unmarshal([]byte(head), &values); failed != nil {
		return m, "", 0, true, &ReadError{Code: "front-matter", Line: 1, Text: "文件头（+++ 之间）读不懂：" + clip(tidy(failed.Error())), Hint: "TOML 的写法是 名称 = \"内容\"，每行一项"}
	}
	m, err = lenient(values, f)
	return m, body, 2 + strings.Count(head+"\n", "\n"), true, err
}

// pelicanMatter parts Pelican's metadata from the text.
func pelicanMatter(text string, f *findings) (m matter, body string, first int, ok bool, err *ReadError) {
	values := map[string]any{}
	lines := strings.Split(text, "\n")
	n := 0
	for ; n < len(lines); n++ {
		l := pelicanLine.FindStringSubmatch(lines[n])
		if l == nil {
			break
		}
		values[strings.ToLower(strings.TrimSpace(l[1]))] = strings.TrimSpace(l[2])
	}
	title := values["title"] != nil || values["标题"] != nil || values["刊名"] != nil
	if !title || len(values) < 2 || n < len(lines) && strings.TrimSpace(lines[n]) != "" {
		return m, text, 1, false, nil
	}
	m, err = lenient(values, f)
	return m, strings.Join(lines[n:], "\n"), 1 + n, true, err
}

// lenient takes what it knows out of front matter of any make.
func lenient(values map[string]any, f *findings) (matter, *ReadError) {
	v := func(keys ...string) string {
		for _, k := range keys {
			if s := scalar(values[k]); s != "" {
				return s
			}
		}
		return ""
	}
	m := matter{
		ID: v("id"), Title: v("title", "标题", "刊名"), Number: number(v("number", "期号")), Total: number(v("total", "issue", "总期号")), Year: number(v("year")),
		Supplement: v("supplement"), Publisher: v("publisher"), PublisherEN: v("publisher_en"), Sponsor: v("sponsor"), Notice: v("notice"),
		Combined: v("combined") == "true",
	}
	if printed := v("date", "日期"); printed != "" {
		date, _ := dateIn(clip(printed))
		if date == "" {
			date = englishDate(clip(printed))
		}
		if date == "" {
			return m, &ReadError{Code: "front-matter", Line: 1, Text: "文件头的 date 是“" + clip(printed) + "”，不是日期", Hint: "请写成 2015-04-30"}
		}
		m.Date = date
	}
	if list, ok := values["months"].([]any); ok {
		for _, x := range list {
			if n := number(scalar(x)); n >= 1 && n <= 12 {
				m.Months = append(m.Months, n)
			}
		}
	}
	m.Editors = editorsOf(values["editors"])
	var unknown []string
	for key := range values {
		if !knownKey[key] && !slices.Contains([]string{"标题", "刊名", "日期", "期号", "总期号", "issue"}, key) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		severity := Warning
		if slices.Contains(knownElsewhere, strings.ToLower(key)) || key == "作者" {
			severity = Info
		}
		f.add("front-matter-unknown", 1, severity, fmt.Sprintf("文件头里的“%s”不认识，未收入；可用的有 title、number、total、date、publisher 等", clip(key)))
	}
	return m, nil
}

// editorsOf reads a list of {role, name}, of names, or one name.
func editorsOf(value any) []matterEditor {
	switch v := value.(type) {
	case string:
		return []matterEditor{{Role: "编辑", Name: v}}
	case []any:
		var out []matterEditor
		for _, one := range v {
			if m, ok := one.(map[string]any); ok {
				out = append(out, matterEditor{Role: scalar(m["role"]), Name: scalar(m["name"])})
			} else if s := scalar(one); s != "" {
				out = append(out, matterEditor{Role: "编辑", Name: s})
			}
		}
		return out
	}
	return nil
}

func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return tidy(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.DateOnly)
	case fmt.Stringer: // the local dates of TOML
		return v.String()
	}
	return ""
}
