package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// TestManual holds docs/configuration.md to the program. Which keys there are,
// which must be there, and what may be written is asked of the reader, by giving it
// files that it refuses; what a key is for is the comment in the sample; defaults
// and the English come from the types. A key without an explanation is an error.
func TestManual(t *testing.T) {
	m := manual{t: t, sample: explain(t), english: fieldComments(t)}
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(m.sample.settings), &tree); err != nil {
		t.Fatalf("%v in\n%s", err, m.sample.settings)
	}
	m.table(nil, tree)
	const path = "../docs/configuration.md"
	got := m.page()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/configuration.md is behind; run go test ./config -run TestManual -update\n%s", diff)
	}
}

type manual struct {
	t        *testing.T
	sample   explained
	english  map[string]string // by Type.Field, and by Type
	sections []section
}

// section is one table of the configuration.
type section struct {
	path    []string
	entries []entry
}

type entry struct {
	key, text, form, value, english string
	required                        bool
}

// nonsense is no key of any table.
const nonsense = "zzzzzzzz"

// table asks the reader for the keys of the table at path, whose settings in the
// sample are tree.
func (m *manual) table(path []string, tree map[string]any) {
	var keys, required []string
	own := false
	for _, e := range m.refused(path, map[string]any{nonsense: 1}) {
		parent, key := splitKey(e.Key)
		if parent != dotted(path) {
			continue
		}
		switch {
		case e.Code == "unknown-key":
			_, list, _ := strings.Cut(e.Hint, "可用的有：")
			keys = strings.Split(list, "、")
		case e.Code == "missing":
			required = append(required, key)
		case (e.Code == "wrong-type" || e.Code == "bad-value") && key == nonsense:
			// A table with keys of the user's own.
			keys, own = slices.Sorted(maps.Keys(tree))[:1], true
		}
	}
	if len(keys) == 0 {
		m.t.Fatalf("the reader does not tell the keys of %q", dotted(path))
	}
	at := len(m.sections)
	m.sections = append(m.sections, section{path: path})
	for _, key := range slices.Compact(keys) {
		below := append(slices.Clone(path), key)
		e := entry{key: shown(below), text: m.sample.text[starred(below)], required: slices.Contains(required, key)}
		if own && e.text == "" {
			e.text = m.sample.text[starred(path)]
		}
		switch value := tree[key].(type) {
		case map[string]any:
			m.table(below, value)
			if e.text == "" {
				continue // its keys explain themselves
			}
		case []any:
			if len(value) > 0 {
				if one, ok := value[0].(map[string]any); ok {
					m.table(append(below, "0"), one)
				}
			}
		}
		if e.text == "" {
			m.t.Errorf("%s has no explanation: write one into sample.yaml, above the key", shown(below))
		}
		if _, isTable := tree[key].(map[string]any); !isTable {
			e.form = m.form(below)
		}
		e.value, e.english = m.describe(below)
		m.sections[at].entries = append(m.sections[at].entries, e)
	}
}

// form is how a value is written, in the words in which the reader refuses others.
func (m *manual) form(path []string) string {
	var forms []string
	for _, value := range []any{"${", "-1ns", -1, "??"} {
		for _, e := range m.refused(path, value) {
			form := ""
			switch {
			case e.Key != dotted(path):
			case e.Code == "bad-reference":
				form = "值、`\"${变量名}\"` 或 `file:文件名`"
			case e.Code == "out-of-range":
				form, _, _ = strings.Cut(strings.TrimPrefix(e.Text, "必须"), "，")
			case e.Code == "wrong-type" || e.Code == "bad-value":
				_, form, _ = strings.Cut(e.Hint, "：")
			}
			if form != "" && strings.Trim(form, "0123456789") != "" && !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
	}
	return strings.Join(forms, "；")
}

// refused gives what the reader says to the sample with another value at path.
func (m *manual) refused(path []string, value any) Errors {
	var tree any
	if err := yaml.Unmarshal([]byte(m.sample.settings), &tree); err != nil {
		m.t.Fatal(err)
	}
	text, err := yaml.Marshal(replace(tree, path, value))
	if err != nil {
		m.t.Fatal(err)
	}
	file := filepath.Join(m.t.TempDir(), FileName)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	var errs Errors
	if _, err := Load(file, noEnv); err != nil && !errors.As(err, &errs) {
		m.t.Fatal(err)
	}
	return errs
}

func replace(tree any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch tree := tree.(type) {
	case map[string]any:
		tree[path[0]] = replace(tree[path[0]], path[1:], value)
	case []any:
		tree[0] = replace(tree[0], path[1:], value)
	}
	return tree
}

func splitKey(path string) (parent, key string) {
	at := strings.LastIndexByte(path, '.')
	return path[:max(0, at)], path[at+1:]
}

func dotted(path []string) string { return strings.Join(path, ".") }

// starred is a path as the explanations have it, shown as people read it.
func starred(path []string) string {
	var out []string
	for _, key := range path {
		if key == "0" || strings.Contains(key, ".") {
			key = "*"
		}
		out = append(out, key)
	}
	return dotted(out)
}

func shown(path []string) string {
	return strings.ReplaceAll(strings.ReplaceAll(starred(path), "domains.*", "domains.域名"), ".*", "[]")
}

// page writes it all down.
func (m *manual) page() string {
	var b strings.Builder
	b.WriteString(manualTop)
	for _, s := range m.sections {
		if len(s.entries) == 0 {
			continue
		}
		title := "最上层"
		if len(s.path) > 0 {
			title = "`" + shown(s.path) + "`"
		}
		fmt.Fprintf(&b, "\n## %s\n\n| 配置项 | 说明 | 写法 | 默认 |\n| --- | --- | --- | --- |\n", title)
		for _, e := range s.entries {
			value := code(e.value)
			if e.required {
				value = "**必填**"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.key, cell(e.text), cell(e.form), value)
		}
	}
	b.WriteString(manualEnglish)
	for _, s := range m.sections {
		for _, e := range s.entries {
			value := code(e.value)
			if e.required {
				value = "required"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.key, value, cell(e.english))
		}
	}
	return b.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

const manualTop = `# 配置

[English](#in-english)

配置写在一个文件里，叫 ` + "`yizhan.yaml`" + `；装了 Debian 包的在 ` + "`/etc/yizhan/yizhan.yaml`" + `。` + "`yizhan init`" + ` 生成一个带说明的，` + "`yizhan check`" + `
检查它，一次列出所有错误和行号。改了以后要重启服务才生效。

- 写成“名称: 值”，冒号用半角，后面空一格；缩进用空格。下面写作 ` + "`http.listen`" + ` 的，是 ` + "`http:`" + ` 下面缩进的 ` + "`listen:`" + `；
  写作 ` + "`schedules[].name`" + ` 的，是列表里每一项的 ` + "`name:`" + `。
- 不写、写成 ` + "`\"\"`" + ` 或 ` + "`[]`" + `，就是默认值；写错的、多写的名称都会报错，不会悄悄地不起作用。
- 密码一类的有三种写法：直接写；` + "`\"${变量名}\"`" + ` 从环境变量读；` + "`file:文件名`" + ` 从文件读。
- 不以 ` + "`/`" + ` 开头的路径，从配置文件所在的目录算起。

这一页由程序自己的测试生成，不会和程序不一致。
`

const manualEnglish = `
## In English

One YAML file; ` + "`yizhan init`" + ` writes a commented one and ` + "`yizhan check`" + ` tells everything that is wrong with it. Left out, ` + "`\"\"`" + ` and ` + "`[]`" + `
mean the default; an unknown key is an error. A secret is the value itself, ` + "`\"${NAME}\"`" + ` or ` + "`file:PATH`" + `. Relative paths start at
the file. This page is generated by a test, so that it cannot be behind the program.

| key | default | meaning |
| --- | --- | --- |
`
