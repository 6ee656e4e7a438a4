package templates

// What the pages say of themselves for machines: https://schema.org/PublicationIssue,
// https://schema.org/Article and https://schema.org/Periodical, read 2026-11. It is a block of
// data in the page, no script: a Content-Security-Policy need not allow it.

const schemaOrg = "https://schema.org"

type linkedPeriodical struct {
	Context   string       `json:"@context,omitempty"`
	Type      string       `json:"@type"`
	Name      string       `json:"name"`
	URL       string       `json:"url,omitempty"`
	Publisher *linkedName  `json:"publisher,omitempty"`
	Newest    *linkedIssue `json:"hasPart,omitempty"`
}

type linkedName struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

type linkedIssue struct {
	Context   string           `json:"@context,omitempty"`
	Type      string           `json:"@type"`
	ID        string           `json:"@id"`
	URL       string           `json:"url"`
	Name      string           `json:"name"`
	Number    string           `json:"issueNumber,omitempty"`
	Published string           `json:"datePublished,omitempty"`
	Language  string           `json:"inLanguage,omitempty"`
	PartOf    linkedPeriodical `json:"isPartOf"`
	Parts     []linkedArticle  `json:"hasPart,omitempty"`
}

type linkedArticle struct {
	Context  string       `json:"@context,omitempty"`
	Type     string       `json:"@type"`
	ID       string       `json:"@id"`
	URL      string       `json:"url"`
	Headline string       `json:"headline"`
	Author   string       `json:"author,omitempty"`
	Free     bool         `json:"isAccessibleForFree"`
	PartOf   *linkedIssue `json:"isPartOf,omitempty"`
}

// describe is an issue without its articles.
func describe(v View) linkedIssue {
	i := linkedIssue{
		Type: "PublicationIssue", ID: v.WebURL, URL: v.WebURL, Name: v.Title + " " + v.IssueName,
		Number: v.Number, Published: v.Date, Language: textLanguage,
		PartOf: linkedPeriodical{Type: "Periodical", Name: v.Title},
	}
	if v.Publisher != "" {
		i.PartOf.Publisher = &linkedName{Type: "Organization", Name: v.Publisher}
	}
	return i
}

// textLanguage is that of the issues' own text.
const textLanguage = "zh-CN"

func linkedEntry(e Entry) linkedArticle {
	return linkedArticle{Type: "Article", ID: e.Permalink, URL: e.Permalink, Headline: e.Title, Author: e.byline, Free: e.Locked == ""}
}

// publication is the block of the issue's page.
func publication(v View) linkedIssue {
	i := describe(v)
	i.Context = schemaOrg
	for _, e := range v.entries() {
		i.Parts = append(i.Parts, linkedEntry(e))
	}
	return i
}

// article is the block of an article's page.
func article(v View, e Entry) linkedArticle {
	a, i := linkedEntry(e), describe(v)
	a.Context, a.PartOf = schemaOrg, &i
	return a
}

// periodical is the block of the front page.
func periodical(title string, site Site, latest *View) linkedPeriodical {
	p := linkedPeriodical{Context: schemaOrg, Type: "Periodical", Name: title, URL: site.PublicURL}
	if latest != nil {
		i := describe(*latest)
		i.PartOf = linkedPeriodical{Type: "Periodical", Name: title}
		p.Newest = &i
		p.Publisher = describe(*latest).PartOf.Publisher
	}
	return p
}
