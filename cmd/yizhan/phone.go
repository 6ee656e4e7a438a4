package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"regexp"

	"yizhan/templates"
)

// phoneView is what a follower has on their telephone.
type phoneView struct {
	Title string // of the page
	Chat  []chatMessage
	// Article is the last one of the chat, opened; nil: there is none.
	Article *phoneArticle
}

// chatMessage is one message in the chat with the account: a card with an article
// or a notice, or words.
type chatMessage struct {
	Title, Digest string
	URL           string       // that a card without an article leads to
	Cover         template.URL // of an article's card
	Fields        []field      // of a notice
	Text          string       // words
	Mine          bool         // the follower's own words
	At            string
}

// phoneArticle is an article as it opens, with what WeChat's filter leaves of it.
type phoneArticle struct {
	Title, Author, Date, SourceURL string
	Content                        template.HTML
}

// phone makes a page that shows a WeChat article as a telephone does: the
// message with its cover, and the article, with what WeChat's filter leaves of
// its content. Image gives the pictures by their addresses, date is the day that it
// is sent.
func phone(a templates.Article, cover templates.Cover, image func(address string) []byte, date string) ([]byte, error) {
	return phoneView{
		Title:   "公众号预览：" + a.Title,
		Chat:    []chatMessage{{Title: a.Title, Digest: a.Digest, Cover: picture(cover.PNG)}},
		Article: &phoneArticle{Title: a.Title, Author: a.Author, Date: date, SourceURL: a.SourceURL, Content: filtered(a.Content, image)},
	}.page()
}

// filtered takes out of an article whatever is active, so that it may stand in a
// page, and puts the pictures in.
func filtered(content string, image func(address string) []byte) template.HTML {
	return template.HTML(pictureSource.ReplaceAllStringFunc(templates.Filter(content), func(attribute string) string {
		address := html.UnescapeString(pictureSource.FindStringSubmatch(attribute)[1])
		return fmt.Sprintf(`<img src="%s"`, picture(image(address)))
	}))
}

// pictureSource is how the filter writes the address of a picture.
var pictureSource = regexp.MustCompile(`<img src="([^"]*)"`)

func picture(data []byte) template.URL {
	return template.URL("data:" + http.DetectContentType(data) + ";base64," + base64.StdEncoding.EncodeToString(data))
}

func (v phoneView) page() ([]byte, error) {
	t, err := template.ParseFS(pageFiles, "page/phone.html")
	if err != nil {
		return nil, fmt.Errorf("reading the telephone's page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("writing the telephone's page: %w", err)
	}
	return out.Bytes(), nil
}
