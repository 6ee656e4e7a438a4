package subscribers

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// shelf is a library of two issues.
type shelf struct{ empty bool }

func (s shelf) Printed(context.Context) ([]Printed, error) {
	if s.empty {
		return nil, nil
	}
	out := []Printed{
		{ID: "37", Number: 2, Total: 37, Year: 2026, Name: "2026年第2期（总第37期）", NameEN: "No. 2, 2026 (issue 37)", URL: "https://news.example/issues/37"},
		{ID: "36", Number: 1, Total: 36, Year: 2026, Name: "2026年第1期（总第36期）", NameEN: "No. 1, 2026 (issue 36)", URL: "https://news.example/issues/36"},
	}
	for n := 35; n > 20; n-- {
		id := fmt.Sprint(n)
		out = append(out, Printed{ID: id, Number: n % 6, Total: n, Year: 2020 + (n-1)/6, Name: "总第" + id + "期", NameEN: "Issue " + id, URL: "https://news.example/issues/" + id})
	}
	return out, nil
}

func (shelf) Contents(_ context.Context, id string) ([]PrintedSection, error) {
	if id != "37" {
		return []PrintedSection{{Name: "卷首语", Titles: []string{"旧文一篇"}}}, nil
	}
	return []PrintedSection{{Name: "卷首语", Titles: []string{"春茶上市"}}, {Name: "政策法规", Titles: []string{"第一条", "第二条"}}, {Name: "会员动态", Titles: []string{"甲", "乙", "丙", "丁"}}}, nil
}

func (s shelf) Sections(context.Context) ([]string, error) {
	if s.empty {
		return nil, nil
	}
	return []string{"卷首语", "政策法规", "会员动态"}, nil
}

// chat is a conversation with one person.
type chat struct {
	*Conversation
	desk *Desk
	from Address
	now  time.Time
}

func newChat(t *testing.T, d *Desk, from Address, library Library) chat {
	t.Helper()
	links, err := NewLinks(LinkOptions{PublicURL: "https://news.example", Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConversation(ConversationOptions{
		Desk: d, Links: links, Library: library, Title: "港城茗讯", PublicURL: "https://news.example", Zone: time.UTC, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return chat{c, d, from, chatNow()}
}

// says gives the answer to a text, the same when it is asked again.
func (c chat) says(t *testing.T, text string) string {
	t.Helper()
	return c.hears(t, Said{From: c.from, Text: text})
}

func (c chat) hears(t *testing.T, said Said) string {
	t.Helper()
	answer, err := c.Answer(t.Context(), said, c.now)
	if err != nil {
		t.Fatalf("%+v: %v", said, err)
	}
	if answer == "" || len(answer) > 2048 || strings.Contains(answer, "%!") {
		t.Errorf("%+v is answered with %d bytes: %s", said, len(answer), answer)
	}
	return answer
}

func TestConversation(t *testing.T) {
	t.Parallel()
	d, _, _, follower := chatDesk(t)
	c := newChat(t, d, follower.Addresses[0].Address, shelf{})
	for _, line := range []struct{ say, want string }{
		{"最新一期", "港城茗讯 2026年第2期（总第37期）\n· 春茶上市\n· 第一条\n· 第二条\n· 甲\n· 乙\n……共 7 篇，回复「目录37」看全部\nhttps://news.example/issues/37"},
		{"latest", "… 7 in all, say “contents 37” for them\nhttps://news.example/issues/37"},
		{"第三十六期", "旧文一篇\nhttps://news.example/issues/36"},
		{"2026年第1期", "https://news.example/issues/36"},
		{"第1期", "https://news.example/issues/36"}, // there is no total no. 1 here: the newest first of a year
		{"上一期", "https://news.example/issues/36"},
		{"第999期", "没有找到这一期。\n2026年第2期（总第37期）"},
		{"目录", "【政策法规】\n· 第一条\n· 第二条\n【会员动态】"},
		{"往期", "更早的：https://news.example/issues\n回复期号看那一期，例如「第37期」。"},
		{"archive", "No. 2, 2026 (issue 37)\nhttps://news.example/issues/37"},
		{"栏目", "1 卷首语 ✓\n2 政策法规 ✓\n3 会员动态 ✓"},
		{"栏目 2、会员", "已选：政策法规、会员动态。"},
		{"sections", "1 卷首语\n2 政策法规 ✓"},
		{"栏目 天气", "没有「天气」这个栏目。\n栏目"},
		{"栏目 9", "没有「9」这个栏目。"},
		{"全部栏目", "已选：全部栏目。"},
		{"暂停三个月", "已暂停，到2027年2月26日自动恢复。"},
		{"我的", "公众号：暂停到 2027-02-26\n栏目：全部\n设置页面（30 分钟内有效，请不要转发）：\nhttps://news.example/manage?t=v1."},
		{"恢复", "已恢复"},
		{"恢复", "您已经订阅了《港城茗讯》"},
		{"暂停", "您回复「恢复」以前不再发送"},
		{"订阅", "已订阅《港城茗讯》"},
		{"退订", "已退订，新刊不再发到这里。回复「订阅」随时恢复。"},
		{"退订", "已退订"},
		{"暂停", "您现在没有订阅。"},
		{"怎么退订？", "回复「退订」就不再发给您"},
		{"subscribe", "You are subscribed to 港城茗讯.\u0020"},
		{"订阅", "您已经订阅了"},
		{"English", "All right, English from now on."},
		{"37", "contents 37"},
		{"help", "latest – the latest issue"},
		{"中文", "好的，以后用中文。"},
		{"帮助", "栏目　选择想看的栏目"},
		{"下期提醒我", "新刊一出就会发给您"},
		{"今天天气真好", "没有听懂这句话。"},
		{"what a day", "Sorry, I did not get that."},
		{"确认", "没有听懂这句话。"},
		{"解绑", "这个微信没有和邮箱绑定。"},
		{"绑定", "填您的邮箱"},
	} {
		if got := c.says(t, line.say); !strings.Contains(got, line.want) {
			t.Errorf("%s is answered with\n%s\nwithout\n%s", line.say, got, line.want)
		}
	}
	if got := c.hears(t, Said{From: c.from, Key: string(VerbLatest)}); !strings.Contains(got, "/issues/37") {
		t.Errorf("a button: %s", got)
	}
	if got := c.hears(t, Said{From: c.from, Key: "nothing"}); !strings.Contains(got, "没有听懂") {
		t.Errorf("a button of another menu: %s", got)
	}
}

func TestWelcome(t *testing.T) {
	t.Parallel()
	d, _, _, follower := chatDesk(t)
	c := newChat(t, d, follower.Addresses[0].Address, shelf{})
	followed := Said{From: c.from, Followed: true}
	if got := c.hears(t, followed); !strings.Contains(got, "欢迎关注《港城茗讯》") || !strings.Contains(got, "最新一期：2026年第2期（总第37期）\nhttps://news.example/issues/37") {
		t.Error(got)
	}
	c.says(t, "退订")
	if got := c.hears(t, followed); !strings.Contains(got, "您以前退订过") {
		t.Error(got)
	}
	if got := newChat(t, d, c.from, shelf{empty: true}).hears(t, Said{From: follower.Addresses[0].Address, Text: "最新"}); got != "还没有出过刊。" {
		t.Error(got)
	}
}

// TestStranger: who is not known is answered, and becomes a subscriber only when
// they ask for it.
func TestStranger(t *testing.T) {
	t.Parallel()
	d, _, _, follower := chatDesk(t)
	c := newChat(t, d, mustWeChat(t, "oStranger_0001"), shelf{})
	for _, line := range []string{"最新", "栏目", "我的", "退订", "暂停", "解绑", "取消", "English", "栏目 1"} {
		c.says(t, line)
	}
	if _, err := d.Get(t.Context(), c.from.Value); err == nil {
		t.Error("a stranger is in the list")
	}
	c.says(t, "订阅")
	sub := mustGet(t, d.Store, c.from.Value)
	if sub.State != Active || sub.Consent.Source != "chat" || sub.Consent.At.IsZero() {
		t.Errorf("%+v", sub)
	}
	// Whoever was erased comes back by their own word only.
	if _, err := d.Erase(t.Context(), follower.PublicID, c.now); err != nil {
		t.Fatal(err)
	}
	back := newChat(t, d, follower.Addresses[0].Address, shelf{})
	if got := back.says(t, "订阅"); !strings.Contains(got, "已订阅") {
		t.Error(got)
	}
	if list, err := d.Suppressions(t.Context(), SuppressionFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestBindingConversation binds both ways and parts again.
func TestBindingConversation(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	c := newChat(t, d, follower.Addresses[0].Address, shelf{})
	o := offer(t, d, reader, c.now)
	if got := c.says(t, "绑定 2222-222A"); !strings.Contains(got, "没有这个绑定码") {
		t.Error(got)
	}
	if got := c.says(t, "綁定："+strings.ToLower(o.Code)+"。"); !strings.Contains(got, "已和 s***@mail.example 绑定") {
		t.Error(got)
	}
	if got := c.says(t, "绑定"); !strings.Contains(got, "已经和邮箱 s***@mail.example 绑定") {
		t.Error(got)
	}
	if got := c.says(t, "退订"); !strings.Contains(got, "您的邮箱 s***@mail.example 仍会收到") {
		t.Error(got)
	}
	if got := c.says(t, "我的"); !strings.Contains(got, "没有订阅") || !strings.Contains(got, "邮箱：s***@mail.example（收）") {
		t.Error(got)
	}
	if got := c.says(t, "全部退订"); strings.Contains(got, "仍会收到") {
		t.Error(got)
	}
	c.says(t, "订阅")
	if got := mustGet(t, d.Store, reader.PublicID); got.on(Email).State != Unsubscribed || got.on(WeChat).State != Active {
		t.Errorf("%+v", got.Addresses)
	}
	if got := c.says(t, "解绑"); !strings.Contains(got, "已解绑") {
		t.Error(got)
	}
	// And now by the QR code, with a word in the chat.
	o = offer(t, d, reader, c.now)
	scan := Said{From: c.from, Scene: o.Scene}
	if got := c.hears(t, scan); !strings.Contains(got, "要把这个微信和 s***@mail.example 的订阅合为一份吗") {
		t.Error(got)
	}
	if got := c.says(t, "取消"); !strings.Contains(got, "没有绑定") {
		t.Error(got)
	}
	if got := c.says(t, "确认"); !strings.Contains(got, "没有听懂") {
		t.Error(got)
	}
	o = offer(t, d, reader, c.now)
	scan.Scene = o.Scene
	c.hears(t, scan)
	if got := c.says(t, "好的"); !strings.Contains(got, "已和 s***@mail.example 绑定") {
		t.Error(got)
	}
	if got := c.hears(t, scan); !strings.Contains(got, "已和 s***@mail.example 绑定") {
		t.Error(got)
	}
	if got := mustGet(t, d.Store, c.from.Value); got.ID != reader.ID {
		t.Errorf("%+v", got)
	}
}
