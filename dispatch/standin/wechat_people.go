package standin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// follower is one person as the account knows them.
type follower struct {
	following bool
	blocked   bool // takes no messages
	since     time.Time
	last      int64 // second of what they did last
	tags      map[int64]bool
	received  map[string]int // mass messages by month
	openings  []opening      // for customer-service messages
}

// Follow makes somebody follow the account.
func (w *WeChat) Follow(openid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.followers[openid]
	if f == nil {
		f = &follower{tags: map[int64]bool{}, received: map[string]int{}}
		w.followers[openid] = f
		w.order = append(w.order, openid)
	}
	f.following, f.since = true, w.now()
}

// Follows reports whether somebody follows the account.
func (w *WeChat) Follows(openid string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.followers[openid]
	return f != nil && f.following
}

// Unfollow makes somebody leave the account, and its tags with it.
func (w *WeChat) Unfollow(openid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.followers[openid]; f != nil {
		f.following, f.tags = false, map[int64]bool{}
	}
}

// Block makes somebody take no messages of the account any more.
func (w *WeChat) Block(openid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.followers[openid]; f != nil {
		f.blocked = true
	}
}

// page lists followers behind an openid, whether that one still follows or not.
func (w *WeChat) page(after string, in func(*follower) bool) (page []string, total int) {
	begun := after == ""
	for _, openid := range w.order {
		if f := w.followers[openid]; f.following && in(f) {
			total++
			if begun && len(page) < w.options.PageSize {
				page = append(page, openid)
			}
		}
		begun = begun || openid == after
	}
	return page, total
}

func (w *WeChat) userGet(r *request) *refusal {
	after := r.http.URL.Query().Get("next_openid")
	if after != "" && w.followers[after] == nil {
		return refuse(40003, "invalid openid")
	}
	page, total := w.page(after, func(*follower) bool { return true })
	r.answer = pageAnswer(page)
	r.answer["total"] = total
	return nil
}

// pageAnswer leaves data out of an empty page.
func pageAnswer(page []string) map[string]any {
	out := map[string]any{"count": len(page), "next_openid": ""}
	if len(page) > 0 {
		out["data"] = map[string]any{"openid": page}
		out["next_openid"] = page[len(page)-1]
	}
	return out
}

func (w *WeChat) userBatchGet(r *request) *refusal {
	var in struct {
		List []struct {
			OpenID string `json:"openid"`
		} `json:"user_list"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if len(in.List) == 0 || len(in.List) > 100 {
		return refuse(40097, "invalid args")
	}
	people := []map[string]any{}
	for _, one := range in.List {
		f := w.followers[one.OpenID]
		switch {
		case f == nil:
			return refuse(40003, "invalid openid")
		case !f.following:
			people = append(people, map[string]any{"subscribe": 0, "openid": one.OpenID})
		default:
			people = append(people, map[string]any{
				"subscribe": 1, "openid": one.OpenID, "nickname": "", "language": "zh_CN", "subscribe_time": f.since.Unix(),
				"tagid_list": slices.Sorted(keysOf(f.tags)), "remark": "", "subscribe_scene": "ADD_SCENE_SEARCH",
			})
		}
	}
	r.answer = map[string]any{"user_info_list": people}
	return nil
}

func keysOf(tags map[int64]bool) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for id, has := range tags {
			if has && !yield(id) {
				return
			}
		}
	}
}

func (w *WeChat) tagCreate(r *request) *refusal {
	var in struct {
		Tag struct {
			Name string `json:"name"`
		} `json:"tag"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	for _, name := range w.tags {
		if name == in.Tag.Name {
			return refuse(45157, "invalid tag name")
		}
	}
	if utf8.RuneCountInString(in.Tag.Name) > 30 {
		return refuse(45158, "tag name too long")
	}
	id := w.next()
	w.tags[id] = in.Tag.Name
	r.answer = map[string]any{"tag": map[string]any{"id": id, "name": in.Tag.Name}}
	return nil
}

func (w *WeChat) tagList(r *request) *refusal {
	list := []map[string]any{}
	for id, name := range w.tags {
		list = append(list, map[string]any{"id": id, "name": name})
	}
	r.answer = map[string]any{"tags": list}
	return nil
}

func (w *WeChat) tagMembers(r *request) *refusal {
	var in struct {
		TagID int64  `json:"tagid"`
		Next  string `json:"next_openid"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if w.tags[in.TagID] == "" {
		return refuse(45159, "invalid tag id")
	}
	page, _ := w.page(in.Next, func(f *follower) bool { return f.tags[in.TagID] })
	r.answer = pageAnswer(page)
	return nil
}

func (w *WeChat) tagAdd(r *request) *refusal    { return w.tagAll(r, true) }
func (w *WeChat) tagRemove(r *request) *refusal { return w.tagAll(r, false) }

func (w *WeChat) tagAll(r *request, has bool) *refusal {
	var in struct {
		OpenIDs []string `json:"openid_list"`
		TagID   int64    `json:"tagid"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if len(in.OpenIDs) == 0 || len(in.OpenIDs) > 50 {
		return refuse(40032, "invalid openid list size")
	}
	if w.tags[in.TagID] == "" {
		return refuse(45159, "invalid tag id")
	}
	for _, openid := range in.OpenIDs {
		f := w.followers[openid]
		if f == nil || !f.following {
			return refuse(40003, "invalid openid")
		}
		if has {
			f.tags[in.TagID] = true
		} else {
			delete(f.tags, in.TagID)
		}
	}
	r.answer = ok()
	return nil
}

// accepted is a template message that was accepted.
type accepted struct {
	id int64
	at time.Time
}

// templateKeyLife is how long a client_msg_id is known (page of template/send,
// read 2026-11).
const templateKeyLife = 10 * time.Minute

func (w *WeChat) templateSend(r *request) *refusal {
	var in struct {
		ToUser     string `json:"touser"`
		TemplateID string `json:"template_id"`
		URL        string `json:"url"`
		Key        string `json:"client_msg_id"`
		Data       map[string]struct {
			Value string `json:"value"`
		} `json:"data"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	f := w.followers[in.ToUser]
	switch {
	case f == nil:
		return refuse(40003, "invalid openid")
	case !f.following:
		return refuse(43004, "require subscribe")
	case !slices.Contains(w.options.Templates, in.TemplateID):
		return refuse(40037, "invalid template_id")
	}
	for key, field := range in.Data {
		if utf8.RuneCountInString(field.Value) > 20 || strings.ContainsAny(field.Value, "\r\n") {
			return refuse(47003, "argument invalid! data."+key+".value")
		}
	}
	now := w.now()
	known := in.ToUser + " " + in.Key
	if in.Key == "" {
		w.complain("template/send: a message without client_msg_id")
	} else if first, known := w.sends[known]; known && now.Sub(first.at) < templateKeyLife {
		r.answer = map[string]any{"errcode": 0, "errmsg": "ok", "msgid": first.id}
		return nil
	}
	id := w.next()
	w.sends[known] = accepted{id, now}
	data, err := json.Marshal(in.Data)
	if err != nil {
		return refuse(47001, "data format error")
	}
	status := "success"
	switch {
	case f.blocked:
		status = "failed:user block"
	case r.fault.Job != "":
		status = r.fault.Job
	default:
		w.messages = append(w.messages, WeChatMessage{OpenID: in.ToUser, Kind: "template", Key: in.Key, Job: id, Data: data, URL: in.URL, At: now})
	}
	w.emit(fmt.Sprintf(`<FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>`+
		`<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>`+
		`<MsgID>%d</MsgID><Status><![CDATA[%s]]></Status>`, in.ToUser, now.Unix(), id, status))
	r.answer = map[string]any{"errcode": 0, "errmsg": "ok", "msgid": id}
	return nil
}

func (w *WeChat) templateList(r *request) *refusal {
	list := []map[string]any{}
	for _, id := range w.options.Templates {
		list = append(list, map[string]any{"template_id": id})
	}
	r.answer = map[string]any{"template_list": list}
	return nil
}

func (w *WeChat) menuCreate(r *request) *refusal {
	var in struct {
		Buttons []json.RawMessage `json:"button"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if len(in.Buttons) == 0 || len(in.Buttons) > 3 {
		return refuse(40016, "invalid button size")
	}
	r.answer = ok()
	return nil
}

func (w *WeChat) quotaGet(r *request) *refusal {
	var in struct {
		Path string `json:"cgi_path"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if _, known := endpoints()[in.Path]; !known {
		return refuse(76003, "invalid cgi_path")
	}
	const daily = 100
	used := w.calls[in.Path]
	r.answer = map[string]any{"errcode": 0, "errmsg": "ok", "quota": map[string]any{"daily_limit": daily, "used": used, "remain": daily - used}}
	return nil
}
