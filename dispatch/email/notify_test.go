package email

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

func alertNotice() dispatch.Notice {
	return dispatch.Notice{
		Alert: dispatch.Alert{Key: "run-finished 3", Event: dispatch.AlertFinished, Issue: "142", Run: "3", At: time.Date(2026, 9, 10, 1, 0, 0, 0, time.UTC)},
		Title: "第 142 期发行完成\r\nBcc: everybody@example.org", Text: "第 142 期发行完成。\n\nRun 3 of issue 142 is finished.",
	}
}

// TestNotifier sends an alert over each way to connect.
func TestNotifier(t *testing.T) {
	certificate, pem, err := standin.SelfSigned("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	secured := &tls.Config{Certificates: []tls.Certificate{certificate}}
	for name, c := range map[string]struct {
		sink  standin.Options
		relay SMTP
	}{
		"plain":    {standin.Options{}, SMTP{TLS: NoTLS}},
		"password": {standin.Options{Username: "news", Password: "right"}, SMTP{TLS: NoTLS, Username: "news", Password: "right"}},
		"starttls": {standin.Options{Username: "news", Password: "right", TLS: secured}, SMTP{TLS: StartTLS, Username: "news", Password: "right", Roots: roots}},
		"direct":   {standin.Options{TLS: secured, Direct: true}, SMTP{TLS: DirectTLS, Roots: roots}},
	} {
		t.Run(name, func(t *testing.T) {
			sink := startSink(t, c.sink)
			c.relay.Address = sink.Addr()
			n, err := NewNotifier(NotifierOptions{
				To: "office@example.org", From: mail.Address{Name: "协会", Address: "news@example.org"}, EnvelopeFrom: "bounce@example.org", SMTP: c.relay,
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := n.Send(t.Context(), alertNotice()); err != nil {
					t.Fatal(err)
				}
			}
			mails := sink.Messages()
			if len(mails) != 2 || mails[0].To != "office@example.org" || mails[0].From != "bounce@example.org" || mails[0].MessageID != mails[1].MessageID {
				t.Fatalf("mails %+v", mails)
			}
			checkAlertMail(t, mails[0].Raw)
		})
	}
}

func checkAlertMail(t *testing.T, raw []byte) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "[驿站] 第 142 期发行完成") || m.Header.Get("Bcc") != "" {
		t.Errorf("subject %q, Bcc %q, %v", subject, m.Header.Get("Bcc"), err)
	}
	if m.Header.Get("Auto-Submitted") != "auto-generated" || !strings.HasSuffix(m.Header.Get("Message-ID"), ".alert@example.org>") {
		t.Errorf("header %v", m.Header)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if err != nil || !strings.Contains(string(body), "第 142 期发行完成。") || !strings.Contains(string(body), "Run 3 of issue 142") {
		t.Errorf("body %q, %v", body, err)
	}
}

// TestNotifierFails: what is refused is an error without the address in it; what
// was taken is none, whatever comes after.
func TestNotifierFails(t *testing.T) {
	for phase, fault := range map[string]standin.Fault{
		"rcpt": {Code: 550, Text: "5.1.1 office@example.org unknown"},
		"dot":  {Code: 451, Text: "4.3.0 later"},
	} {
		sink := startSink(t, standin.Options{Script: func(p, _, _ string, _ int) standin.Fault {
			if p == phase {
				return fault
			}
			return standin.Fault{}
		}})
		n, err := NewNotifier(NotifierOptions{To: "office@example.org", From: mail.Address{Address: "news@example.org"}, SMTP: SMTP{Address: sink.Addr(), TLS: NoTLS}})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Send(t.Context(), alertNotice())
		if err == nil || strings.Contains(err.Error(), "office@") {
			t.Errorf("refused at %s: %v", phase, err)
		}
	}
	for _, o := range []NotifierOptions{
		{To: "office", From: mail.Address{Address: "news@example.org"}, SMTP: SMTP{Address: "127.0.0.1:25"}},
		{To: "office@example.org", SMTP: SMTP{Address: "127.0.0.1:25"}},
		{To: "office@example.org", From: mail.Address{Address: "news@example.org"}},
	} {
		if _, err := NewNotifier(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
