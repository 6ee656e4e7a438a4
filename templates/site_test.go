package templates

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sitePages renders each of the public pages once.
func sitePages(t *testing.T, s *Set, language string) map[string][]byte {
	t.Helper()
	in := input(language)
	latest := s.Listed(in)
	site := Site{Title: in.Issue.Title, PublicURL: in.PublicURL, Imprint: in.Imprint, Language: language}
	out := map[string][]byte{}
	for name, data := range map[string]any{
		"home":    Home{Latest: &latest, Earlier: []View{latest, latest}, More: true},
		"issues":  Archive{Years: []Year{{Name: s.YearName(2026, language), Issues: []View{latest, latest}}, {Name: s.YearName(0, language), Issues: []View{latest}}}},
		"missing": nil,
		"denied":  nil,
	} {
		page, err := s.SitePage(name, site, data)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = page
	}
	page, err := s.ArticlePage(in, 2)
	if err != nil {
		t.Fatal(err)
	}
	out["article"] = page
	return out
}

func TestSitePages(t *testing.T) {
	s := set(t)
	for _, language := range []string{"zh-CN", "en"} {
		for name, page := range sitePages(t, s, language) {
			golden := filepath.Join("testdata", "site", name+"."+language+".html")
			// The style sheet is in the repository already.
			body := strings.Replace(string(page), string(s.css["site.css"]), "", 1)
			if *update {
				if err := os.WriteFile(golden, []byte(body), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), body); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
			if len(scripts(t, page)) > 0 || strings.Contains(body, "style=") || len(nodes(t, page, "h1")) != 1 || len(nodes(t, page, "main")) != 1 {
				t.Errorf("%s: it has scripts or styles, or not one heading and one main part", golden)
			}
			if got := styleHash(s.css["site.css"]); got != s.SiteStyleHash() {
				t.Errorf("%s: style hash %s", golden, got)
			}
		}
	}
}

// TestLinkedData: the pages say what they are, in JSON that a machine can read.
func TestLinkedData(t *testing.T) {
	s := set(t)
	pages := sitePages(t, s, "zh-CN")
	web, err := s.Web(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	pages["web"] = web
	for name, kind := range map[string]string{"web": "PublicationIssue", "article": "Article", "home": "Periodical"} {
		blocks := nodes(t, pages[name], "script")
		if len(blocks) != 1 {
			t.Fatalf("%s: %d blocks", name, len(blocks))
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(content(blocks[0])), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got["@type"] != kind || got["@context"] != "https://schema.org" {
			t.Errorf("%s: %v", name, got)
		}
		if name == "web" && (got["issueNumber"] != "58" || len(got["hasPart"].([]any)) != 8 || got["isPartOf"].(map[string]any)["name"] != "云溪茶讯") {
			t.Errorf("%s: %v", name, got)
		}
	}
	in := input("zh-CN")
	in.Issue.Title = `</script><b>"`
	if web, err = s.Web(in); err != nil || len(nodes(t, web, "b")) != len(nodes(t, pages["web"], "b")) {
		t.Errorf("a title broke out of the block: %v", err)
	}
}

// TestLocked: of a locked section there are titles, credits and leads, and nothing
// else anywhere.
func TestLocked(t *testing.T) {
	s := set(t)
	in := input("zh-CN")
	secret := strings.Repeat("不给外人看的一段。", 30)
	in.Issue.Sections[1].Articles[0].Blocks = append(in.Issue.Sections[1].Articles[0].Blocks, para(secret))
	in.Issue.Sections[0].Articles[0].Blocks = append(in.Issue.Sections[0].Articles[0].Blocks, para(secret))
	in.Locked = []int{0, 1}
	title := in.Issue.Sections[1].Articles[0].Title
	var pages [][]byte
	web, err := s.Web(in)
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, web)
	for n := range in.Issue.Sections[1].Articles {
		page, err := s.ArticlePage(in, n+2)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
	}
	if !strings.Contains(string(web), title) || !strings.Contains(string(web), "会员资料") {
		t.Errorf("the page does not say what there is and for whom")
	}
	mail, err := s.Email(in)
	if err != nil {
		t.Fatal(err)
	}
	feed := Feed{Site: Site{Title: "题", PublicURL: in.PublicURL}, Entries: []FeedEntry{{Issue: s.Listed(in)}}}
	atom, err1 := s.Atom(feed)
	items, err2 := s.JSONFeed(feed)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, text := range append(pages, mail.HTML, mail.Text, atom, items) {
		if strings.Contains(string(text), secret[:len("不给外人看的一段。")*4]) {
			t.Errorf("the text is in\n%s", text)
		}
	}
	in.Locked = nil
	if web, err = s.Web(in); err != nil || !strings.Contains(string(web), secret) {
		t.Errorf("it is not there for those who may read it: %v", err)
	}
}

func TestNoSuchArticle(t *testing.T) {
	for _, n := range []int{-1, 0, 9} {
		if _, err := set(t).ArticlePage(input("zh-CN"), n); !errors.Is(err, ErrNoArticle) {
			t.Errorf("article %d: %v", n, err)
		}
	}
}

func feed(s *Set) Feed {
	in := input("zh-CN")
	at := time.Date(2026, 9, 10, 9, 0, 0, 0, time.FixedZone("", 8*3600))
	return Feed{
		Site:    Site{Title: in.Issue.Title, PublicURL: in.PublicURL},
		Entries: []FeedEntry{{Issue: s.Listed(in), Published: at, Updated: at.Add(time.Hour)}},
	}
}

// TestAtom checks what RFC 4287 asks for: 4.1.1 (feed), 4.1.2 (entry), 4.2.6 (an id
// is an IRI, and there is one of each), 3.3 (dates are of RFC 3339).
func TestAtom(t *testing.T) {
	s := set(t)
	for name, f := range map[string]Feed{"full": feed(s), "empty": {Site: feed(s).Site}} {
		text, err := s.Atom(f)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			XMLName xml.Name
			ID      []string `xml:"http://www.w3.org/2005/Atom id"`
			Title   []string `xml:"http://www.w3.org/2005/Atom title"`
			Updated []string `xml:"http://www.w3.org/2005/Atom updated"`
			Author  []string `xml:"http://www.w3.org/2005/Atom author>name"`
			Links   []struct {
				Rel  string `xml:"rel,attr"`
				Href string `xml:"href,attr"`
			} `xml:"http://www.w3.org/2005/Atom link"`
			Entries []struct {
				ID      []string `xml:"id"`
				Title   []string `xml:"title"`
				Updated []string `xml:"updated"`
				Content struct {
					Type string `xml:"type,attr"`
					Text string `xml:",chardata"`
				} `xml:"content"`
			} `xml:"http://www.w3.org/2005/Atom entry"`
		}
		if err := xml.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.XMLName.Local != "feed" || got.XMLName.Space != "http://www.w3.org/2005/Atom" || len(got.Entries) != len(f.Entries) {
			t.Errorf("%s: %v with %d entries", name, got.XMLName, len(got.Entries))
		}
		ids, titles, stamps := got.ID, got.Title, got.Updated
		for _, e := range got.Entries {
			ids, titles, stamps = append(ids, e.ID...), append(titles, e.Title...), append(stamps, e.Updated...)
			if e.Content.Type != "html" || !strings.Contains(e.Content.Text, "<li>") {
				t.Errorf("%s: content %+v", name, e.Content)
			}
		}
		want := 1 + len(f.Entries)
		if len(ids) != want || len(titles) != want || len(stamps) != want || len(got.Author) != 1 || got.Author[0] == "" {
			t.Errorf("%s: %q %q %q %q", name, ids, titles, stamps, got.Author)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(ids)))) != want {
			t.Errorf("%s: ids are not of one thing each: %q", name, ids)
		}
		for _, id := range ids {
			if u, err := url.Parse(id); err != nil || !u.IsAbs() {
				t.Errorf("%s: id %q", name, id)
			}
		}
		for _, at := range stamps {
			if _, err := time.Parse(time.RFC3339, at); err != nil {
				t.Error(err)
			}
		}
		if len(got.Links) != 2 || got.Links[0].Rel != "self" || got.Links[0].Href != "https://news.example.org/feed.xml" {
			t.Errorf("%s: links %+v", name, got.Links)
		}
	}
}

// TestJSONFeed checks what https://www.jsonfeed.org/version/1.1/ asks for.
func TestJSONFeed(t *testing.T) {
	s := set(t)
	for name, f := range map[string]Feed{"full": feed(s), "empty": {Site: feed(s).Site}} {
		text, err := s.JSONFeed(f)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Version, Title string
			Items          []struct {
				ID        string
				HTML      string `json:"content_html"`
				Published string `json:"date_published"`
			}
			FeedURL string `json:"feed_url"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.Version != "https://jsonfeed.org/version/1.1" || got.Title == "" || got.Items == nil || got.FeedURL == "" {
			t.Errorf("%s: %+v", name, got)
		}
		for _, item := range got.Items {
			if _, err := time.Parse(time.RFC3339, item.Published); err != nil || item.ID == "" || item.HTML == "" {
				t.Errorf("%s: %+v, %v", name, item, err)
			}
		}
	}
}
