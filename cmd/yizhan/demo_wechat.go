package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"yizhan/dispatch/standin"
	"yizhan/dispatch/wechat"
	"yizhan/subscribers"
)

// newAccount describes the official account of the demo: the sample's subscribers
// by WeChat follow it.
func (s *stage) newAccount(publicURL string) (standin.WeChatOptions, error) {
	o := standin.WeChatOptions{
		AppID: "wx00000000000a0037", Secret: rand.Text(), Token: rand.Text(),
		Callback: publicURL + "/wechat", Script: s.script.platform,
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	o.AESKey = base64.RawStdEncoding.EncodeToString(key[:])
	file, err := sampleFiles.Open("sample/" + sampleSubscribers)
	if err != nil {
		return o, err
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return o, fmt.Errorf("reading %s: %w", sampleSubscribers, err)
	}
	for _, line := range lines[1:] {
		if openid := line[1]; openid != "" {
			o.Followers = append(o.Followers, openid)
		}
	}
	return o, nil
}

// unfollow lets a follower leave the account when the run is planned already, and
// waits until the daemon has worked on the platform's word of it.
func (s *stage) unfollow(ctx context.Context) error {
	s.account.Unfollow(unfollows)
	s.account.Emit(fmt.Sprintf("<FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>unsubscribe</Event>", unfollows, time.Now().Unix()))
	for {
		person, err := s.people.Get(ctx, unfollows)
		if err != nil {
			return err
		}
		if on := onWeChat(person); on != nil && on.State == subscribers.Unsubscribed {
			return nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return context.Cause(ctx)
		}
	}
}

// followersView is the data of wechat.html.
type followersView struct {
	demoView
	Followers []followerRow
}

// followerRow is a subscriber by WeChat with what came last.
type followerRow struct {
	Name, OpenID string
	Left         bool
	Title, At    string
	Count        int
}

// followers lists who has or had the account on their telephone.
func (p *demoPages) followers(w http.ResponseWriter, r *http.Request) {
	v := followersView{demoView: p.view(w, r, "wechat")}
	received := map[string][]standin.WeChatMessage{}
	for _, m := range p.account.Messages() {
		received[m.OpenID] = append(received[m.OpenID], m)
	}
	for _, openid := range p.openids {
		one, err := p.people.Get(r.Context(), openid)
		if errors.Is(err, subscribers.ErrNotFound) {
			continue
		}
		if err != nil {
			p.broken(w, err)
			return
		}
		on := onWeChat(one)
		row := followerRow{Name: cmp.Or(one.Name, openid), OpenID: openid, Left: on != nil && on.State == subscribers.Unsubscribed}
		if all := received[openid]; len(all) > 0 {
			last := all[len(all)-1]
			row.Title, row.At, row.Count = heading(last), p.clockTime(last.At), len(all)
		}
		v.Followers = append(v.Followers, row)
	}
	p.show(w, http.StatusOK, "wechat.html", v)
}

// heading is what stands for a message in a list.
func heading(m standin.WeChatMessage) string {
	switch {
	case m.Article != nil:
		return m.Article.Title
	case m.Title != "":
		return m.Title
	case m.Text != "":
		first, _, _ := strings.Cut(m.Text, "\n")
		return first
	}
	return "模板消息"
}

func (p *demoPages) messagesJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	messages := p.account.Messages()
	if messages == nil {
		messages = []standin.WeChatMessage{}
	}
	_ = json.NewEncoder(w).Encode(messages) // nothing to be done for a client that left
}

// followerView is the data of follower.html.
type followerView struct {
	demoView
	Name, OpenID string
	Left         bool // they do not follow the account any more
	Buttons      []wechat.Button
}

// holder is the subscriber with the telephone that a request is about; ok is false
// when the request has been answered already.
func (p *demoPages) holder(w http.ResponseWriter, r *http.Request) (name, openid string, ok bool) {
	openid = r.PathValue("openid")
	if !slices.Contains(p.openids, openid) {
		p.missing(w, r)
		return "", "", false
	}
	one, err := p.people.Get(r.Context(), openid)
	if err != nil && !errors.Is(err, subscribers.ErrNotFound) {
		p.broken(w, err)
		return "", "", false
	}
	name = one.Name
	return cmp.Or(name, openid), openid, true
}

func (p *demoPages) follower(w http.ResponseWriter, r *http.Request) {
	name, openid, ok := p.holder(w, r)
	if !ok {
		return
	}
	v := followerView{demoView: p.view(w, r, "wechat"), Name: name, OpenID: openid, Left: !p.account.Follows(openid)}
	run, planned, err := p.newest(r)
	if err != nil {
		p.broken(w, err)
		return
	}
	if planned {
		v.Issue = run.Issue
	}
	for _, b := range menu(p.config.PublicURL, true, false, false) {
		for _, b := range append(b.Buttons, b) {
			if b.Key != "" {
				v.Buttons = append(v.Buttons, b)
			}
		}
	}
	p.show(w, http.StatusOK, "follower.html", v)
}

// maxSaid bounds what is typed into a telephone, in bytes.
const maxSaid = 8 << 10

// act lets a follower do something with their telephone: the account tells the
// daemon of it as the platform does.
func (p *demoPages) act(w http.ResponseWriter, r *http.Request) {
	_, openid, ok := p.holder(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxSaid)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "413", http.StatusRequestEntityTooLarge)
		return
	}
	var err error
	switch text, key := strings.TrimSpace(r.PostForm.Get("text")), r.PostForm.Get("key"); {
	case r.PostForm.Has("leave"):
		err = p.account.Leave(r.Context(), openid)
	case !p.account.Follows(openid):
		_, err = p.account.Arrive(r.Context(), openid)
	case key != "":
		_, err = p.account.Tap(r.Context(), openid, key)
	case text != "":
		_, err = p.account.Say(r.Context(), openid, text)
	}
	if err != nil {
		p.broken(w, err)
		return
	}
	http.Redirect(w, r, "/demo/wechat/"+openid, http.StatusSeeOther)
}

// phone shows a follower's telephone: the chat with the account, and the last
// article opened.
func (p *demoPages) phone(w http.ResponseWriter, r *http.Request) {
	name, openid, ok := p.holder(w, r)
	if !ok {
		return
	}
	v := phoneView{Title: name}
	var last time.Time
	for _, m := range p.account.Messages() {
		if m.OpenID != openid {
			continue
		}
		at := p.clockTime(m.At)
		if m.At.Sub(last) < time.Minute {
			at = "" // the time stands above what is said in one minute
		}
		v.add(m, p.account.Image, at, p.config.Timezone)
		last = m.At
	}
	page, err := v.page()
	if err != nil {
		p.broken(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Cache-Control", "no-store")
	send(w, http.StatusOK, []byte(strings.Replace(string(page), "<head>", `<head><base target="_blank">`, 1)))
}

// add puts a message under the others.
func (v *phoneView) add(m standin.WeChatMessage, image func(name string) []byte, at string, zone *time.Location) {
	one := chatMessage{At: at, Text: m.Text, Mine: m.Kind == standin.KindSaid}
	switch {
	case m.Article != nil:
		a := m.Article
		one.Title, one.Digest, one.Cover = a.Title, a.Digest, picture(image(a.Thumb))
		v.Article = &phoneArticle{
			Title: a.Title, Author: a.Author, Date: m.At.In(zone).Format(time.DateOnly), SourceURL: a.SourceURL, Content: filtered(a.Content, image),
		}
	case m.Title != "":
		one.Title, one.Digest, one.URL, one.Text = m.Title, m.Text, m.URL, ""
	case m.Text == "":
		one.Title, one.Fields = heading(m), fieldsOf(m.Data)
	}
	v.Chat = append(v.Chat, one)
}

// fieldsOf are the fields of a template message, by name.
func fieldsOf(data json.RawMessage) []field {
	var all map[string]struct{ Value string }
	if json.Unmarshal(data, &all) != nil {
		return nil
	}
	var out []field
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, field{name, all[name].Value})
	}
	return out
}

// book is the ledger of an issue. The openid of who has left is forgotten there; here
// it says whose telephone shows nothing.
func (s *stage) book(ctx context.Context, issueID string) (book, error) {
	b, err := s.instance.book(ctx, issueID)
	if err != nil {
		return b, err
	}
	whose := map[string]string{}
	for _, openid := range s.openids {
		one, err := s.people.Get(ctx, openid)
		if err == nil {
			whose[one.PublicID] = openid
		} else if !errors.Is(err, subscribers.ErrNotFound) {
			return b, err
		}
	}
	for n, e := range b.entries {
		if e.Channel == subscribers.WeChat && e.Address == "" {
			b.entries[n].Address = whose[e.Subscriber]
		}
	}
	return b, nil
}
