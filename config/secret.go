package config

import (
	"fmt"
	"log/slog"
)

// Secret is a value that is never printed: every verb of fmt, JSON, YAML, XML
// and slog show a mask. Only Reveal gives the value. The zero Secret is unset.
//
// The value sits behind a pointer because fmt prints a Secret in somebody's
// unexported field without asking its methods: it finds an address there.
type Secret struct{ value *string }

// NewSecret keeps value as a secret; an empty value is an unset secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal gives the value itself. Call it where the value is used, not before.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal reports whether both hold the same value.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String gives the mask, or nothing when the secret is unset.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return "[secret]"
}

// Format prints the mask whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText gives the mask to encoding/json, encoding/xml and yaml.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue gives the mask to log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
