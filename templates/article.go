package templates

import "yizhan/issue"

// The limits of a WeChat article, from the platform's page on drafts
// (draft/add, as changed on 2025-12-19). WeChat says 字 and does not say how it
// counts; we count UTF-16 units, which is never less than any other reading, tags
// and attributes of the content included.
const (
	MaxArticleTitle   = 32        // characters; errcode 45003
	MaxArticleAuthor  = 16        // characters; errcode 45110
	MaxArticleDigest  = 128       // characters; errcode 45004
	MaxArticleContent = 20_000    // characters, this number excluded; errcode 45002
	MaxArticleBytes   = 1_000_000 // bytes of the content in UTF-8; errcode 45002
	MaxArticleSource  = 1_024     // bytes of the address behind 阅读原文; errcode 45005
)

// Article is an issue rendered as a WeChat article, within all limits: what
// draft/add wants of it but for the cover, see [Cover]. It holds nothing that
// is one reader's own, and no image: an issue has none.
type Article struct {
	Title     string
	Author    string // may be empty
	Digest    string // the line under the title in the message
	Content   string // HTML that WeChat's filter leaves as it is, see [Filter]
	SourceURL string // 阅读原文: the issue's web page

	// Links are the addresses of the numbered footnotes, in order; they are in
	// Content, too.
	Links []string
	// Headlines, Credits and Sections are what a reader must find in Content.
	Headlines, Credits, Sections []string
	// Diagnostics say what was shortened to get inside the limits.
	Diagnostics []issue.Diagnostic
}

// Cover is the picture above an article's title, 900×383.
type Cover struct {
	PNG []byte
	// Diagnostics say which characters could not be drawn: then the picture has
	// no text.
	Diagnostics []issue.Diagnostic
}
