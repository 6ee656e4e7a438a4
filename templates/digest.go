package templates

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/vanng822/go-premailer/premailer"

	"yizhan/issue"
)

// MaxHTML is the size of a mail's HTML, in bytes. Gmail shows about 102 kB and
// cuts off the rest, the unsubscribe link with it; whether it counts the HTML or
// the encoded message is disputed. 70,000 bytes are 96 kB in base64, which is
// below the limit by either reading.
const MaxHTML = 70_000

// Input is what a digest is made from.
type Input struct {
	Issue    issue.Issue
	Revision issue.Revision
	// Sections are those that a mail is about; nil: all. Places and links of the
	// articles stay those of the whole issue. Only [Set.Email] looks at it.
	Sections issue.Choice
	// Language of the words around the issue's own text: zh-CN or en; "": what
	// [Language] says.
	Language string
	// PublicURL is where the web pages are, without a slash at the end.
	PublicURL string
	// UnsubscribeURL is printed as it stands: a real link, or a placeholder
	// that is patched later. It must survive as an address: only letters,
	// digits and -._~:/?#@!$=& in it.
	UnsubscribeURL string
	Imprint        Imprint
	// Correction says that readers have an older revision of the issue: the
	// subject begins with [更正], and a note says when and, if Revision.Note does,
	// what was corrected.
	Correction bool
	leads      []string // of all articles, once they are known

	// Zone of the dates that people read; nil: UTC.
	Zone *time.Location
	// Locked are the places of sections of which the reader sees titles and leads
	// only.
	Locked []int
	// ReaderToken opens to the mail's reader what is for members; it is in the links
	// of locked articles. Like UnsubscribeURL it may be a placeholder. Empty: none.
	ReaderToken string
	// OriginalURL is where the issue's own file can be had; empty: nowhere.
	OriginalURL string
	// RemindURL is where a reader can ask to be reminded of the next issue; empty:
	// nowhere. Only [Set.Web] looks at it.
	RemindURL string
	// Pictures are the addresses of the issue's pictures by name, where WeChat has
	// them; one without an address is left out. Only [Set.Article] looks at it.
	Pictures map[string]string
}

// in is an instant in the zone of the dates that people read.
func (in Input) in(t time.Time) time.Time {
	if in.Zone == nil {
		return t.UTC()
	}
	return t.In(in.Zone)
}

// Imprint is what the law wants to see of the sender; empty lines are left out.
type Imprint struct {
	Address, Contact string
	ICP              string // 沪ICP备00000000号
}

func (i Imprint) clean() Imprint {
	return Imprint{Address: line(i.Address), Contact: line(i.Contact), ICP: line(i.ICP)}
}

// Digest is an issue rendered as a mail.
type Digest struct {
	Subject   string
	Preheader string
	HTML      []byte
	Text      []byte
	// OnWeb counts the articles whose lead had to be shortened or left out for
	// want of room, Unlisted those of them that have not even their headline in
	// the mail.
	OnWeb, Unlisted int

	// Headlines and Credits are what both parts must show, in order;
	// UnsubscribeURL is the link that both must have.
	Headlines, Credits []string
	UnsubscribeURL     string
}

// validate says what keeps an input from being rendered.
func (in Input) validate(mail bool) error {
	u, err := url.Parse(in.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("public_url %q is not an http(s) address: links in the digest need one", in.PublicURL)
	}
	if mail && in.UnsubscribeURL == "" {
		return errors.New("the unsubscribe link is missing: a mail must not go out without it")
	}
	if in.Issue.ID == "" {
		return errors.New("the issue has no id: its web page needs one")
	}
	return nil
}

// articles are those that a digest is about, in printed order.
func (in Input) articles() []issue.Article {
	var out []issue.Article
	for at, s := range in.Issue.Sections {
		if in.Sections.Has(at) {
			out = append(out, s.Articles...)
		}
	}
	return out
}

func (in Input) webURL() string {
	return in.base() + "/issues/" + url.PathEscape(in.Issue.ID)
}

func (in Input) base() string { return strings.TrimRight(in.PublicURL, "/") }

// Email renders the digest as a mail. An issue that is too long is shortened
// until it fits [MaxHTML]: see the package comment. A digest that breaks a rule
// of [Check] is an error that names each of them.
func (s *Set) Email(in Input) (Digest, error) {
	if err := in.validate(true); err != nil {
		return Digest{}, fmt.Errorf("render mail: %w", err)
	}
	d, err := s.fitted(in)
	if err != nil {
		return Digest{}, fmt.Errorf("render mail: %w", err)
	}
	if found := Check(d); len(found) > 0 {
		errs := make([]error, len(found))
		for i, f := range found {
			errs[i] = f
		}
		return Digest{}, fmt.Errorf("render mail: the digest breaks its rules, mend the template: %w", errors.Join(errs...))
	}
	return d, nil
}

// mail renders both parts with one fit.
func (s *Set) mail(in Input, f fit) (Digest, error) {
	v := s.view(in, f)
	d := Digest{UnsubscribeURL: in.UnsubscribeURL, Headlines: v.headlines(false)}
	v.CSS, v.HeadCSS = s.css["email.css"], s.css["email-head.css"]
	v.Filler = template.HTML(strings.Repeat("&#847;&zwnj;&nbsp;", fillerRepeat))
	v.Subject, v.Preheader = v.subject(), v.preheader()
	d.Subject, d.Preheader = v.Subject, v.Preheader
	// Mailboxes fetch pictures over https only, and from nowhere near here.
	if base := strings.TrimRight(in.PublicURL, "/"); v.Logo != nil && strings.HasPrefix(base, "https://") {
		v.LogoURL = base + v.Logo.Path
	}
	for _, e := range v.entries() {
		d.Credits = append(d.Credits, e.Credits...)
	}
	dropped := 0
	d.OnWeb, dropped = shortfall(in, v)
	d.Unlisted = len(in.articles()) - len(d.Headlines)
	d.OnWeb += d.Unlisted
	dropped += d.Unlisted
	switch {
	case d.Unlisted > 0:
		v.Remark = v.Chosen + fmt.Sprintf(v.L.unlisted, v.total, dropped, d.Unlisted)
	case dropped > 0:
		v.Remark = v.Chosen + fmt.Sprintf(v.L.dropped, v.total, dropped)
	case d.OnWeb > 0:
		v.Remark = v.Chosen + fmt.Sprintf(v.L.shortened, v.total, d.OnWeb)
	}
	raw, err := execute(s.email, v)
	if err != nil {
		return Digest{}, err
	}
	if d.HTML, err = inline(raw); err != nil {
		return Digest{}, err
	}
	d.Text, err = execute(s.text, v)
	return d, err
}

// inline moves the rules of the first style sheet to the elements: QQ Mail and
// NetEase drop style sheets, and so does Gmail in some places.
func inline(page []byte) ([]byte, error) {
	p, err := premailer.NewPremailerFromString(string(page), &premailer.Options{})
	if err != nil {
		return nil, fmt.Errorf("inline styles: %w", err)
	}
	out, err := p.Transform()
	if err != nil {
		return nil, fmt.Errorf("inline styles: %w", err)
	}
	out = strings.Replace(out, ` data-premailer="ignore"`, "", 1)
	return []byte(blank.ReplaceAllString(out, "\n") + "\n"), nil
}

// blank is the indentation and the empty lines of a template.
var blank = regexp.MustCompile(`[ \t]*\n\s*`)

// Web renders the web page of the full issue, an anchor (#a1, #a2 …) for each
// article in printed order. It has no script and one style sheet: see
// [Set.StyleHash].
func (s *Set) Web(in Input) ([]byte, error) {
	if err := in.validate(false); err != nil {
		return nil, fmt.Errorf("render web page: %w", err)
	}
	in.Sections = nil
	v := s.view(in, fit{listed: everything, led: everything, lead: leadMax, note: everything, contents: true, blocks: true, folder: path.Base(in.webURL())})
	v.CSS = s.css["web.css"]
	v.LinkedData = publication(v)
	v.Subject, v.Preheader = v.subject(), v.preheader()
	out, err := execute(s.web, v)
	if err != nil {
		return nil, fmt.Errorf("render web page: %w", err)
	}
	return out, nil
}
