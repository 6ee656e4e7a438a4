package email

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"yizhan/dispatch"
	"yizhan/templates"
)

// BySection implements [dispatch.Selective].
func (c *Channel) BySection() bool { return true }

// Prepare implements [dispatch.Channel]: one variant, or one for each service mail.
func (c *Channel) Prepare(_ context.Context, content dispatch.Content) ([]dispatch.Variant, error) {
	if content.Kind == dispatch.KindService {
		return c.prepareLetters(content)
	}
	link := c.options.Links.Placeholder()
	if !isLink(link) {
		return nil, fmt.Errorf("prepare mail: the unsubscribe link %q would have to be escaped", link)
	}
	in := templates.Input{
		Issue: content.Issue, Revision: content.Revision, Sections: content.Sections, Language: c.options.Language,
		PublicURL: c.options.PublicURL, UnsubscribeURL: link, Imprint: c.options.Imprint,
		Correction: content.Correction, Zone: c.options.Zone,
	}
	reader := ""
	if c.options.Locked != nil {
		in.Locked = c.options.Locked(content.Issue)
	}
	if len(in.Locked) > 0 {
		if reader = c.options.Links.ReaderPlaceholder(); !isLink(reader) {
			return nil, fmt.Errorf("prepare mail: the members' link %q would have to be escaped", reader)
		}
		in.ReaderToken = reader
	}
	digest, err := c.options.Digest.Email(in)
	if err != nil {
		return nil, fmt.Errorf("prepare mail: %w", err)
	}
	if !bytes.Contains(digest.HTML, []byte(link)) || !bytes.Contains(digest.Text, []byte(link)) {
		return nil, errors.New("prepare mail: the unsubscribe link is missing from the text or the HTML: mend the templates")
	}
	if !bytes.Contains(digest.HTML, []byte(reader)) && !bytes.Contains(digest.Text, []byte(reader)) {
		reader = "" // none of what is for members is in this mail
	}
	v, err := c.freeze(content, digest, link, reader)
	if err != nil {
		return nil, fmt.Errorf("prepare mail: %w", err)
	}
	return []dispatch.Variant{v}, nil
}

// isLink reports whether a link can stand in a header and in HTML as it is.
func isLink(link string) bool {
	return link != "" && isASCII(link) && !strings.ContainsAny(link, "&<>\"' \r\n")
}

// freeze composes a mail and freezes it with places for what differs between
// readers: address, id, and the links, if it has any; the first may also stand in
// the header.
func (c *Channel) freeze(content dispatch.Content, digest templates.Digest, links ...string) (v dispatch.Variant, err error) {
	places := c.places(content, digest, links[0])
	raw, err := c.compose(content, digest, places)
	if err != nil {
		return v, err
	}
	holders := []string{places.to, places.id}
	for _, link := range links {
		if link != "" {
			holders = append(holders, link)
		}
	}
	m, err := templates.Freeze(raw, holders...)
	if err != nil {
		return v, err
	}
	data := m.Marshal()
	if len(c.signers) > 0 {
		if data, err = c.freezeSigned(raw, m, holders, content.PlannedAt); err != nil {
			return v, err
		}
	}
	return dispatch.Variant{Data: data, MessageID: "<%s." + subject(content) + "@" + c.domain + ">"}, nil
}

// subject is the issue's id as it can stand in a Message-ID.
func subject(content dispatch.Content) string {
	if content.Kind == dispatch.KindService {
		return "letter"
	}
	return atom(content.Issue.ID)
}

// freezeSigned freezes a mail that all keys sign, and proves that a receiver who
// has the keys' records accepts it: a run whose mails everybody would take for
// forged is not planned.
func (c *Channel) freezeSigned(raw []byte, m *templates.Message, holders []string, date time.Time) ([]byte, error) {
	form, err := formOf(raw, holders, c.signers, date)
	if err != nil {
		return nil, err
	}
	signed, err := newMail(m, form, c.signers)
	if err != nil {
		return nil, err
	}
	first, err := signed.append(nil, holders...)
	if err != nil {
		return nil, err
	}
	if err := verify(first, len(c.signers), c.ownRecords); err != nil {
		return nil, err
	}
	return form.prepend(m.Marshal())
}

// places are what stands in the composed mail where readers' own values go, and
// the boundary between its parts.
type places struct{ to, id, link, boundary string }

// places derives all from the content, so that no imported text can hold one by
// chance, and the same run composed again gives the same bytes.
func (c *Channel) places(content dispatch.Content, digest templates.Digest, link string) places {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%d\n", content.Issue.ID, content.Revision.Hash, content.PlannedAt.UnixMilli())
	h.Write(digest.HTML)
	h.Write(digest.Text)
	sum := hex.EncodeToString(h.Sum(nil))
	return places{
		to: "to-" + sum[:16] + "@place.invalid", id: "<id-" + sum[16:32] + "@place.invalid>",
		link: link, boundary: "part-" + sum[32:],
	}
}

// compose makes the mail with go-mail. The fields are set as generic ones: those
// are written in a fixed order and folded at their spaces, while of the
// "preformatted" ones there can be but one, or their order is random.
func (c *Channel) compose(content dispatch.Content, digest templates.Digest, p places) ([]byte, error) {
	subject := clean(digest.Subject)
	if subject == "" {
		return nil, errors.New("the digest has no subject")
	}
	m := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithCharset(gomail.CharsetUTF8),
		gomail.WithNoDefaultUserAgent())
	m.SetBoundary(p.boundary)
	m.SetDateWithValue(content.PlannedAt)
	m.SetGenHeader(gomail.HeaderMessageID, p.id)
	m.SetGenHeader("From", mailbox(c.options.From))
	if c.options.ReplyTo.Address != "" {
		m.SetGenHeader("Reply-To", mailbox(c.options.ReplyTo))
	}
	m.SetGenHeader(gomail.HeaderSubject, encodeText(subject))
	if err := m.To(p.to); err != nil {
		return nil, fmt.Errorf("set receiver: %w", err)
	}
	title := clean(c.options.Title)
	if title == "" {
		title = clean(content.Issue.Title)
	}
	if content.Kind == dispatch.KindService {
		m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	} else {
		c.listHeader(m, p.link, title)
	}
	m.SetGenHeader("Feedback-ID", feedbackID(content, c.domain))
	m.SetBodyString(gomail.TypeTextPlain, string(digest.Text))
	m.AddAlternativeString(gomail.TypeTextHTML, string(digest.HTML))
	var raw bytes.Buffer
	if _, err := m.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return raw.Bytes(), nil
}

// listHeader says that this is a list and how to leave it (RFC 2369, RFC 2919,
// RFC 8058). The one-click field goes out with an http link too, which receivers
// ignore: it makes a trial on one machine look like the real thing.
func (c *Channel) listHeader(m *gomail.Msg, link, title string) {
	leave := "<" + link + ">"
	if c.options.UnsubscribeMailto != "" {
		leave += ",\r\n <mailto:" + c.options.UnsubscribeMailto + "?subject=unsubscribe>"
	}
	// The link is too long for go-mail to leave it on the field's first line.
	// Both values were checked: no line break can come in with them.
	m.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribe, leave)
	m.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	m.SetGenHeader("List-Id", listID(title, c.options.PublicURL, c.domain))
	m.SetGenHeader("List-Archive", "<"+c.options.PublicURL+"/issues>")
	m.SetGenHeader("List-Help", "<"+c.options.PublicURL+"/>")
}
