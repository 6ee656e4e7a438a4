package email

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"flag"
	"fmt"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
	"yizhan/templates"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// edKey is the key of RFC 8463 appendix A.1: what it signs is the same for ever.
func edKey() Key {
	seed := []byte{
		0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
		0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
	}
	return Key{Domain: "example.org", Selector: "brisbane", Private: ed25519.NewKeyFromSeed(seed)}
}

// rsaPrivate is slow to make, so all tests share one.
var rsaPrivate = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func rsaKey(tb testing.TB) Key {
	tb.Helper()
	private, err := rsaPrivate()
	if err != nil {
		tb.Fatal(err)
	}
	return Key{Domain: "example.org", Selector: "s1", Private: private}
}

func signed(keys ...Key) func(*Options) { return func(o *Options) { o.DKIM = keys } }

// keySets are the ways to sign, by name.
func keySets(tb testing.TB) map[string][]Key {
	tb.Helper()
	return map[string][]Key{"ed25519": {edKey()}, "rsa": {rsaKey(tb)}, "dual": {rsaKey(tb), edKey()}}
}

// A receiver can verify every mail that a run leaves in the relay, whoever gets
// it and however often it was tried.
func TestSignedMailsOfARun(t *testing.T) {
	for name, keys := range keySets(t) {
		t.Run(name, func(t *testing.T) {
			sink := startSink(t, standin.Options{Script: func(phase, _, to string, nth int) standin.Fault {
				switch {
				case phase == "dot" && nth == 1 && strings.HasPrefix(to, "reader7@"):
					return standin.Fault{Code: 451, Text: "4.3.0 later"}
				case phase == "rcpt" && nth == 1 && strings.HasPrefix(to, "reader9@"):
					return standin.Fault{Drop: true}
				}
				return standin.Fault{}
			}})
			f := dispatchtest.Open(t)
			f.Subscribe(t, Name, "example.com", 40)
			ch := newChannel(t, sink.Addr(), signed(keys...))
			f.Plan(t, "142", ch)
			dispatchUntil(t, f, ch, func() bool { return f.Count(t, "142")[dispatch.StateSent] == 40 })
			if n := len(sink.Messages()); n != 40 {
				t.Fatalf("%d messages kept", n)
			}
			for _, m := range sink.Messages() {
				if err := verify(m.Raw, len(keys), ch.ownRecords); err != nil {
					t.Errorf("%s: %v\n%.1500s", m.To, err, m.Raw)
				}
			}
		})
	}
}

// dispatchUntil runs a dispatcher until a time comes.
func dispatchUntil(t *testing.T, f *dispatchtest.Fixture, ch *Channel, done func() bool) {
	t.Helper()
	d, err := dispatch.New(dispatch.Options{
		Ledger: f.Ledger, Queue: dispatch.NewMemory(), People: f, Process: dispatch.ThisProcess(),
		Routes: []dispatch.Route{{Channel: ch, Policy: dispatch.Policy{
			Retry: []time.Duration{10 * time.Millisecond}, GiveUp: time.Minute, AfterLostReply: dispatch.RetryLost,
		}}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for !done() {
		if ctx.Err() != nil {
			t.Fatal("it does not happen")
		}
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// A run whose key is gone stops the channel and fails nobody; with the key back
// all of it goes out.
func TestKeyOfTheRunIsGone(t *testing.T) {
	sink := startSink(t, standin.Options{})
	f := dispatchtest.Open(t)
	f.Subscribe(t, Name, "example.com", 5)
	with := newChannel(t, sink.Addr(), signed(rsaKey(t), edKey()))
	f.Plan(t, "142", with)

	alarmed := func() bool {
		alarms, err := f.Ledger.Alarms(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(alarms) == 1 && alarms[0].Code == dispatch.AlarmChannelStopped && strings.HasPrefix(alarms[0].Text, "dkim-key-missing")
	}
	dispatchUntil(t, f, newChannel(t, sink.Addr(), signed(rsaKey(t))), alarmed)
	for _, r := range f.Records(t, "142") {
		if r.State == dispatch.StateFailed || r.State == dispatch.StateSent || r.Attempts > 0 {
			t.Errorf("without the key: %+v", r)
		}
	}
	dispatchUntil(t, f, with, func() bool { return f.Count(t, "142")[dispatch.StateSent] == 5 })
}

func TestOtherKeysThanFrozen(t *testing.T) {
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	changed, renamed, moved := edKey(), edKey(), edKey()
	changed.Private, renamed.Selector, moved.Domain = other, "s2", "news.example.org"
	sink := startSink(t, standin.Options{})
	ch := newChannel(t, sink.Addr(), signed(edKey()))
	b := batch(t, ch, reader)
	for name, keys := range map[string][]Key{"none": nil, "changed": {changed}, "renamed": {renamed}, "moved": {moved}} {
		o := newChannel(t, sink.Addr(), signed(keys...)).Deliver(t.Context(), b, grant)[0]
		wantRefused(t, o, dispatch.ScopeAccount, "dkim-key-missing")
		if o.Failure.Permanent || !strings.Contains(o.Reply, "brisbane._domainkey.example.org") {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if n := len(sink.Messages()); n > 0 {
		t.Fatalf("%d messages without their signature", n)
	}
	// More keys than then do no harm, and change nothing.
	wantSent(t, newChannel(t, sink.Addr(), signed(rsaKey(t), renamed, edKey())).Deliver(t.Context(), b, grant)[0])
	// A run that was frozen unsigned stays so.
	b = batch(t, newChannel(t, sink.Addr()), reader)
	wantSent(t, newChannel(t, sink.Addr(), signed(edKey())).Deliver(t.Context(), b, grant)[0])
	got := sink.Messages()
	if n := bytes.Count(got[0].Raw, []byte("DKIM-Signature:")); n != 1 {
		t.Errorf("%d signatures, want the one that was frozen", n)
	}
	if bytes.Contains(got[1].Raw, []byte("DKIM-Signature:")) {
		t.Error("a run that was planned without a key is signed")
	}
}

// Every attempt of a delivery has the same bytes, in this process and the next:
// both algorithms are deterministic, and the time of a signature is the run's.
func TestSignaturesAreDeterministic(t *testing.T) {
	keys := []Key{rsaKey(t), edKey()}
	first := newChannel(t, "127.0.0.1:25", signed(keys...))
	v := batch(t, first, reader).Variant
	want := filled(t, first, v, reader)
	for range 5 {
		restarted := newChannel(t, "127.0.0.1:25", signed(keys...))
		v := dispatch.Variant{Data: bytes.Clone(v.Data), MessageID: v.MessageID}
		for range 3 {
			if diff := cmp.Diff(string(want), string(filled(t, restarted, v, reader))); diff != "" {
				t.Fatalf("another attempt differs:\n%s", diff)
			}
		}
	}
	if bytes.Equal(want, filled(t, first, v, "other@example.com")) {
		t.Error("another reader gets the same mail")
	}
	// One key after the other sees nothing of the first's.
	sum := bytes.Repeat([]byte{7}, 32)
	for _, s := range first.signers {
		one, err := s.sign(sum)
		two, again := s.sign(sum)
		if err != nil || again != nil || !bytes.Equal(one, two) {
			t.Errorf("%s: two signatures of one sum (%v, %v)", s.algorithm, err, again)
		}
	}
}

func filled(tb testing.TB, ch *Channel, v dispatch.Variant, address string) []byte {
	tb.Helper()
	to, err := parseAddress(address)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := ch.fill(nil, v, dispatch.Handover{Subscriber: "sub1", Address: address, MessageID: fmt.Sprintf(v.MessageID, "tok1")}, to)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// What the ledger keeps has nothing of the private keys.
func TestPrivateKeysAreNotFrozen(t *testing.T) {
	ed, rsa := edKey(), rsaKey(t)
	data := batch(t, newChannel(t, "127.0.0.1:25", signed(ed, rsa)), reader).Variant.Data
	private, err := rsaPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"seed": ed.Private.(ed25519.PrivateKey).Seed(), "exponent": private.D.Bytes(), "prime": private.Primes[0].Bytes(),
	} {
		for form, text := range map[string]string{
			"raw": string(secret), "hex": fmt.Sprintf("%x", secret), "base64": base64.StdEncoding.EncodeToString(secret[:len(secret)/3*3]),
		} {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("the %s is frozen (%s)", name, form)
			}
		}
	}
	if s := fmt.Sprintf("%v %+v", ed, Options{DKIM: []Key{rsa}}); strings.Contains(s, fmt.Sprint(private.D)) || strings.Contains(s, "157 97 177") {
		t.Error("fmt prints a private key")
	}
}

// The shape of the signatures: what is signed, in which order, in lines of at
// most 76 characters. Run with -update to write it anew, and read what changed.
func TestSignatureShape(t *testing.T) {
	long := edKey()
	long.Selector, long.Domain = "brisbane-2026-and-a-little-longer", "a-rather-long-subdomain.news.example.org"
	for name, c := range map[string]struct {
		keys   []Key
		change func(*dispatch.Content, *Options)
	}{
		"dual": {keys: []Key{rsaKey(t), edKey()}},
		"all fields": {keys: []Key{long}, change: func(_ *dispatch.Content, o *Options) {
			o.ReplyTo = mail.Address{Name: "编辑部", Address: "office@example.org"}
			o.UnsubscribeMailto = "leave@example.org"
		}},
		"service": {keys: []Key{edKey()}, change: func(c *dispatch.Content, _ *Options) { *c = confirmation() }},
	} {
		t.Run(name, func(t *testing.T) {
			content, options := content(), options("127.0.0.1:25")
			if c.change != nil {
				c.change(&content, &options)
			}
			raw := prepared(t, content, func(o *Options) { *o = options }, signed(c.keys...))
			head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
			text := strings.ReplaceAll(string(head)+"\r\n", "\r\n", "\n")
			for line := range strings.SplitSeq(text, "\n") {
				if strings.HasPrefix(line, "Date:") {
					break // only the signatures are ours to fold
				}
				if len(line) > lineLimit {
					t.Errorf("line of %d characters: %s", len(line), line)
				}
			}
			// The RSA key is another one in each run.
			text = regexp.MustCompile(`(?s)(a=rsa.*?\n b=)([^:]*)(\n[A-Z])`).ReplaceAllStringFunc(text, func(s string) string {
				at := strings.Index(s, "\n b=") + 4
				end := strings.LastIndex(s, "\n")
				return s[:at] + regexp.MustCompile(`[^\n =]`).ReplaceAllString(s[at:end], "x") + s[end:]
			})
			golden(t, "dkim "+name+".txt", text)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_"))
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
		t.Error(diff)
	}
}

// Whatever is in a mail, whoever gets it: receivers verify it, and no longer when
// one character of the body or of a signed field is another.
func TestSignatureCoversTheMail(t *testing.T) {
	keys := []Key{edKey(), rsaKey(t)}
	text := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{
		"LINK", "电", "子商务", "a", " ", "\t", "  ", "\r\n", "\n", "\r\n.\r\n", ".", "=", "\r\n\r\n", strings.Repeat("长", 60), "From: x@y",
	}), 0, 60), func(s []string) string { return strings.Join(s, "") })
	title := rapid.StringOfN(rapid.SampledFrom([]rune("电子商务资讯 aZ09=?_-.,:;<>@\"\\\r\n\t🎉")), 1, 60, -1)
	address := rapid.OneOf(
		rapid.StringMatching(`[a-z][a-z0-9.+_-]{0,30}[a-z]@[a-z]{1,20}\.example`),
		rapid.StringMatching(`"[a-z ]{1,20}[ ]{0,3}[a-z;: ]{0,9}"@[a-z]{1,20}\.example`),
	)
	rapid.Check(t, func(rt *rapid.T) {
		body, subject, to := text.Draw(rt, "body"), title.Draw(rt, "subject"), address.Draw(rt, "to")
		spec, err := parseAddress(to)
		if err != nil {
			rt.Skip(err)
		}
		n := rapid.IntRange(1, 2).Draw(rt, "keys")
		ch := newChannel(t, "127.0.0.1:25", signed(keys[:n]...), func(o *Options) {
			o.From.Name, o.Title = subject, subject
			o.Digest = renderer{func(in templates.Input) templates.Digest {
				s := strings.ReplaceAll(body, "LINK", in.UnsubscribeURL) + in.UnsubscribeURL
				return templates.Digest{Subject: "期" + subject, Text: []byte(s), HTML: []byte(s)}
			}}
		})
		v, err := ch.Prepare(context.Background(), content())
		if err != nil {
			rt.Fatal(err)
		}
		raw, err := ch.fill(nil, v[0], dispatch.Handover{
			Subscriber: rapid.StringMatching(`[a-z0-9]{1,26}`).Draw(rt, "id"),
			MessageID:  fmt.Sprintf(v[0].MessageID, rapid.StringMatching(`[a-z0-9]{1,40}`).Draw(rt, "token")),
		}, spec)
		if err != nil {
			rt.Fatal(err)
		}
		if err := verify(raw, n, ch.ownRecords); err != nil {
			rt.Fatalf("%v\n%s", err, raw)
		}

		covered := coveredBytes(raw)
		at := rapid.SampledFrom(covered).Draw(rt, "at")
		was := raw[at]
		raw[at] = rapid.ByteRange('!', '~').Filter(func(b byte) bool {
			return !strings.EqualFold(string(b), string(was)) // names of fields may change their case
		}).Draw(rt, "flipped")
		for i := range n {
			one := ch.signers[i]
			verifyOne := func(name string) ([]string, error) {
				if name != one.String() {
					return nil, os.ErrNotExist
				}
				return []string{one.record().Value}, nil
			}
			if got := verified(raw, verifyOne); got > 0 {
				rt.Fatalf("%s still verifies with %q for %q at %d\n%s", one, raw[at], was, at, raw)
			}
		}
	})
}

// coveredBytes are the places of all visible characters that a signature has to
// cover.
func coveredBytes(raw []byte) (at []int) {
	end := bytes.Index(raw, []byte("\r\n\r\n")) + 2
	start := 0
	add := func(from, to int) {
		for i := from; i < to; i++ {
			if raw[i] > ' ' {
				at = append(at, i)
			}
		}
	}
	signed := []string{
		"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
		"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Reply-To",
	}
	for field := range splitFields(string(raw[:end])) {
		if name, _, _ := strings.Cut(field, ":"); slices.Contains(signed, name) {
			add(start, start+len(field))
		}
		start += len(field)
	}
	add(end, len(raw))
	return at
}

// A second From in front of ours, which some mail programs would show, breaks the
// signature.
func TestSecondFromBreaksTheSignature(t *testing.T) {
	ch := newChannel(t, "127.0.0.1:25", signed(edKey()))
	raw := filled(t, ch, batch(t, ch, reader).Variant, reader)
	if verified(raw, ch.ownRecords) != 1 {
		t.Fatal("the mail itself does not verify")
	}
	if forged := append([]byte("From: boss@example.net\r\n"), raw...); verified(forged, ch.ownRecords) != 0 {
		t.Error("a mail with a second From verifies")
	}
	// What relays do to a mail on its way does no harm.
	relayed := append([]byte("Received: from a by b\r\n"), raw...)
	relayed = bytes.Replace(relayed, []byte("\r\nSubject: "), []byte("\r\nSUBJECT :\r\n\t "), 1)
	if verified(append(relayed, "\r\n\r\n"...), ch.ownRecords) != 1 {
		t.Error("a mail that was folded anew does not verify")
	}
}

// verified counts the signatures that a receiver would accept.
func verified(raw []byte, lookup func(string) ([]string, error)) (n int) {
	all, _ := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookup})
	for _, v := range all {
		if v.Err == nil {
			n++
		}
	}
	return n
}

// Nothing that a damaged ledger may hold makes a panic.
func FuzzThaw(f *testing.F) {
	ch := newChannel(f, "127.0.0.1:25", signed(edKey()))
	f.Add(batch(f, ch, reader).Variant.Data)
	f.Add(batch(f, newChannel(f, "127.0.0.1:25"), reader).Variant.Data)
	f.Add([]byte{signedVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{signedVersion, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := thaw(data, ch.signers)
		if err != nil {
			return
		}
		values := []string{"a@b.example", "<id@b.example>", links{}.Placeholder()}
		if _, err := m.append(nil, values[:min(len(values), m.message.Fields())]...); err != nil {
			t.Log(err)
		}
	})
}

// BenchmarkFill is what a mail costs before the relay hears of it: 36 kB on the
// wire, patched and signed.
func BenchmarkFill(b *testing.B) {
	sets := keySets(b)
	sets["none"] = nil
	for _, name := range []string{"none", "ed25519", "rsa", "dual"} {
		b.Run(name, func(b *testing.B) {
			ch := newChannel(b, "127.0.0.1:25", signed(sets[name]...), func(o *Options) {
				o.Digest = renderer{func(in templates.Input) templates.Digest {
					return templates.Digest{
						Subject: "电子商务资讯 2015年第2期（总第142期）", Text: []byte(strings.Repeat("电子商务", 430) + in.UnsubscribeURL),
						HTML: []byte(strings.Repeat("<p>电子商务的发展</p>", 715) + in.UnsubscribeURL),
					}
				}}
			})
			v := batch(b, ch, reader).Variant
			to, err := parseAddress(reader)
			if err != nil {
				b.Fatal(err)
			}
			d := dispatch.Handover{Subscriber: "sub1", MessageID: fmt.Sprintf(v.MessageID, "tok1")}
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				if buf, err = ch.fill(buf[:0], v, d, to); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(buf)), "B/mail")
		})
	}
}

// BenchmarkSign is the signature alone: what nothing can make cheaper.
func BenchmarkSign(b *testing.B) {
	for _, k := range []Key{edKey(), rsaKey(b)} {
		s, err := newSigner(k)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.algorithm, func(b *testing.B) {
			sum := make([]byte, 32)
			for b.Loop() {
				if _, err := s.sign(sum); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
