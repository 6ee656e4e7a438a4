package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// document is one YAML file being read. It walks the nodes itself, so that it
// finds every error in one reading and knows the line of each.
type document struct {
	file, dir string // dir: relative paths start here
	getenv    func(string) string
	lines     map[string]int // key path to line
	literal   bool           // a secret is written out in the file itself
	findings  []Finding
	errs      Errors
}

// fail notes an error at key, or at the nearest key above it that the file has.
func (d *document) fail(key, code, text, hint string) {
	d.errs = append(d.errs, Error{File: d.file, Line: lineOf(d.lines, key), Key: key, Code: code, Text: text, Hint: hint})
}

func lineOf(lines map[string]int, key string) int {
	for {
		if line, ok := lines[key]; ok {
			return line
		}
		if key == "" {
			return 0
		}
		key = key[:max(0, strings.LastIndexByte(key, '.'))]
	}
}

// parse gives the root table of data, or nil when there is none to read.
func (d *document) parse(data []byte) *table {
	if line := badLine(data); line > 0 {
		d.lines[""] = line
		d.fail("", "encoding", "文件不是 UTF-8 编码", "请用编辑器另存为 UTF-8")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.fail("", "yaml-syntax", "无法读取 YAML："+err.Error(), "")
		return nil
	}
	var root, more yaml.Node
	if err := loader.Load(&root); err != nil && !errors.Is(err, io.EOF) {
		d.syntax(data, err)
		return nil
	}
	d.lines[""] = 1
	if err := loader.Load(&more); err == nil {
		d.lines[""] = more.Line
		d.fail("", "several-documents", "文件里有不止一份 YAML 文档", "删掉多余的“---”分隔行")
		return nil
	} else if !errors.Is(err, io.EOF) {
		d.syntax(data, err)
		return nil
	}
	if len(root.Content) == 0 {
		return d.table(nil, "")
	}
	top := root.Content[0]
	if top.Kind == yaml.ScalarNode && top.ShortTag() != "!!null" {
		// The scalar may hold a secret ("secret：abc" is one), so it is not shown.
		d.lines[""] = top.Line
		d.fail("", "yaml-syntax", "这里没有“配置项: 值”", "冒号要用半角“:”，后面空一格")
		return nil
	}
	if t := d.table(top, ""); len(d.errs) == 0 || top.Kind == yaml.MappingNode {
		return t
	}
	return nil // a list, say: what it lacks is not worth telling
}

// badLine gives the line of the first byte that is not UTF-8, or 0.
func badLine(data []byte) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return i + 1
		}
	}
	return 0
}

// quoted is what the YAML library quotes from the file: perhaps a secret.
var quoted = regexp.MustCompile(`'[^']*'?|"[^"]*"?`)

// syntax notes an error of the YAML library, with the usual causes as hint.
func (d *document) syntax(data []byte, err error) {
	line, text := 0, err.Error()
	var load *yaml.LoadError
	if errors.As(err, &load) {
		line, text = load.Mark.Line, load.Message
	}
	hint := "检查这一行和上一行的缩进、冒号和引号"
	lines := strings.Split(string(data), "\n")
	line = min(line, len(lines))
	if wide, mark, half := fullWidth(lines[:line]); wide > 0 {
		d.lines[""] = wide
		d.fail("", "yaml-syntax", "这一行的"+mark+"是全角的", mark+"要用半角“"+half+"”，后面空一格")
		return
	}
	near := strings.Join(lines[max(0, line-2):line], "\n")
	switch {
	case strings.Contains(near, "\t"):
		hint = "YAML 的缩进不能用制表符（Tab），请改成空格"
	case strings.Contains(text, "anchor") || strings.Contains(text, "tag"):
		hint = "以 *、&、! 开头的值要用引号括起来"
	}
	d.lines[""] = line
	d.fail("", "yaml-syntax", "YAML 语法错误："+quoted.ReplaceAllString(text, "…"), hint)
}

// A key and a full-width colon at the start of a line or of an entry in braces,
// and a full-width comma before another key: a Chinese keyboard gives these, and
// YAML stumbles over them only further down.
var (
	wideColon = regexp.MustCompile(`(?:^|[{,])\s*(?:- +)?[A-Za-z_.][A-Za-z0-9_.-]*\s*：`)
	wideComma = regexp.MustCompile(`\{[^#]*，\s*[A-Za-z_.][A-Za-z0-9_.-]*\s*[:：]`)
)

// fullWidth finds the last of lines with a full-width mark where YAML needs the
// other: its number, what the mark is called, and what to write. 0: there is none.
func fullWidth(lines []string) (line int, mark, half string) {
	for n, text := range slices.Backward(lines) {
		switch {
		case wideColon.MatchString(text):
			return n + 1, "冒号", ":"
		case wideComma.MatchString(text):
			return n + 1, "逗号", ","
		}
	}
	return 0, "", ""
}

// table is one mapping of the document. Its readers take a key and where the
// value goes; what nobody has asked for is unknown. A key that is left out,
// null or "" leaves the default.
type table struct {
	doc    *document
	path   string
	values map[string]*yaml.Node
	keys   []string // in the order of the file
	asked  []string
}

func (d *document) table(node *yaml.Node, path string) *table {
	t := &table{doc: d, path: path, values: make(map[string]*yaml.Node)}
	if node == nil || node.ShortTag() == "!!null" {
		return t
	}
	if node.Kind != yaml.MappingNode || !coreTag(node) {
		d.fail(path, "wrong-type", "这里应该是下一级的配置项", "换行后缩进，写成“配置项: 值”")
		return t
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		if key.Kind != yaml.ScalarNode {
			d.lines[t.at("?")] = key.Line
			d.fail(t.at("?"), "wrong-type", "配置项的名称应该是一个词", "")
			continue
		}
		name := t.at(key.Value)
		if _, twice := t.values[key.Value]; twice {
			first := d.lines[name]
			d.lines[name] = key.Line
			d.fail(name, "duplicate-key", fmt.Sprintf("这一项写了两次，第一次在第 %d 行", first), "删掉其中一个")
			continue
		}
		d.lines[name] = key.Line
		t.values[key.Value] = value
		t.keys = append(t.keys, key.Value)
	}
	return t
}

// resolve follows an alias; an anchor cannot be an alias itself.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// coreTag reports whether the node has no type of its own making. "!abc" is a
// tag and an empty value in YAML: a password, more likely.
func coreTag(node *yaml.Node) bool {
	return strings.HasPrefix(node.ShortTag(), "!!")
}

func (t *table) at(key string) string {
	if t.path == "" {
		return key
	}
	return t.path + "." + key
}

func (t *table) fail(key, code, text, hint string) { t.doc.fail(t.at(key), code, text, hint) }

// ask gives the value of key, or nil when the file leaves it out or empty.
func (t *table) ask(key string) *yaml.Node {
	t.asked = append(t.asked, key)
	node := t.values[key]
	if node == nil || isEmpty(node) {
		return nil
	}
	return node
}

// isEmpty reports whether a value says nothing: null, "", [], {} or a mapping
// of such values.
func isEmpty(node *yaml.Node) bool {
	if !coreTag(node) {
		return false
	}
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value == "" || node.ShortTag() == "!!null"
	case yaml.SequenceNode:
		return len(node.Content) == 0
	case yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			if !isEmpty(node.Content[i]) {
				return false
			}
		}
		return true
	default: // an alias: it may stand inside its own anchor
		return false
	}
}

// child gives the table under key, empty when the file has none.
func (t *table) child(key string) *table {
	return t.doc.table(t.ask(key), t.at(key))
}

// scalar gives the text of key as it is written. No message here shows the
// value, as it may be a secret.
func (t *table) scalar(key string) (string, bool) {
	node := t.ask(key)
	if node == nil {
		return "", false
	}
	return t.scalarOf(key, node)
}

func (t *table) scalarOf(key string, node *yaml.Node) (string, bool) {
	switch {
	case !coreTag(node):
		t.fail(key, "wrong-type", "值不能以 ! 开头", "用引号括起来")
	case node.Kind != yaml.ScalarNode:
		t.fail(key, "wrong-type", "这里应该是一个值，不是列表或下一级配置项", "值里有特殊字符时用引号括起来")
	case strings.ContainsFunc(node.Value, unicode.IsControl):
		t.fail(key, "control-character", "值里有换行或其他控制字符", "写成一行")
	default:
		return node.Value, true
	}
	return "", false
}

// wrong notes a value that could not be read, and how it should look.
func (t *table) wrong(key, value, example string) {
	t.fail(key, "bad-value", "看不懂“"+short40(value)+"”", "可以写："+example)
}

// short40 cuts a value that is shown in a message.
func short40(value string) string {
	if runes := []rune(value); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return value
}

// require notes a key that the file leaves out, with what to write there.
func (t *table) require(key, hint string) {
	if node := t.values[key]; node == nil || isEmpty(node) {
		t.fail(key, "missing", "必须填写", hint)
	}
}

// done notes every key that nobody has asked for.
func (t *table) done() {
	for _, key := range t.keys {
		if slices.Contains(t.asked, key) {
			continue
		}
		// "password:abc" without a blank is a key to YAML, and may be a secret.
		if name, _, found := strings.Cut(strings.ReplaceAll(key, "：", ":"), ":"); found {
			t.doc.errs = append(t.doc.errs, Error{
				File: t.doc.file, Line: t.doc.lines[t.at(key)], Key: t.at(name),
				Code: "yaml-syntax", Text: "冒号写得不对", Hint: "冒号要用半角“:”，后面空一格",
			})
			continue
		}
		hint := "可用的有：" + strings.Join(t.asked, "、")
		if meant := nearest(key, t.asked); meant != "" {
			hint = "是不是 " + meant + "？"
		}
		t.fail(key, "unknown-key", "没有这个配置项", hint)
	}
}
