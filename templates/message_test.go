package templates

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gomail "github.com/wneessen/go-mail"
	"pgregory.net/rapid"
)

const (
	placeTo   = "place-to@place.invalid"
	placeID   = "<place-id@place.invalid>"
	placeLink = "https://news.example.org/unsubscribe?t=PLACEPLACEPLACE"
)

// compose is what go-mail makes of these values.
func compose(tb testing.TB, to, id, link, text, html string) []byte {
	tb.Helper()
	m := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	m.SetBoundary("alt-0123456789abcdef")
	m.SetGenHeader("From", "news@example.org")
	if err := m.To(to); err != nil {
		tb.Fatal(err)
	}
	m.SetDateWithValue(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	m.SetGenHeader(gomail.HeaderMessageID, id)
	m.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+link+">, <mailto:leave@example.org>")
	m.SetGenHeader(gomail.HeaderSubject, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte("第142期"))+"?=")
	m.SetBodyString(gomail.TypeTextPlain, strings.ReplaceAll(text, "LINK", link))
	m.AddAlternativeString(gomail.TypeTextHTML, strings.ReplaceAll(html, "LINK", link))
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func freezeT(tb testing.TB, text, html string) *Message {
	tb.Helper()
	m, err := Freeze(compose(tb, placeTo, placeID, placeLink, text, html), placeTo, placeID, placeLink)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// decoded is what a reader sees of a message: header fields and part bodies.
type decoded struct {
	Header map[string][]string
	Parts  []string
}

func decode(tb testing.TB, raw []byte) decoded {
	tb.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		tb.Fatal(err)
	}
	d := decoded{Header: map[string][]string{}}
	maps.Copy(d.Header, msg.Header)
	r := multipart.NewReader(msg.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return d
		}
		if err != nil {
			tb.Fatal(err)
		}
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil {
			tb.Fatal(err)
		}
		d.Parts = append(d.Parts, p.Header.Get("Content-Type")+"\n"+string(body))
	}
}

// A filled message is what go-mail would have made of the same values.
func TestFillIsWhatGoMailMakes(t *testing.T) {
	body := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{
		"LINK", "电", "子商务", "a", "bb", " ", "\r\n", ".", "\r\n.\r\n", "<p>", strings.Repeat("长", 60),
	}), 1, 80), func(s []string) string { return strings.Join(s, "") })
	address := rapid.StringMatching(`[a-z][a-z0-9]{0,30}@[a-z]{1,20}\.example`)
	rapid.Check(t, func(rt *rapid.T) {
		text, html := body.Draw(rt, "text"), body.Draw(rt, "html")
		to := address.Draw(rt, "to")
		id := "<" + rapid.StringMatching(`[a-z0-9]{1,40}`).Draw(rt, "id") + ".142@news.example.org>"
		link := placeLink[:len(placeLink)-15] + rapid.StringMatching(`[A-Za-z0-9_-]{15}`).Draw(rt, "token")

		m := freezeT(t, text, html)
		stored, err := ParseMessage(m.Marshal())
		if err != nil {
			rt.Fatal(err)
		}
		got, err := stored.Append([]byte("before"), to, id, link)
		if err != nil {
			rt.Fatal(err)
		}
		got = got[len("before"):]
		if len(got) != stored.size([]string{to, id, link}) {
			rt.Fatalf("size %d, announced %d", len(got), stored.size([]string{to, id, link}))
		}
		if err := checkWire(got); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(decode(t, compose(t, to, id, link, text, html)), decode(t, got)); diff != "" {
			rt.Fatalf("-go-mail +filled:\n%s", diff)
		}
		_, parts, _ := bytes.Cut(got, []byte("\r\n\r\n"))
		for line := range strings.SplitSeq(string(parts), "\r\n") {
			if len(line) > lineChars {
				rt.Fatalf("line of %d characters", len(line))
			}
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	m := freezeT(t, "text LINK", "<p>LINK</p>")
	good := []string{"a@b.example", "<id@b.example>", placeLink}
	for name, bad := range map[string][]string{
		"too few":       good[:2],
		"too many":      append(good[:3:3], "x"),
		"CR":            {"a@b.example\rBcc: x@y", good[1], good[2]},
		"LF":            {good[0], "<id>\nBcc: x@y", good[2]},
		"NUL":           {"a\x00@b.example", good[1], good[2]},
		"DEL":           {"a\x7f@b.example", good[1], good[2]},
		"empty":         {"", good[1], good[2]},
		"longer link":   {good[0], good[1], placeLink + "x"},
		"shorter link":  {good[0], good[1], placeLink[1:]},
		"CR in a link":  {good[0], good[1], placeLink[1:] + "\r"},
		"no values":     {},
		"tab, a folder": {"a@b.example\t", good[1], good[2]},
	} {
		if got, err := m.Append([]byte("kept"), bad...); err == nil || string(got) != "kept" {
			t.Errorf("%s: accepted, or dst changed to %.20q", name, got)
		}
	}
	if _, err := m.Append(nil, good...); err != nil {
		t.Errorf("good values refused: %v", err)
	}
}

func TestFreezeRefuses(t *testing.T) {
	raw := string(compose(t, placeTo, placeID, placeLink, "LINK", "LINK"))
	for name, c := range map[string]struct {
		raw    string
		places []string
	}{
		"absent placeholder":       {raw, []string{placeTo, "nowhere@place.invalid"}},
		"overlapping placeholders": {raw, []string{placeTo, "to@place.invalid"}},
		"line break in one":        {raw, []string{"a\r\nb"}},
		"bare LF":                  {strings.Replace(raw, "\r\n", "\n", 1), []string{placeTo}},
		"line beginning with dot":  {strings.Replace(raw, "Date: ", ".ate: ", 1), []string{placeTo}},
		"8 bit":                    {strings.Replace(raw, "Date: ", "D\xc3\xa4te: ", 1), []string{placeTo}},
		"NUL":                      {strings.Replace(raw, "Date: ", "Date: \x00", 1), []string{placeTo}},
		"no CRLF at the end":       {strings.TrimSuffix(raw, "\r\n"), []string{placeTo}},
		"quoted-printable":         {strings.Replace(raw, "base64", "quoted-printable", 1), []string{placeTo}},
		"not multipart":            {"To: " + placeTo + "\r\n\r\nhello\r\n", []string{placeTo}},
		"not base64":               {strings.Replace(raw, "\r\n\r\n--alt", "\r\n%%%%\r\n--alt", 1), []string{placeTo, placeLink}},
		"open end":                 {strings.Replace(raw, "--alt-0123456789abcdef--", "--alt-0123456789abcdef", 1), []string{placeTo}},
		"too many":                 {raw, strings.Split(strings.Repeat("x ", maxFields+1), " ")},
		"too long":                 {raw, []string{strings.Repeat("x", maxValue+1)}},
		"long line":                {strings.Replace(raw, "Date: ", "Date: "+strings.Repeat("x", 999), 1), []string{placeTo}},
	} {
		if c.raw == raw && strings.HasPrefix(name, "not") {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := Freeze([]byte(c.raw), c.places...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Lines of another width decode alike but cannot be patched in place.
func TestFreezeRefusesOtherLineWidths(t *testing.T) {
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 100) + placeLink))
	raw := "To: " + placeTo + "\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
		"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + text[:64] + "\r\n" + text[64:] + "\r\n--b--\r\n"
	if _, err := Freeze([]byte(raw), placeTo, placeLink); err == nil {
		t.Error("accepted lines of 64")
	}
}

// Only the neighbourhood of the places is encoded again.
func TestFreezeKeepsTheRest(t *testing.T) {
	m := freezeT(t, strings.Repeat("电子商务", 2000)+"LINK", strings.Repeat("资讯", 4000)+"LINK"+strings.Repeat("末", 3000))
	literal := 0
	for _, p := range m.pieces {
		if p.encoded {
			for _, s := range p.segments {
				literal += len(s.literal)
			}
		}
	}
	if literal > 8 { // at most two bytes on either side of two places
		t.Errorf("%d literal bytes are encoded at each fill", literal)
	}
}

func TestAppendAllocates(t *testing.T) {
	m := freezeT(t, strings.Repeat("电子商务", 400)+"LINK", strings.Repeat("资讯", 3000)+"LINK")
	buf := make([]byte, 0, 1<<17)
	if n := testing.AllocsPerRun(100, func() {
		buf, _ = m.Append(buf[:0], "a@b.example", "<id@b.example>", placeLink)
	}); n > 0 {
		t.Errorf("%v allocations into a large enough buffer", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = m.Append(nil, "a@b.example", "<id@b.example>", placeLink)
	}); n > 1 {
		t.Errorf("%v allocations into a new buffer, want 1", n)
	}
}

func FuzzMessageUnmarshal(f *testing.F) {
	stored := freezeT(f, "text LINK", "<p>LINK</p>").Marshal()
	f.Add(stored)
	f.Add(stored[:len(stored)/2])
	f.Add([]byte{messageVersion, 0, 0})
	f.Add([]byte{messageVersion, 1, 0, 1, 77, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMessage(data)
		if err != nil {
			return
		}
		values := make([]string, m.Fields())
		for i := range values {
			values[i] = strings.Repeat("v", max(1, min(m.fixed[i], 1000)))
		}
		out, err := m.Append(nil, values...)
		if err == nil && len(out) != m.size(values) {
			t.Errorf("wrote %d bytes, announced %d", len(out), m.size(values))
		}
		again, err := ParseMessage(m.Marshal())
		if err != nil {
			t.Fatalf("what was parsed does not parse again: %v", err)
		}
		if !bytes.Equal(again.Marshal(), m.Marshal()) {
			t.Error("not the same after a second round")
		}
	})
}

func BenchmarkMessageAppend(b *testing.B) {
	m := freezeT(b, strings.Repeat("电子商务资讯\r\n", 250)+"LINK", strings.Repeat("<p>电子商务资讯摘要</p>", 600)+"LINK")
	size := m.size([]string{"reader@example.com", "<0123456789abcdef.142@news.example.org>", placeLink})
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Append(nil, "reader@example.com", "<0123456789abcdef.142@news.example.org>", placeLink); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size), "B/msg")
}

// What a message leads with is the same whoever it is filled for, and ends
// right before the first place.
func TestLead(t *testing.T) {
	for name, c := range map[string]struct{ text, html string }{
		"place at once":    {"LINK", "<p>LINK</p>"},
		"place after text": {strings.Repeat("摘要", 100) + "LINK", "<p>LINK</p>"},
		"in the HTML only": {"text", "<p>LINK</p>"},
	} {
		m := freezeT(t, c.text, c.html)
		var bodies [2]string
		for i, fill := range []string{"A", "\xff"} {
			raw, err := m.Append(nil, strings.Repeat("a", i+1)+"@b.example", "<id@b.example>", strings.Repeat(fill, len(placeLink)))
			if err != nil {
				t.Fatal(err)
			}
			_, bodies[i], _ = strings.Cut(string(raw), "\r\n\r\n")
		}
		lead := string(m.Lead())
		if !strings.HasPrefix(bodies[0], lead) || !strings.HasPrefix(bodies[1], lead) {
			t.Errorf("%s: the bodies begin with something else than %q", name, lead)
		}
		// A group of base64 is widened by at most two bytes of text.
		if bodies[0][:len(lead)+4] == bodies[1][:len(lead)+4] {
			t.Errorf("%s: the lead of %d bytes ends too early", name, len(lead))
		}
	}
	all, err := Freeze(compose(t, placeTo, placeID, placeLink, "text", "<p>html</p>"), placeTo, placeID, placeLink)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := all.Append(nil, "a@b.example", "<id@b.example>", placeLink)
	if err != nil {
		t.Fatal(err)
	}
	if _, body, _ := strings.Cut(string(raw), "\r\n\r\n"); body != string(all.Lead()) {
		t.Error("a body without a place is not in the lead whole")
	}
}
