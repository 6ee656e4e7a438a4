package config

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{"20/s": 20, "300/m": 5, "3600/h": 1, "0.5/s": 0.5, "1000000/s": maxRate} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "20", "20/d", "-1/s", "0/s", "1e3/s", "1000001/s", " 1/s", "1/s ", "NaN/s", "./s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestParseWindow(t *testing.T) {
	for _, text := range []string{"", "8:00-21:00", "08:00", "08:00-24:01", "24:00-08:00", "08:60-09:00", "08:00-08:00", "08:00–21:00"} {
		if got, err := ParseWindow(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestWindowContains(t *testing.T) {
	for _, one := range []struct {
		window, clock string
		want          bool
	}{
		{"08:00-21:00", "07:59", false},
		{"08:00-21:00", "08:00", true},
		{"08:00-21:00", "20:59", true},
		{"08:00-21:00", "21:00", false},
		{"22:00-06:00", "23:00", true},
		{"22:00-06:00", "05:59", true},
		{"22:00-06:00", "06:00", false},
		{"22:00-06:00", "12:00", false},
		{"00:00-24:00", "00:00", true},
		{"00:00-24:00", "23:59", true},
		{"20:00-00:00", "23:59", true},
		{"20:00-00:00", "00:00", false},
	} {
		w, err := ParseWindow(one.window)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse("15:04", one.clock)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Contains(now); got != one.want {
			t.Errorf("%s contains %s: %v", one.window, one.clock, got)
		}
	}
}

func TestWindowString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Window{From: rapid.IntRange(0, 1439).Draw(t, "from"), To: rapid.IntRange(0, 1440).Draw(t, "to")}
		if w.From == w.To {
			t.Skip("empty")
		}
		if got, err := ParseWindow(w.String()); err != nil || got != w {
			t.Fatalf("%v becomes %v, %v", w, got, err)
		}
	})
}

func TestIsAddress(t *testing.T) {
	for _, text := range []string{"a@b", "news@example.org", "a.b+c@x-y.example", "o'neil@example.org"} {
		if !isAddress(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for _, text := range []string{
		"", "a", "@b", "a@", "a@b@c", ".a@b", "a.@b", "a..b@c", "a%b@c", "a!b@c", `"a"@b`, "a b@c", "a@-b", "a@b-", "a@b..c",
		"新闻@example.org", "a@例子.org", "a\n@b", "<a@b>", "a@[127.0.0.1]",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b",
	} {
		if isAddress(text) {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"connections", "rate", "retry", "from", "reply_to"}
	for key, want := range map[string]string{"conections": "connections", "Reply-To": "reply_to", "retri": "retry", "form": "from", "rat": "rate", "xyz": "", "": ""} {
		if got := nearest(key, known); got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}
