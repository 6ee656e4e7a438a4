package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// job is one mass send that was accepted.
type job struct {
	id      int64
	at      time.Time
	status  string // of the event: "send success", "err(20013)"
	deleted bool

	total, filtered, sent, failed int
}

// massRequest is what send, sendall and preview have in common.
type massRequest struct {
	MsgType string `json:"msgtype"`
	News    struct {
		MediaID string `json:"media_id"`
	} `json:"mpnews"`
	Key string `json:"clientmsgid"`
}

// What a mass send may ask (pages of mass/send and of mass sends, read 2026-11).
const (
	minOpenIDs   = 2
	maxOpenIDs   = 10_000
	maxKey       = 32 // bytes of clientmsgid; an older page says 64
	keyLife      = 24 * time.Hour
	massesADay   = 1 // of a 订阅号
	massesAMonth = 4 // of a 服务号: to all, and for each follower
)

func (w *WeChat) massSend(r *request) *refusal {
	var in struct {
		massRequest
		ToUser []string `json:"touser"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	switch {
	case len(in.ToUser) < minOpenIDs:
		return refuse(40130, "invalid openid list size, at least two openid")
	case len(in.ToUser) > maxOpenIDs:
		return refuse(40032, "invalid openid list size")
	}
	sorted := slices.Sorted(slices.Values(in.ToUser))
	if n := len(slices.Compact(sorted)); n != len(in.ToUser) {
		w.complain("mass/send: %d openids are there twice", len(in.ToUser)-n)
	}
	return w.mass(r, in.massRequest, in.ToUser, false)
}

func (w *WeChat) massSendAll(r *request) *refusal {
	var in struct {
		massRequest
		Filter *struct {
			ToAll bool  `json:"is_to_all"`
			TagID int64 `json:"tag_id"`
		} `json:"filter"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if in.Filter == nil {
		return refuse(40008, "invalid message type")
	}
	if !in.Filter.ToAll && w.tags[in.Filter.TagID] == "" {
		return refuse(45159, "invalid tag id")
	}
	var to []string
	for _, openid := range w.order {
		if f := w.followers[openid]; f.following && (in.Filter.ToAll || f.tags[in.Filter.TagID]) {
			to = append(to, openid)
		}
	}
	return w.mass(r, in.massRequest, to, in.Filter.ToAll || w.options.Subscription)
}

// mass accepts a job and runs it. counted jobs use up the account's own quota.
func (w *WeChat) mass(r *request, in massRequest, to []string, counted bool) *refusal {
	now := w.now()
	key := in.Key
	switch {
	case in.MsgType != "mpnews":
		return refuse(40008, "invalid message type")
	case len(key) > maxKey:
		return refuse(45067, "clientmsgid size out of limit")
	case key == "":
		// The platform takes the content for it, whoever it goes to.
		w.complain("mass: a job without clientmsgid")
		sum := sha256.Sum256([]byte(in.MsgType + in.News.MediaID))
		key = hex.EncodeToString(sum[:])
	}
	if j := w.keys[key]; j != nil && now.Sub(j.at) < keyLife {
		return &refusal{code: 45065, text: "clientmsgid exist", more: map[string]any{"msg_id": j.id}}
	}
	d := w.drafts[in.News.MediaID]
	if d == nil || d.sent && !w.options.DraftSurvives {
		return refuse(40007, "invalid media_id")
	}
	if counted {
		if w.usedUp(now) {
			return refuse(45028, "has no masssend quota")
		}
		w.alls = append(w.alls, now)
	}
	d.sent = true
	j := &job{id: w.next(), at: now, status: "send success"}
	if r.fault.Job != "" {
		j.status = r.fault.Job
	}
	w.jobs = append(w.jobs, j)
	w.keys[key] = j
	w.run(j, key, to, d.articles[0])
	r.answer = map[string]any{"errcode": 0, "errmsg": "send job submission success", "msg_id": j.id, "msg_data_id": w.next()}
	return nil
}

// usedUp reports whether the account may not send to all any more.
func (w *WeChat) usedUp(now time.Time) bool {
	form, most := "2006-01", massesAMonth
	if w.options.Subscription {
		form, most = time.DateOnly, massesADay
	}
	var n int
	for _, at := range w.alls {
		if beijing(at).Format(form) == beijing(now).Format(form) {
			n++
		}
	}
	return n >= most
}

// run brings a job to its followers, and tells of it in an event.
func (w *WeChat) run(j *job, key string, to []string, a WeChatArticle) {
	month := beijing(j.at).Format("2006-01")
	j.total = len(to)
	for _, openid := range to {
		f := w.followers[openid]
		switch {
		case f == nil || !f.following || f.blocked || f.received[month] >= massesAMonth && !w.options.Subscription:
			j.filtered++
		case j.status != "send success":
			j.failed++
		default:
			f.received[month]++
			j.sent++
			w.messages = append(w.messages, WeChatMessage{OpenID: openid, Kind: "mass", Key: key, Job: j.id, Article: &a, At: j.at})
		}
	}
	w.emit(fmt.Sprintf(`<FromUserName><![CDATA[mphelper]]></FromUserName><CreateTime>%d</CreateTime>`+
		`<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[MASSSENDJOBFINISH]]></Event>`+
		`<MsgID>%d</MsgID><Status><![CDATA[%s]]></Status><TotalCount>%d</TotalCount><FilterCount>%d</FilterCount>`+
		`<SentCount>%d</SentCount><ErrorCount>%d</ErrorCount>`,
		j.at.Unix(), j.id, j.status, j.total, j.total-j.filtered, j.sent, j.failed))
}

func (w *WeChat) massPreview(r *request) *refusal {
	var in struct {
		massRequest
		ToUser any `json:"touser"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	openid, single := in.ToUser.(string)
	f := w.followers[openid]
	d := w.drafts[in.News.MediaID]
	switch {
	case !single:
		return refuse(40003, "invalid openid")
	case f == nil || !f.following:
		return refuse(43004, "require subscribe")
	case d == nil:
		return refuse(40007, "invalid media_id")
	}
	a := d.articles[0]
	w.messages = append(w.messages, WeChatMessage{OpenID: openid, Kind: "preview", Article: &a, At: w.now()})
	r.answer = map[string]any{"errcode": 0, "errmsg": "preview success", "msg_id": w.next()}
	return nil
}

func (w *WeChat) jobOf(r *request) (*job, *refusal) {
	var in struct {
		ID number `json:"msg_id"`
	}
	if refused := r.read(&in); refused != nil {
		return nil, refused
	}
	for _, j := range w.jobs {
		if j.id == int64(in.ID) {
			return j, nil
		}
	}
	return nil, refuse(40059, "invalid msg id")
}

func (w *WeChat) massGet(r *request) *refusal {
	j, refused := w.jobOf(r)
	if refused != nil {
		return refused
	}
	status := "SEND_SUCCESS"
	switch {
	case j.deleted:
		status = "DELETE"
	case j.status != "send success":
		status = "SEND_FAIL"
	}
	r.answer = map[string]any{"msg_id": j.id, "msg_status": status}
	return nil
}

func (w *WeChat) massDelete(r *request) *refusal {
	j, refused := w.jobOf(r)
	if refused == nil {
		j.deleted = true
		r.answer = ok()
	}
	return refused
}
