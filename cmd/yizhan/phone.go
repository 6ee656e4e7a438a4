package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"

	"yizhan/templates"
)

// phone makes a page that shows a WeChat article as a telephone does: the
// message with its cover, and the article, with what WeChat's filter leaves of
// its content. Date is the day that it is sent.
func phone(a templates.Article, cover templates.Cover, date string) ([]byte, error) {
	t, err := template.ParseFS(pageFiles, "page/phone.html")
	if err != nil {
		return nil, fmt.Errorf("reading the telephone's page: %w", err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		Title, Author, Date, Digest, SourceURL string
		Cover                                  template.URL
		Content                                template.HTML
	}{
		a.Title, a.Author, date, a.Digest, a.SourceURL,
		template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(cover.PNG)),
		template.HTML(templates.Filter(a.Content)), // the filter takes out whatever is active
	})
	if err != nil {
		return nil, fmt.Errorf("writing the telephone's page: %w", err)
	}
	return out.Bytes(), nil
}
