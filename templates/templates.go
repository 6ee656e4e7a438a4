// Package templates turns an issue into its digests: the mail's HTML and text,
// the WeChat article with its cover, the web page of the full issue, and the
// small pages that share its look.
//
// It is pure: the same input gives the same bytes, nothing is read but the
// embedded templates and, once, the operator's overrides. Everything imported is
// escaped text; no markup of an issue file reaches a reader. A mail is checked
// against the rules of [Check] before it is returned, and has at most [MaxHTML]
// bytes of HTML whatever the issue holds: leads get shorter, then headlines
// stand alone, and the mail says how many articles are on the web page.
package templates

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	texttemplate "text/template"
)

//go:embed *.html *.txt *.css page/*.html site/*.html
var files embed.FS

// Options of a [Set].
type Options struct {
	// Dir holds the operator's own templates. A file in it replaces the
	// embedded one of the same name (email.html, page/unsubscribe.html); the
	// others stay. Empty: none.
	Dir string
	// Theme are the operator's colours, logo and signature.
	Theme Theme
}

// Set is a parsed set of templates. It is safe for concurrent use.
type Set struct {
	email, web, article *template.Template
	feed                *template.Template // an issue in the feeds
	letter              *template.Template
	text, letterText    *texttemplate.Template
	pages               map[string]*template.Template // by name: unsubscribe
	site                map[string]*template.Template // by name: home, issues, article, missing
	css                 map[string]template.CSS       // by file: email.css
	theme               Theme
	colours             palette
}

// New parses all templates. Of an operator's own, and under a theme, it renders a
// short issue with each, so that a mistake is found now; those that come with the
// program are known to be good. Its errors name the file and line.
func New(o Options) (*Set, error) {
	if err := known(o.Dir); err != nil {
		return nil, err
	}
	colours, errs := o.Theme.check()
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s := &Set{css: map[string]template.CSS{}, theme: o.Theme, colours: colours}
	for _, name := range []string{"email.css", "email-head.css", "letter.css", "letter-head.css", "web.css", "site.css"} {
		src, _, err := source(o.Dir, name)
		if err != nil {
			return nil, err
		}
		if strings.Contains(strings.ToLower(src), "</style") {
			return nil, fmt.Errorf("template %s: a style sheet cannot hold </style", name)
		}
		if src, err = colours.themed(name, src); err != nil {
			return nil, err
		}
		s.css[name] = template.CSS(strings.TrimSpace(minify(src)))
	}
	s.css["site.css"] = s.css["web.css"] + "\n" + s.css["site.css"]
	var err error
	if s.email, err = s.parse(o.Dir, "email.html"); err != nil {
		return nil, err
	}
	if s.web, err = s.parse(o.Dir, "web.html", "blocks.html"); err != nil {
		return nil, err
	}
	if s.article, err = s.parse(o.Dir, "wechat.html"); err != nil {
		return nil, err
	}
	if s.feed, err = s.parse(o.Dir, "feed.html"); err != nil {
		return nil, err
	}
	if s.letter, err = s.parse(o.Dir, "letter.html"); err != nil {
		return nil, err
	}
	if s.text, err = parseText(o.Dir, "email.txt"); err != nil {
		return nil, err
	}
	if s.letterText, err = parseText(o.Dir, "letter.txt"); err != nil {
		return nil, err
	}
	if s.pages, err = s.framed(o.Dir, "page", "page.html"); err != nil {
		return nil, err
	}
	if s.site, err = s.framed(o.Dir, "site", "site.html", "blocks.html"); err != nil {
		return nil, err
	}
	if o.Dir == "" && o.Theme == (Theme{}) {
		return s, nil
	}
	if err := s.rehearse(); err != nil {
		return nil, err
	}
	return s, nil
}

// framed parses the templates in a folder, each with the frame that it fills.
func (s *Set) framed(dir, folder string, frame ...string) (map[string]*template.Template, error) {
	names, err := fs.Glob(files, folder+"/*.html")
	if err != nil {
		return nil, fmt.Errorf("list page templates: %w", err)
	}
	out := map[string]*template.Template{}
	for _, name := range names {
		t, err := s.parse(dir, append(slices.Clone(frame), name)...)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(strings.TrimPrefix(name, folder+"/"), ".html")] = t
	}
	return out, nil
}

// known refuses files in dir that would replace nothing: a misspelt name would
// otherwise go unnoticed until the mail is out.
func known(dir string) error {
	if dir == "" {
		return nil
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || strings.HasPrefix(d.Name(), ".") || strings.EqualFold(filepath.Ext(name), ".md"):
			return nil
		}
		if _, err := fs.Stat(files, name); err != nil {
			return fmt.Errorf("%s replaces no template: rename or remove it (see docs/templates.md for the names)", filepath.Join(dir, name))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read template folder: %w", err)
	}
	return nil
}

// source returns the text of a template and the name that errors call it by:
// the operator's path when it is theirs.
func source(dir, name string) (src, path string, err error) {
	if dir != "" {
		path := filepath.Join(dir, filepath.FromSlash(name))
		b, err := os.ReadFile(path)
		if err == nil {
			return string(b), path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("read template: %w", err)
		}
	}
	b, err := files.ReadFile(name)
	if err != nil {
		return "", "", fmt.Errorf("read template: %w", err)
	}
	return string(b), name, nil
}

// parse parses a template and those that it is filled with.
func (s *Set) parse(dir string, names ...string) (*template.Template, error) {
	var root *template.Template
	for _, name := range names {
		src, path, err := source(dir, name)
		if err == nil {
			src, err = s.colours.themed(name, src)
		}
		if err != nil {
			return nil, err
		}
		t := root.New
		if root == nil {
			t = func(name string) *template.Template {
				root = template.New(name).Option("missingkey=error").Funcs(functions())
				return root
			}
		}
		if _, err := t(path).Parse(src); err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
	}
	return root, nil
}

// functions are what the HTML templates may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"outlook": outlook, "join": strings.Join, "footnote": footnote,
		"set": typeset, "tidy": tidy, "credits": together,
	}
}

// parseText parses a template of plain text.
func parseText(dir, name string) (*texttemplate.Template, error) {
	src, path, err := source(dir, name)
	if err != nil {
		return nil, err
	}
	t, err := texttemplate.New(path).Option("missingkey=error").Funcs(texttemplate.FuncMap{"join": strings.Join}).Parse(src)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return t, nil
}

// outlook wraps markup in a comment that only classic Outlook reads; a comment
// written in the template itself would be taken out of it.
func outlook(markup string) template.HTML {
	return template.HTML("<!--[if mso]>" + strings.ReplaceAll(markup, "--", "") + "<![endif]-->")
}

// footnote is the number of the i-th link.
func footnote(i int) int { return i + 1 }

// minify takes comments and indentation out of a style sheet: in a mail every
// byte counts against the limit.
func minify(css string) string {
	var out strings.Builder
	for {
		from := strings.Index(css, "/*")
		if from < 0 {
			break
		}
		out.WriteString(css[:from])
		to := strings.Index(css[from+2:], "*/")
		if to < 0 {
			css = ""
			break
		}
		css = css[from+2+to+2:]
	}
	out.WriteString(css)
	var lines []string
	for l := range strings.Lines(out.String()) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// Page renders one of the small pages, in the frame of page.html. Language is a
// tag such as zh-CN or en; each page's template says what its data must have,
// [Unsubscribe] is that of the page "unsubscribe".
func (s *Set) Page(name, language string, data any) ([]byte, error) {
	t, ok := s.pages[name]
	if !ok {
		return nil, fmt.Errorf("render page: there is no template page/%s.html", name)
	}
	return execute(t, pageView{L: labels(language), CSS: s.css["web.css"], Data: data})
}

// pageView is what page.html and the templates in page/ are given.
type pageView struct {
	L    Labels
	CSS  template.CSS
	Data any
}

// Unsubscribe is the data of the page "unsubscribe". A caller may hand over any
// struct with these fields.
type Unsubscribe struct {
	// State is ask (a GET: nothing has happened yet), left (a GET of somebody who
	// unsubscribed before; the button undoes it), done (unsubscribed),
	// undone (subscribed again) or error (the link is not valid).
	State string
	// Title is the periodical's.
	Title string
	// Address is the subscriber's, masked; it may be empty.
	Address string
	// Channel that it is about: email, wechat; it may be empty.
	Channel string
	// Action is the address that the page's one button posts to; "" is no button.
	Action string
	// Problem of the state error: link and expired (not valid) get advice how to
	// find a good link, others only Error, a sentence in the page's language.
	Problem, Error string
	// Explain is the address that the form for the reason of the state done posts
	// to; "" is no form.
	Explain string
}

// StyleHash is the source expression ('sha256-…') that allows the style sheet of
// the web pages in a Content-Security-Policy; they need nothing else: no
// script, no font, no image.
func (s *Set) StyleHash() string { return styleHash(s.css["web.css"]) }

func styleHash(css template.CSS) string {
	sum := sha256.Sum256([]byte(css))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// execute runs a template into memory.
func execute(t interface {
	Execute(w io.Writer, data any) error
}, data any,
) ([]byte, error) {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return out.Bytes(), nil
}
