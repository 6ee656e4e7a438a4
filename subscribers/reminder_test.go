package subscribers

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// scenes lists the numbers that an address waits for.
func scenes(t *testing.T, s *Store, a Address) (out []int) {
	t.Helper()
	all, err := s.Reminders(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Channel != a.Channel || r.At.IsZero() {
			t.Errorf("%+v", r)
		}
		if !r.Used {
			out = append(out, r.Scene)
		}
	}
	return out
}

// TestRemind: one agreement of an address is good for one reminder of one issue, in
// the list or not; whoever leaves, by whatever way, wants none.
func TestRemind(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d, _ := newDesk(t, s)
	reader, stranger, other := mustWeChat(t, "oReader0001"), mustWeChat(t, "oStranger01"), mustWeChat(t, "oOther00001")
	sub := mustAdd(t, s, Entry{Addresses: []Address{reader}})
	remind := func(a Address, scene int, fresh bool) {
		t.Helper()
		if got, err := s.Remind(t.Context(), a, scene, "zh-CN", noon()); err != nil || got != fresh {
			t.Errorf("%s, issue %d: %v, %v", a, scene, got, err)
		}
	}
	for _, scene := range []int{0, -1, MaxScene + 1} {
		if _, err := s.Remind(t.Context(), reader, scene, "en", noon()); err == nil {
			t.Errorf("issue %d was taken", scene)
		}
	}
	for _, a := range []Address{reader, stranger, other} {
		remind(a, 143, true)
		remind(a, 143, false)
		remind(a, 144, true)
	}
	if _, err := s.write.ExecContext(t.Context(), TakeReminders, WeChat, 143, 7, noon().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	remind(reader, 143, false) // used is used
	if got := scenes(t, s, reader); !slices.Equal(got, []int{144}) {
		t.Errorf("the reader waits for %v", got)
	}
	if there, err := s.Unremind(t.Context(), other); err != nil || !there || scenes(t, s, other) != nil {
		t.Errorf("taken back: %v, %v, still %v", there, err, scenes(t, s, other))
	}
	if there, err := s.Unremind(t.Context(), other); err != nil || there {
		t.Errorf("taken back twice: %v, %v", there, err)
	}
	if _, err := d.Do(t.Context(), Caller{ID: sub.PublicID, Channel: WeChat, Source: "chat"}, Unsubscribe{}, noon()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM reminders WHERE hash = '`+s.Hash(reader)+`'`); n != 0 {
		t.Errorf("%d are left of who has unsubscribed", n)
	}
	remind(reader, 145, true) // they may want that alone
	if _, err := d.Depart(t.Context(), reader, noon()); err != nil {
		t.Fatal(err)
	}
	if got := scenes(t, s, reader); got != nil {
		t.Errorf("who has left waits for %v", got)
	}
	if gone, err := d.Erase(t.Context(), stranger.Value, noon()); err != nil || len(gone.Hashes) != 1 {
		t.Errorf("erasing a stranger: %+v, %v", gone, err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM reminders`); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// TestLeavingTakesReminders: whichever way somebody leaves, also a second time.
func TestLeavingTakesReminders(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(t *testing.T, d *Desk, sub Subscriber){
		"by the chat": func(t *testing.T, d *Desk, sub Subscriber) {
			for range 2 {
				if _, err := d.Remind(t.Context(), sub.Addresses[0].Address, 143, "en", noon()); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Do(t.Context(), Caller{ID: sub.PublicID, Channel: WeChat, Source: "chat"}, Unsubscribe{}, noon()); err != nil {
					t.Fatal(err)
				}
			}
		},
		"by an administrator": func(t *testing.T, d *Desk, sub Subscriber) {
			if err := d.SetState(t.Context(), sub.PublicID, Unsubscribed, noon()); err != nil {
				t.Fatal(err)
			}
		},
		"by a file": func(t *testing.T, d *Desk, sub Subscriber) {
			file := "wechat,state\n" + sub.Addresses[0].Value + ",unsubscribed\n"
			if _, err := d.Import(t.Context(), strings.NewReader(file), ImportOptions{Source: "test"}, noon()); err != nil {
				t.Fatal(err)
			}
		},
		"by removal": func(t *testing.T, d *Desk, sub Subscriber) {
			if _, err := d.Remove(t.Context(), sub.PublicID, noon()); err != nil {
				t.Fatal(err)
			}
		},
		"by departure": func(t *testing.T, d *Desk, sub Subscriber) {
			if _, err := d.Depart(t.Context(), sub.Addresses[0].Address, noon()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			d, _ := newDesk(t, s)
			sub := mustAdd(t, s, Entry{Addresses: []Address{mustWeChat(t, "oReader0001")}})
			if _, err := s.Remind(t.Context(), sub.Addresses[0].Address, 142, "en", noon()); err != nil {
				t.Fatal(err)
			}
			leave(t, d, sub)
			if n := count(t, s, `SELECT COUNT(*) FROM reminders`); n != 0 {
				t.Errorf("%d reminders are left", n)
			}
		})
	}
}

// What was used, or never came, is forgotten in its time.
func TestRemindersAreTidied(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d, _ := newDesk(t, s)
	for scene := 1; scene <= 2; scene++ {
		if _, err := s.Remind(t.Context(), mustWeChat(t, "oReader0001"), scene, "en", noon()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.write.ExecContext(t.Context(), TakeReminders, WeChat, 1, 7, noon().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		left  int
	}{{usedKept - time.Hour, 2}, {usedKept + time.Hour, 1}, {unusedKept - time.Hour, 1}, {unusedKept + time.Hour, 0}} {
		if _, err := d.Tidy(t.Context(), noon().Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT COUNT(*) FROM reminders`); n != c.left {
			t.Errorf("after %v %d are left, want %d", c.after, n, c.left)
		}
	}
}

// TestRemindingConversation: the chat leads to where the platform asks, and takes back.
func TestRemindingConversation(t *testing.T) {
	t.Parallel()
	d, _, _, follower := chatDesk(t)
	c := newChat(t, d, follower.Addresses[0].Address, shelf{})
	c.o.Remind = "https://news.example/wechat/remind"
	says := func(text, want string) {
		t.Helper()
		if got := c.says(t, text); !strings.Contains(got, want) {
			t.Errorf("%s is answered with\n%s\nwithout\n%s", text, got, want)
		}
	}
	says("下期提醒我", "下一期出刊时提醒您一次：\nhttps://news.example/wechat/remind")
	says("remind me", "when the next issue is out:\nhttps://news.example/wechat/remind")
	says("帮助", "下期提醒我　下一期出刊时提醒一次")
	says("下期提醒我怎么弄", "回复「下期提醒我」")
	says("取消提醒", "没有要提醒您的")
	agree := func() {
		t.Helper()
		if _, err := d.Remind(t.Context(), c.from, 38, "zh-CN", noon()); err != nil {
			t.Fatal(err)
		}
	}
	agree()
	says("下期提醒", "记着呢：下一期")
	says("cancel reminder", "no reminder")
	agree()
	says("退订", "已退订")
	says("取消提醒", "没有要提醒您的")
	agree() // of somebody who has left already: a further word ends that, too
	says("退订", "已退订")
	says("取消提醒", "没有要提醒您的")
}
