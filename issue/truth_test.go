package issue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

const (
	seedFile  = "../../shared/seed/issue-142.txt"
	truthFile = "../../shared/seed/issue-142.truth.json"
)

// truth is what the real issue is known to hold, set by hand.
type truth struct {
	Issue struct {
		PublisherEN string `json:"publisher_en"`
		Publisher   string `json:"publisher_zh"`
		Notice      string `json:"notice"`
		Title       string `json:"title"`
		Year        int    `json:"year"`
		Months      []int  `json:"months"`
		Combined    bool   `json:"combined_issue"`
		Number      int    `json:"issue_no"`
		Total       int    `json:"total_no"`
		Sponsor     string `json:"sponsor"`
		Date        string `json:"publication_date"`
		Editor      string `json:"editor"`
		Responsible string `json:"responsible_editor"`
	}
	Contents []struct {
		Title string
		Page  int
	} `json:"toc"`
	Counts struct {
		Joins, Paragraphs int
		BodyHan           int `json:"body_han"`
	}
	Joins []struct {
		To int `json:"to_line"`
	}
	Sections []struct {
		Name     string
		TOCName  string `json:"toc_name"`
		Articles []int
	}
	Articles []truthArticle
}

type truthArticle struct {
	Index      int
	Kind       string
	Section    string
	Title      string
	TitleRaw   string `json:"title_raw"`
	Author     *string
	Source     string
	Excerpted  string `json:"excerpted_from"`
	Paragraphs int
	Headings   []struct {
		Level int
		Text  string
	}
	Han          int      `json:"han_chars"`
	NonSpace     int      `json:"nonspace_chars"`
	Starts       string   `json:"starts_with_raw"`
	Ends         string   `json:"ends_with_raw"`
	SHA          string   `json:"sha256_nospace_body"`
	URLs         []string `json:"urls"`
	DocNo        string
	Signer       string
	Addressee    string
	Attachment   string `json:"attachment_title"`
	SignDate     string
	Contacts     []string
	ReleaseNote  string `json:"release_note"`
	Abstract     string
	Speaker      string
	Membership   string
	Scope        string `json:"business_scope"`
	Website      string
	Signature    string   `json:"signature_raw"`
	ItemOpenings []string `json:"item_openings"`
}

func readSeed(t testing.TB) ([]byte, truth) {
	t.Helper()
	data, err := os.ReadFile(seedFile)
	if err != nil {
		t.Skip("the real issue is not here (" + seedFile + "): the truth test needs it and is skipped")
	}
	raw, err := os.ReadFile(truthFile)
	if err != nil {
		t.Skip("the truth file is not here (" + truthFile + "): the truth test needs it and is skipped")
	}
	var want truth
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	return data, want
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func TestReadTheRealIssue(t *testing.T) {
	data, want := readSeed(t)
	res, err := Read("issue-142.txt", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	is := res.Issue
	w := want.Issue
	same := func(what string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	same("id", is.ID, "142")
	same("masthead", []any{is.PublisherEN, is.Publisher, is.Notice, is.Title, is.Year, is.Months, is.Combined, is.Number, is.Total, is.Sponsor, is.Date},
		[]any{w.PublisherEN, w.Publisher, w.Notice, w.Title, w.Year, w.Months, w.Combined, w.Number, w.Total, w.Sponsor, w.Date})
	same("editors", is.Editors, []Editor{{"编辑", w.Editor}, {"责任编辑", w.Responsible}})
	var contents, printed []ContentsEntry
	contents = append(contents, is.Contents...)
	for _, c := range want.Contents {
		name := strings.Trim(c.Title, "【】")
		printed = append(printed, ContentsEntry{Title: name, Page: c.Page, Section: name != c.Title})
	}
	same("contents", contents, printed)

	var n, blocks, han int
	for k, s := range want.Sections {
		if k >= len(is.Sections) {
			t.Fatalf("section %q is missing", s.Name)
		}
		same("section", is.Sections[k].Name, s.Name)
		same("articles in "+s.Name, len(is.Sections[k].Articles), len(s.Articles))
		for _, a := range is.Sections[k].Articles {
			sameArticle(t, a, want.Articles[n])
			n++
			blocks += len(a.Blocks)
			han += hanCount(strings.Join(a.Paragraphs(), ""))
		}
	}
	same("sections", len(is.Sections), len(want.Sections))
	same("blocks", blocks, want.Counts.Paragraphs)
	same("Han characters", han, want.Counts.BodyHan)
	for _, d := range res.Diagnostics {
		if d.Code == "line-unplaced" {
			t.Errorf("line %d found no place: %s", d.Line, d.Text)
		}
	}
}

func sameArticle(t *testing.T, a Article, w truthArticle) {
	t.Helper()
	kinds := map[string]ArticleKind{"article": KindArticle, "editorial": KindEditorial, "member": KindProfile}
	author := ""
	if w.Author != nil {
		author = *w.Author
	}
	parts := a.Paragraphs()
	for k, p := range parts {
		if p == "……" { // the truth has the author's five dots as printed
			parts[k] = "....."
		}
	}
	body := squeeze(strings.Join(parts, ""))
	hash := sha256.Sum256([]byte(body))
	sum := hex.EncodeToString(hash[:])
	type heading struct {
		Level int
		Text  string
	}
	var got, want []heading
	var urls []string
	items := 0
	for _, b := range a.Blocks {
		if b.Kind == BlockHeading {
			got = append(got, heading{b.Level, b.Text})
		}
		for _, s := range b.Spans {
			if s.Href != "" {
				if u := b.Text[s.From:s.To]; !slices.Contains(urls, u) {
					urls = append(urls, u)
				}
				if s.Href != "http://"+b.Text[s.From:s.To] {
					t.Errorf("%s: link %q to %q", w.Title, b.Text[s.From:s.To], s.Href)
				}
			}
		}
		if b.Kind == BlockItem {
			items++
		}
	}
	for _, h := range w.Headings {
		want = append(want, heading(h))
	}
	if len(urls) == 0 {
		urls = []string{}
	}
	doc, prof := Document{}, Profile{}
	if a.Document != nil {
		doc = *a.Document
	}
	if a.Profile != nil {
		prof = *a.Profile
	}
	wdoc := Document{Number: w.DocNo, Addressee: w.Addressee, Signer: w.Signer, Date: w.SignDate, Contacts: w.Contacts, Attachment: w.Attachment, ReleaseNote: strings.Trim(w.ReleaseNote, "（）")}
	wprof := Profile{Membership: w.Membership, Scope: w.Scope, Website: w.Website, Signature: w.Signature}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"kind", a.Kind, kinds[w.Kind]},
		{"title", a.Title, w.Title},
		{"byline, source, excerpted from, summary, speaker", []string{a.Byline, a.Source, a.ExcerptedFrom, a.Summary, a.Speaker}, []string{author, w.Source, w.Excerpted, w.Abstract, w.Speaker}},
		{"headings", got, want},
		{"blocks", len(a.Blocks), w.Paragraphs},
		{"characters", runeCount(body), w.NonSpace},
		{"body", sum, w.SHA},
		{"links", urls, w.URLs},
		{"document", doc, wdoc},
		{"profile", prof, wprof},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s (-want +got):\n%s", w.Title, c.what, d)
		}
	}
	if wdoc.Number != "" && items < len(w.ItemOpenings) {
		t.Errorf("%s: %d items, want %d", w.Title, items, len(w.ItemOpenings))
	}
}
