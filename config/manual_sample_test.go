package config

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// explained is the sample as the manual reads it: what its comments say about
// each key, and its settings, with those that are commented out switched on.
type explained struct {
	text     map[string]string // by key path; entries of lists and of free tables are "*"
	settings string            // YAML
}

var (
	// Prose has a full-width colon, so this is a setting.
	settingForm = regexp.MustCompile(`^( *)(- )?([a-z0-9_.]+):(?: +(.*))?$`)
	commentForm = regexp.MustCompile(`^( *)#(.*)$`)
	trailing    = regexp.MustCompile(`^(.*?) +# (.*)$`)
)

// explain reads the sample line by line: a comment belongs to the key below it.
func explain(t *testing.T) explained {
	t.Helper()
	e := explained{text: make(map[string]string)}
	var open []opened
	var lines, above []string
	for _, line := range strings.Split(strings.ReplaceAll(string(sample), "{{secret}}", testSecret), "\n") {
		if m := commentForm.FindStringSubmatch(line); m != nil {
			body := strings.TrimPrefix(m[2], " ")
			switch inner := commentForm.FindStringSubmatch(body); {
			case settingForm.MatchString(body):
				line = m[1] + body
			case inner != nil: // about a setting that is commented out itself
				above = append(above, strings.TrimPrefix(inner[2], " "))
				continue
			default:
				above = append(above, body)
				continue
			}
		} else if line == "" {
			above = nil
			continue
		}
		m := settingForm.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("the sample has a line that the manual cannot read: %s", line)
		}
		indent, entry, key, value := len(m[1]), m[2], m[3], m[4]
		for len(open) > 0 && open[len(open)-1].indent >= indent {
			open = open[:len(open)-1]
		}
		if entry != "" {
			open = append(open, opened{"*", indent})
			indent += len(entry)
		}
		if len(open) > 0 && (open[len(open)-1].indent < indent && len(lines) > 0) {
			lines[len(lines)-1] = emptyValue.ReplaceAllString(lines[len(lines)-1], ":")
		}
		if strings.Contains(key, ".") {
			key = "*"
		}
		open = append(open, opened{key, indent})
		path := pathOf(open)
		text := join(above)
		if c := trailing.FindStringSubmatch(value); c != nil && !strings.Contains(c[1], `"#`) {
			value, text = c[1], text+c[2]
		}
		if _, twice := e.text[path]; !twice {
			e.text[path] = text
			e.inline(path, value, above)
		}
		above = nil
		lines = append(lines, line)
	}
	e.settings = strings.Join(lines, "\n")
	return e
}

type opened struct {
	key    string
	indent int
}

// emptyValue is what a key has while the settings below it are commented out.
var emptyValue = regexp.MustCompile(`: (?:\[\]|\{\}|"")$`)

func pathOf(open []opened) string {
	var keys []string
	for _, one := range open {
		keys = append(keys, one.key)
	}
	return strings.Join(keys, ".")
}

// join makes one text of lines; what is indented keeps a line of its own.
func join(lines []string) string {
	out := ""
	for _, line := range lines {
		if words := strings.Fields(line); strings.HasPrefix(line, " ") {
			out += "<br>`" + strings.Join(words, " ") + "`<br>"
		} else {
			out += strings.TrimSpace(line)
		}
	}
	out = strings.TrimSuffix(strings.ReplaceAll(out, "<br><br>", "<br>"), "<br>")
	return strings.ReplaceAll(out, "【必改】", "")
}

// inline explains the keys of a table in braces: the comment above it, or above
// the table that it stands in, has a clause that names each.
func (e explained) inline(path, value string, above []string) {
	var table map[string]any
	if !strings.HasPrefix(value, "{") || yaml.Unmarshal([]byte(value), &table) != nil {
		return
	}
	text := join(above)
	if text == "" {
		text = e.text[path[:max(0, strings.LastIndexByte(path, '.'))]]
	}
	for key := range table {
		names := regexp.MustCompile(`(?:^|[^a-z_])` + key + ` `)
		for _, clause := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("；。：", r) }) {
			if names.MatchString(clause) {
				e.text[path+"."+key] = strings.TrimPrefix(clause, key+" 是") + "。"
			}
		}
	}
}
