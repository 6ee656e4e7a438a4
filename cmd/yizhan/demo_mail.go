package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"yizhan/dispatch/standin"
)

// received is a mail in the sink as the pages of the demo show it.
type received struct {
	N         int       `json:"n"`
	From      string    `json:"from"` // envelope
	To        string    `json:"to"`   // envelope
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id"`
	At        time.Time `json:"at"`   // of the first copy
	Size      int       `json:"size"` // bytes
	// Copies counts how often the very same bytes came: after a lost reply the
	// mail is offered once more.
	Copies int `json:"copies"`

	raw []byte
}

// inbox numbers the mails of a sink from 1 in the order in which they came. A
// byte-identical copy is counted with the first.
func inbox(messages []standin.Message) []received {
	out := []received{}
	at := map[string]int{}
	for _, m := range messages {
		key := m.To + "\n" + string(m.Raw)
		if n, ok := at[key]; ok {
			out[n].Copies++
			continue
		}
		at[key] = len(out)
		out = append(out, received{
			N: len(out) + 1, From: m.From, To: m.To, Subject: subjectOf(m.Raw), MessageID: m.MessageID,
			At: m.At, Size: len(m.Raw), Copies: 1, raw: m.Raw,
		})
	}
	return out
}

func subjectOf(raw []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return decoded(m.Header.Get("Subject"))
}

// decoded reads the encoded words of RFC 2047 in a header field.
func decoded(value string) string {
	d := mime.WordDecoder{CharsetReader: func(string, io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("only UTF-8 is expected here")
	}}
	if text, err := d.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// field is one line of a mail's header, unfolded and decoded.
type field struct{ Name, Value string }

// header gives the header fields in their order, and the source of all.
func header(raw []byte) []field {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var fields []field
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if n := len(fields) - 1; n >= 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			fields[n].Value += " " + strings.TrimSpace(line)
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		fields = append(fields, field{name, strings.TrimSpace(value)})
	}
	for n := range fields {
		fields[n].Value = decoded(fields[n].Value)
	}
	return fields
}

// bodies gives the text and the HTML of a mail.
func bodies(raw []byte) (plain, html string, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return "", "", fmt.Errorf("reading a mail: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", "", fmt.Errorf("reading a mail: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		plain, err = body(textproto.MIMEHeader(m.Header), m.Body)
		return plain, "", err
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return plain, html, nil
		}
		if err != nil {
			return "", "", fmt.Errorf("reading the parts of a mail: %w", err)
		}
		content, err := body(part.Header, part)
		if err != nil {
			return "", "", err
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			plain = content
		case "text/html":
			html = content
		}
	}
}

// body decodes the content of a part.
func body(h textproto.MIMEHeader, from io.Reader) (string, error) {
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		from = base64.NewDecoder(base64.StdEncoding, from)
	case "quoted-printable":
		from = quotedprintable.NewReader(from)
	}
	content, err := io.ReadAll(from)
	if err != nil {
		return "", fmt.Errorf("decoding a part of a mail: %w", err)
	}
	return string(content), nil
}
