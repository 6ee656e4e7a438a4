package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/mail"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// describe gives the default of the key at path and the English comment of its
// field. A field has the name of its key, but for case and underscores.
func (m *manual) describe(path []string) (value, english string) {
	at := reflect.ValueOf(*m.loaded(path))
	owner, name := "", ""
	for _, key := range path {
		if at.Kind() == reflect.Slice {
			at = at.Index(0)
			if key == "0" {
				continue
			}
		}
		if at.Kind() == reflect.Map {
			at = reflect.Zero(at.Type().Elem())
			continue
		}
		owner = at.Type().Name()
		field, ok := at.Type().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, strings.ReplaceAll(key, "_", "")) })
		if !ok {
			m.t.Errorf("%s: the type %s has no field of this name", shown(path), owner)
			return "", ""
		}
		name, at = field.Name, at.FieldByIndex(field.Index)
		if at.Kind() == reflect.Slice && at.Len() == 0 && at.Type().Elem().Kind() == reflect.Struct {
			at = reflect.Append(at, reflect.Zero(at.Type().Elem()))
		}
	}
	english = m.english[owner+"."+name]
	if english == "" {
		kind := at.Type()
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		english = m.english[kind.Name()]
	}
	if english == "" {
		m.t.Errorf("%s: the field %s.%s has no comment", shown(path), owner, name)
	}
	return asWritten(at.Interface()), english
}

// loaded is the configuration of an empty file; for what is in a list, of the
// sample with just that in the list which must be there.
func (m *manual) loaded(path []string) *Config {
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(m.sample.settings), &tree); err != nil {
		m.t.Fatal(err)
	}
	list, ok := tree[path[0]].([]any)
	if !ok || len(path) < 3 || len(list) == 0 {
		return Default()
	}
	required := map[string]any{}
	for _, s := range m.sections {
		for _, e := range s.entries {
			if key, found := strings.CutPrefix(e.key, path[0]+"[]."); found && e.required {
				required[key] = list[0].(map[string]any)[key]
			}
		}
	}
	tree[path[0]] = []any{required}
	text, err := yaml.Marshal(tree)
	if err != nil {
		m.t.Fatal(err)
	}
	file := filepath.Join(m.t.TempDir(), FileName)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	c, err := Load(file, noEnv)
	if err != nil {
		return Default() // the required keys of the list come first; then it loads
	}
	return c
}

// asWritten gives a value as the file has it; nothing for one that is not set.
func asWritten(v any) string {
	switch v := v.(type) {
	case *time.Location:
		return v.String()
	case time.Duration:
		return short(v)
	case []time.Duration:
		var all []string
		for _, d := range v {
			all = append(all, short(d))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case Rate:
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("%v/s", float64(v))
	case Secret, mail.Address, Cron, Window:
		return "" // none of them has a default
	}
	if value := reflect.ValueOf(v); value.IsZero() || value.Kind() == reflect.Struct || value.Kind() == reflect.Slice || value.Kind() == reflect.Map {
		return ""
	}
	return fmt.Sprint(v)
}

// fieldComments gives the comments of this package's types: Type.Field has what
// stands at the field, Type the first sentence about the type.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			declared, ok := d.(*ast.GenDecl)
			if !ok || declared.Tok != token.TYPE {
				continue
			}
			for _, s := range declared.Specs {
				one := s.(*ast.TypeSpec)
				first, _, _ := strings.Cut(strings.ReplaceAll(declared.Doc.Text(), "\n", " "), ".")
				out[one.Name.Name] = strings.TrimSpace(first)
				fields, ok := one.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, f := range fields.Fields.List {
					for _, name := range f.Names {
						out[one.Name.Name+"."+name.Name] = strings.TrimSpace(strings.ReplaceAll(f.Doc.Text()+f.Comment.Text(), "\n", " "))
					}
				}
			}
		}
	}
	return out
}
