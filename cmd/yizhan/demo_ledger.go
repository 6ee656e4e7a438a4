package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"yizhan/dispatch"
	"yizhan/subscribers"
)

// entry is a delivery in the ledger with what belongs to it elsewhere.
type entry struct {
	dispatch.Record
	name  string
	left  bool  // unsubscribed by now, whatever this delivery came to
	tries []try // that did not end in sent
}

// try is one try of a delivery that came to nothing.
type try struct {
	At     time.Time
	Reason string
	Code   int
	Reply  string
}

// words is what the other side said, else what happened instead.
func (t try) words() string {
	if t.Code == 0 {
		return reasonWord(t.Reason)
	}
	return replyOf(t.Code, t.Reply)
}

func replyOf(code int, reply string) string {
	if code == 0 {
		return reply
	}
	return fmt.Sprintf("%d %s", code, reply)
}

// book is everything that is known about the deliveries of an issue.
type book struct {
	entries []entry
	// outside are the subscribers without a delivery: nobody is forgotten.
	outside []subscribers.Subscriber
}

// book reads the ledger of an issue.
func (i *instance) book(ctx context.Context, issueID string) (book, error) {
	people, err := i.people.List(ctx, subscribers.Filter{})
	if err != nil {
		return book{}, err
	}
	tries, err := tried(ctx, i.db.Read, issueID)
	if err != nil {
		return book{}, err
	}
	var b book
	has := map[string]bool{}
	byID := make(map[string]subscribers.Subscriber, len(people))
	for _, p := range people {
		byID[p.PublicID] = p
	}
	err = i.ledger.Deliveries(ctx, dispatch.Filter{Issue: issueID}, func(r dispatch.Record) error {
		p := byID[r.Subscriber]
		has[r.Subscriber] = true
		e := entry{Record: r, name: p.Name, tries: tries[r.ID]}
		for _, a := range p.Addresses {
			e.left = e.left || a.Channel == r.Channel && a.State == subscribers.Unsubscribed
		}
		b.entries = append(b.entries, e)
		return nil
	})
	for _, p := range people {
		if !has[p.PublicID] {
			b.outside = append(b.outside, p)
		}
	}
	return b, err
}

// tried gives the tries that came to nothing, by delivery.
func tried(ctx context.Context, db *sql.DB, issueID string) (map[string][]try, error) {
	rows, err := db.QueryContext(ctx, `SELECT a.delivery_id, a.at, a.reason, a.code, a.reply
		FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.issue_id = $1 ORDER BY a.delivery_id, a.at`, issueID)
	if err != nil {
		return nil, fmt.Errorf("reading the attempts: %w", err)
	}
	defer rows.Close()
	out := map[string][]try{}
	for rows.Next() {
		var id string
		var at int64
		var t try
		if err := rows.Scan(&id, &at, &t.Reason, &t.Code, &t.Reply); err != nil {
			return nil, fmt.Errorf("reading the attempts: %w", err)
		}
		t.At = time.UnixMilli(at)
		out[id] = append(out[id], t)
	}
	return out, rows.Err()
}

// reasonWord says a reason of the ledger in Chinese; what it does not know it
// leaves.
func reasonWord(reason string) string {
	if zh, ok := map[string]string{
		"unsubscribed": "已退订", "suppressed": "在禁发名单里", "cancelled": "发行已取消", "paused": "订户要求暂停", "pending": "还没有确认",
		"mailbox-unknown": "邮箱不存在", "mailbox-full": "邮箱满了", "mailbox-busy": "邮箱太忙", "mailbox-disabled": "邮箱已停用",
		"greylisting": "灰名单", "rate-limited": "对方限速", "rate": "按配置限速", "reputation": "对方不信任", "temporary": "临时错误",
		"connection-lost": "连接断了", "dial-failed": "连不上", "timeout": "超时", "service-closing": "对方要关闭", "refused": "被拒绝",
		"reply-lost": "答复丢了", "lost-reply": "答复丢了", "crash": "程序中断", "held": "等人处理", "content-refused": "内容被拒",
	}[reason]; ok {
		return zh
	}
	return reason
}
