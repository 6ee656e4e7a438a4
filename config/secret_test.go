package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestSecretIsNeverShown(t *testing.T) {
	const value = "hunter2hunter2"
	secret := NewSecret(value)
	type hidden struct{ secret Secret }
	shapes := map[string]any{
		"value":   secret,
		"pointer": &secret,
		"field":   struct{ Password Secret }{secret},
		"hidden":  hidden{secret},
		"map":     map[string]Secret{"password": secret},
		"list":    []Secret{secret},
		"smtp":    SMTP{Password: secret},
		"config":  &Config{Secret: secret},
	}
	for name, shape := range shapes {
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T"} {
			fmt.Fprintf(&shown, verb+"\n", shape)
		}
		fmt.Fprintln(&shown, shape)
		if data, err := json.Marshal(shape); err == nil {
			shown.Write(data)
		}
		if data, err := yaml.Marshal(shape); err == nil {
			shown.Write(data)
		}
		if data, err := xml.Marshal(shape); err == nil {
			shown.Write(data)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
			slog.New(handler).Info("here", "secret", shape, slog.Group("in", "secret", shape))
		}
		text := shown.String()
		if strings.Contains(text, value) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", value)) {
			t.Errorf("%s shows the secret:\n%s", name, text)
		}
	}
}

func TestSecretMarshal(t *testing.T) {
	data, err := json.Marshal([]Secret{NewSecret("abc"), {}})
	if err != nil || string(data) != `["[secret]",""]` {
		t.Errorf("JSON gives %s, %v", data, err)
	}
	data, err = yaml.Marshal(map[string]Secret{"a": NewSecret("abc")})
	if err != nil || string(data) != "a: '[secret]'\n" {
		t.Errorf("YAML gives %q, %v", data, err)
	}
}

func TestSecretReveal(t *testing.T) {
	if got := NewSecret("abc").Reveal(); got != "abc" {
		t.Errorf("got %q", got)
	}
	if NewSecret("").IsSet() || (Secret{}).Reveal() != "" || (Secret{}).String() != "" {
		t.Error("an empty secret is not unset")
	}
	if !NewSecret("a").Equal(NewSecret("a")) || NewSecret("a").Equal(NewSecret("b")) {
		t.Error("Equal does not compare the values")
	}
}
