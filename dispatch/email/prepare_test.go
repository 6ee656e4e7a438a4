package email

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

// prepared is the filled mail of a run.
func prepared(tb testing.TB, c dispatch.Content, change ...func(*Options)) []byte {
	tb.Helper()
	ch := newChannel(tb, "127.0.0.1:25", change...)
	v, err := ch.Prepare(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	if len(v) != 1 || (v[0].Key == "") != (c.Kind == dispatch.KindIssue) {
		tb.Fatalf("variants %+v", v)
	}
	to, err := parseAddress(reader)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := ch.fill(nil, v[0], dispatch.Handover{
		Subscriber: "sub1", Address: reader, MessageID: fmt.Sprintf(v[0].MessageID, "tok1"),
	}, to)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func header(tb testing.TB, raw []byte) (mail.Header, io.Reader) {
	tb.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	return m.Header, m.Body
}

func decodeHeader(tb testing.TB, s string) string {
	tb.Helper()
	out, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestHeader(t *testing.T) {
	raw := prepared(t, content(), func(o *Options) {
		o.ReplyTo = mail.Address{Address: "office@example.org"}
		o.UnsubscribeMailto = "leave@example.org"
	})
	h, body := header(t, raw)
	link := links{}.Unsubscribe("sub1")
	for name, want := range map[string]string{
		"From":                  "上海市电子商务行业协会 <news@example.org>",
		"To":                    "<" + reader + ">",
		"Reply-To":              "<office@example.org>",
		"Subject":               "电子商务资讯 2015年第2期（总第142期）：电子商务资讯",
		"Date":                  "Mon, 23 Nov 2026 09:00:00 +0800",
		"Message-Id":            "<tok1.142@example.org>",
		"Mime-Version":          "1.0",
		"List-Unsubscribe":      "<" + link + ">, <mailto:leave@example.org?subject=unsubscribe>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"List-Id":               "电子商务资讯 <issues.news.example.org>",
		"List-Archive":          "<https://news.example.org/issues>",
		"List-Help":             "<https://news.example.org/>",
		"Feedback-Id":           "142:issue:yizhan:example-org",
	} {
		if got := decodeHeader(t, h.Get(name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if len(h[name]) != 1 {
			t.Errorf("%s: %d times", name, len(h[name]))
		}
		delete(h, name)
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Errorf("Content-Type %q", h.Get("Content-Type"))
	}
	delete(h, "Content-Type")
	if len(h) > 0 {
		t.Errorf("unexpected fields %v", h)
	}

	r := multipart.NewReader(body, params["boundary"])
	for _, want := range []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"} {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil || p.Header.Get("Content-Type") != want || strings.Count(string(text), link) != 1 {
			t.Errorf("part %v: %v", p.Header, err)
		}
	}
	// On one line: some receivers do not look behind an empty first one.
	for _, want := range []string{"\r\nList-Unsubscribe: <" + link + ">,\r\n <mailto:", "\r\nMessage-ID: <tok1.", "\r\nTo: <" + reader + ">\r\n"} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("%q is not in the header", want)
		}
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && bytes.Contains(raw, []byte(host)) {
		t.Errorf("the mail tells the host name %s", host)
	}
}

// The real templates: what they render can be frozen, and every link in it is the
// reader's own.
func TestRealTemplates(t *testing.T) {
	set, err := templates.New(templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := content()
	for i := range 12 {
		c.Issue.Sections = append(c.Issue.Sections, issue.Section{Name: fmt.Sprintf("栏目%d", i), Articles: []issue.Article{{
			Kind: issue.KindArticle, Title: fmt.Sprintf("第%d篇", i),
			Blocks: []issue.Block{{Kind: issue.BlockParagraph, Text: strings.Repeat("电子商务的发展。", 40)}},
		}}})
	}
	raw := prepared(t, c, func(o *Options) { o.Digest = set })
	h, body := header(t, raw)
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(body, params["boundary"])
	for range 2 {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(links{}.Unsubscribe("sub1"))) || bytes.Contains(text, []byte(links{}.Placeholder())) {
			t.Errorf("%s: the unsubscribe link is not the reader's", p.Header.Get("Content-Type"))
		}
	}
}

func TestServiceMail(t *testing.T) {
	h, _ := header(t, prepared(t, confirmation()))
	if h.Get("Auto-Submitted") != "auto-generated" || h.Get("List-Unsubscribe") != "" || h.Get("List-Id") != "" {
		t.Errorf("got %v", h)
	}
	if !strings.Contains(h.Get("Message-ID"), ".letter@") || !strings.HasPrefix(h.Get("Feedback-ID"), "letter:service:") {
		t.Errorf("got %v", h)
	}
	if h, _ := header(t, prepared(t, content())); h.Get("Auto-Submitted") != "" {
		t.Error("an issue is auto-submitted")
	}
}

// Each reader of a service mail has a link of their own, until the time that was
// frozen; one without a link is filled, too.
func TestLettersCarryTheirLink(t *testing.T) {
	ch := newChannel(t, "127.0.0.1:25")
	c := confirmation()
	c.Letters = append(c.Letters, dispatch.Letter{Kind: "manage", Language: "en"}, dispatch.Letter{Kind: "moved", Language: "en"})
	variants, err := ch.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	d := dispatch.Handover{Subscriber: "sub1", Address: "a@example.org", MessageID: "<x.letter@example.org>"}
	to, err := parseAddress(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	for i, letter := range c.Letters {
		if variants[i].Key != letter.Key() {
			t.Errorf("variant %d is %s, want %s", i, variants[i].Key, letter.Key())
		}
		raw, err := ch.fill(nil, variants[i], d, to)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ch.fill(nil, variants[i], d, to)
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("%s: another attempt differs, %v", letter.Key(), err)
		}
		_, expires := links{}.LetterPlaceholder(letter.Kind, c.PlannedAt)
		_, after, _ := strings.Cut(string(raw), "text/plain; charset=UTF-8\r\n\r\n")
		body, _, _ := strings.Cut(after, "\r\n--")
		text, err := base64.StdEncoding.DecodeString(body)
		if want := "/" + letter.Kind + "?t=sub1xxx"; err != nil || strings.Contains(string(text), want) != (letter.Kind != "moved") {
			t.Errorf("%s until %s: %v %s", letter.Key(), expires, err, text)
		}
	}
	for _, data := range [][]byte{{letterVersion}, {letterVersion, 200}, {letterVersion, 2, '{', '{', 1}} {
		if _, err := ch.fill(nil, dispatch.Variant{Data: data}, d, to); err == nil {
			t.Errorf("%x was filled", data)
		}
	}
}

// The same content gives the same bytes, whenever and wherever it is prepared.
func TestPrepareIsStable(t *testing.T) {
	first := prepared(t, content())
	for range 20 {
		if diff := cmp.Diff(string(first), string(prepared(t, content()))); diff != "" {
			t.Fatalf("another preparation differs:\n%s", diff)
		}
	}
	other := content()
	other.PlannedAt = other.PlannedAt.Add(time.Minute)
	if bytes.Equal(first, prepared(t, other)) {
		t.Error("another run has the same boundary and date")
	}
}

var encodedWord = regexp.MustCompile(`=\?[^ ?]+\?[^ ?]+\?[^ ?]*\?=`)

// Whatever stands in a title: it decodes to itself, in lines that are short
// enough, and begins no field of its own.
func TestSubjectDecodesToItself(t *testing.T) {
	runes := rapid.SampledFrom([]rune("电子商务资讯年第期（）：“”𠮷é aZ09=?_-.,:;<>@\"\\\r\n\t\x00\u2028\u00a0 🎉"))
	rapid.Check(t, func(rt *rapid.T) {
		title := strings.Repeat(rapid.StringOfN(runes, 0, 40, -1).Draw(rt, "title"), rapid.IntRange(1, 20).Draw(rt, "times"))
		digest := func(in templates.Input) templates.Digest {
			return templates.Digest{Subject: "期" + title, Text: []byte(in.UnsubscribeURL), HTML: []byte(in.UnsubscribeURL)}
		}
		c := content()
		c.Issue.Title = title
		raw := prepared(t, c, func(o *Options) {
			o.Digest = renderer{digest}
			o.From.Name = title
		})
		h, _ := header(t, raw)
		if got, want := decodeHeader(t, h.Get("Subject")), clean("期"+title); got != want {
			rt.Fatalf("subject %q, want %q", got, want)
		}
		from, err := mail.ParseAddress(h.Get("From"))
		if err != nil || from.Name != clean(title) || from.Address != "news@example.org" {
			rt.Fatalf("from %q: %+v, %v", h.Get("From"), from, err)
		}
		if len(h) != 13 {
			rt.Fatalf("%d header fields: %v", len(h), h)
		}
		head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		for line := range strings.SplitSeq(string(head), "\r\n") {
			if len(line) > 998 || encodedWord.MatchString(line) && len(line) > 76 {
				rt.Fatalf("line of %d characters: %q", len(line), line)
			}
			for _, w := range encodedWord.FindAllString(line, -1) {
				if len(w) > 75 {
					rt.Fatalf("encoded-word of %d characters", len(w))
				}
			}
		}
	})
}

func TestIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, id := range []string{"142", "2015-2", "增刊1", "增刊2", "100%d", "a b", ""} {
		a := atom(id)
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(a) || ids[a] {
			t.Errorf("atom(%q) = %q", id, a)
		}
		ids[a] = true
	}
	for _, c := range []struct{ title, url, want string }{
		{"E-Commerce News", "https://News.example.org", `"E-Commerce News" <issues.news.example.org>`},
		{`The "New" One`, "https://news.example.org", `"The \"New\" One" <issues.news.example.org>`},
		{"", "https://news.example.org:8443", "<issues.news.example.org>"},
		{"", "http://127.0.0.1:8025", "<issues.example.org>"},
		{"", "http://localhost:8080", "<issues.example.org>"},
	} {
		if got := listID(c.title, c.url, "example.org"); got != c.want {
			t.Errorf("listID(%q, %q) = %s, want %s", c.title, c.url, got, c.want)
		}
	}
	for domain, want := range map[string]string{
		"example.org": "142:issue:yizhan:example-org", "a.cn": "142:issue:yizhan:a-cn-mail",
		"newsletter.association.example.org": "142:issue:yizhan:newsletter-asso",
	} {
		if got := feedbackID(content(), domain); got != want {
			t.Errorf("feedbackID(%s) = %s, want %s", domain, got, want)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	good := func(in templates.Input) templates.Digest {
		return templates.Digest{Subject: "s", Text: []byte(in.UnsubscribeURL), HTML: []byte(in.UnsubscribeURL)}
	}
	for name, c := range map[string]struct {
		digest func(templates.Input) templates.Digest
		links  Links
	}{
		"no subject": {func(in templates.Input) templates.Digest {
			d := good(in)
			d.Subject = " \r\n "
			return d
		}, links{}},
		"no link in the text": {func(in templates.Input) templates.Digest {
			d := good(in)
			d.Text = []byte("x")
			return d
		}, links{}},
		"no link in the HTML": {func(in templates.Input) templates.Digest {
			d := good(in)
			d.HTML = []byte("x")
			return d
		}, links{}},
		"a link that HTML escapes": {good, badLinks("https://news.example.org/u?a=1&b=2")},
		"a link with a line break": {good, badLinks("https://news.example.org/\r\nBcc: x@example.com")},
		"no link":                  {good, badLinks("")},
	} {
		ch := newChannel(t, "127.0.0.1:25", func(o *Options) { o.Digest, o.Links = renderer{c.digest}, c.links })
		if _, err := ch.Prepare(context.Background(), content()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

type badLinks string

func (b badLinks) Reader(dispatch.Handover) string { return string(b) }
func (b badLinks) ReaderPlaceholder() string       { return string(b) }

func (b badLinks) Letter(string, dispatch.Handover, time.Time) string { return string(b) }
func (b badLinks) LetterPlaceholder(string, time.Time) (string, time.Time) {
	return string(b), time.Time{}
}

func (b badLinks) Placeholder() string       { return string(b) }
func (b badLinks) Unsubscribe(string) string { return string(b) }

// TestMembersLink: where an issue has something for members, each reader's mail has
// a link of theirs to it; where the mail shows none of it, there is none.
func TestMembersLink(t *testing.T) {
	for name, shown := range map[string]bool{"shown": true, "not among the chosen": false} {
		ch := newChannel(t, "127.0.0.1:25", func(o *Options) {
			o.Locked = func(issue.Issue) []int { return []int{0} }
			o.Digest = renderer{digest: func(in templates.Input) templates.Digest {
				text := in.UnsubscribeURL
				if shown {
					text += " https://news.example.org/issues/142/read?t=" + in.ReaderToken + "#a1"
				}
				return templates.Digest{Subject: "题", Text: []byte(text), HTML: []byte("<p>" + text + "</p>")}
			}}
		})
		v, err := ch.Prepare(t.Context(), content())
		if err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"sub1", "sub2"} {
			d := dispatch.Handover{Subscriber: who, Address: reader, MessageID: "<x@example.org>"}
			to, err := parseAddress(reader)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := ch.fill(nil, v[0], d, to)
			if err != nil {
				t.Fatal(err)
			}
			_, after, _ := strings.Cut(string(raw), "text/plain; charset=UTF-8\r\n\r\n")
			body, _, _ := strings.Cut(after, "\r\n--")
			text, err := base64.StdEncoding.DecodeString(body)
			if err != nil || strings.Contains(string(text), "/read?t="+readerToken(who)+"#a1") != shown {
				t.Errorf("%s: %s: %v %s", name, who, err, text)
			}
		}
	}
}
