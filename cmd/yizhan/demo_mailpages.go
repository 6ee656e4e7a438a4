package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"yizhan/subscribers"
)

// mailsView is the data of mails.html.
type mailsView struct {
	demoView
	Mails []mailRow
}

// mailRow is a mail in the list.
type mailRow struct {
	received
	Name, Time, Size string
}

func (p *demoPages) mails(w http.ResponseWriter, r *http.Request) {
	v := mailsView{demoView: p.view(w, r, "mails")}
	names, err := p.names(r)
	if err != nil {
		p.broken(w, err)
		return
	}
	for _, m := range inbox(p.sink.Messages()) {
		v.Mails = append(v.Mails, mailRow{m, names[m.To], p.clockTime(m.At), kilobytes(m.Size)})
	}
	p.show(w, http.StatusOK, "mails.html", v)
}

func (p *demoPages) mailsJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(inbox(p.sink.Messages())) // nothing to be done for a client that left
}

// names gives the names of the subscribers by address.
func (p *demoPages) names(r *http.Request) (map[string]string, error) {
	people, err := p.people.List(r.Context(), subscribers.Filter{})
	names := make(map[string]string, len(people))
	for _, one := range people {
		for _, a := range one.Addresses {
			names[a.Value] = one.Name
		}
	}
	return names, err
}

func kilobytes(n int) string { return fmt.Sprintf("%.1f kB", float64(n)/1000) }

// mailView is the data of mail.html.
type mailView struct {
	demoView
	Mail       received
	Name, Time string
	Size       string
	Previous   int // 0: this is the first
	Next       int // 0: this is the last
	As         string
	Text       string
	Fields     []field
	Source     string
}

// find gives the mail that a request is about; ok is false when it has been
// answered already.
func (p *demoPages) find(w http.ResponseWriter, r *http.Request) (m received, last int, ok bool) {
	all := inbox(p.sink.Messages())
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(all) {
		p.missing(w, r)
		return m, 0, false
	}
	return all[n-1], len(all), true
}

func (p *demoPages) mail(w http.ResponseWriter, r *http.Request) {
	m, last, ok := p.find(w, r)
	if !ok {
		return
	}
	names, err := p.names(r)
	if err != nil {
		p.broken(w, err)
		return
	}
	v := mailView{demoView: p.view(w, r, "mails"), Mail: m, Name: names[m.To], Time: p.clock(m.At), Size: kilobytes(m.Size), Previous: m.N - 1, As: r.URL.Query().Get("as")}
	if m.N < last {
		v.Next = m.N + 1
	}
	switch v.As {
	case "text":
		if v.Text, _, err = bodies(m.raw); err != nil {
			p.broken(w, err)
			return
		}
	case "source":
		v.Fields, v.Source = header(m.raw), string(m.raw)
	default:
		v.As = "html"
	}
	p.show(w, http.StatusOK, "mail.html", v)
}

// mailPolicy keeps a mail from doing anything: no script, nothing from outside.
// Its links open beside the demo, outside the sandbox.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
	"sandbox allow-popups allow-popups-to-escape-sandbox"

// mailHTML gives the HTML of a mail as it is, but for where its links open.
func (p *demoPages) mailHTML(w http.ResponseWriter, r *http.Request) {
	m, _, ok := p.find(w, r)
	if !ok {
		return
	}
	_, html, err := bodies(m.raw)
	if err != nil {
		p.broken(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Cache-Control", "no-store")
	send(w, http.StatusOK, []byte(strings.Replace(html, "<head>", `<head><base target="_blank">`, 1)))
}

// mailSource gives a mail as a file that mail programs open.
func (p *demoPages) mailSource(w http.ResponseWriter, r *http.Request) {
	m, _, ok := p.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="mail-%d.eml"`, m.N))
	_, _ = w.Write(m.raw) // nothing to be done for a client that left
}
