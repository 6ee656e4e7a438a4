package subscribers

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"testing"
)

func TestParseEmail(t *testing.T) {
	long := strings.Repeat
	for _, tt := range []struct{ in, want, code string }{
		// taken as they are
		{in: "a@example.org", want: "a@example.org"},
		{in: "li.na@example.org", want: "li.na@example.org"},
		{in: "Li.Na@example.org", want: "Li.Na@example.org"},
		{in: "li+news@example.org", want: "li+news@example.org"},
		{in: "12345678@qq.com", want: "12345678@qq.com"},
		{in: "_li-na_@example.org", want: "_li-na_@example.org"},
		{in: "o'brien@example.org", want: "o'brien@example.org"},
		{in: "a#b$c&d*e=f?g^h{i}j~k/l@example.org", want: "a#b$c&d*e=f?g^h{i}j~k/l@example.org"},
		{in: "a@a-b.example.org", want: "a@a-b.example.org"},
		{in: "a@163.com", want: "a@163.com"},
		{in: "a@1.2.3.example", want: "a@1.2.3.example"},
		{in: long("a", 64) + "@example.org", want: long("a", 64) + "@example.org"},
		{in: "a@" + long("b", 63) + ".org", want: "a@" + long("b", 63) + ".org"},
		// normalised
		{in: "a@EXAMPLE.Org", want: "a@example.org"},
		{in: " a@example.org\r\n", want: "a@example.org"},
		{in: "　a@example.org　", want: "a@example.org"},
		{in: "\ufeffa@example.org\u200b", want: "a@example.org"},
		{in: "\u00a0a@example.org", want: "a@example.org"},
		{in: "a＠example.org", want: "a@example.org"},
		{in: "a@example．org", want: "a@example.org"},
		{in: "a@example。org", want: "a@example.org"},
		{in: "ｌｉ＿１２＠ｅｘａｍｐｌｅ．ｏｒｇ", want: "li_12@example.org"},
		{in: "a@例子.中国", want: "a@xn--fsqu00a.xn--fiqs8s"},
		{in: "a@bücher.example", want: "a@xn--bcher-kva.example"},
		{in: "a@straße.example", want: "a@xn--strae-oqa.example"},
		{in: "a@xn--fiqs8s.example", want: "a@xn--fiqs8s.example"},
		{in: "a@XN--FIQS8S.example", want: "a@xn--fiqs8s.example"},
		// internationalised local parts
		{in: "李娜@example.org", want: "李娜@example.org"},
		{in: "李娜@例子.中国", want: "李娜@xn--fsqu00a.xn--fiqs8s"},
		{in: "josé@example.org", want: "josé@example.org"},
		{in: "jose\u0301@example.org", want: "jos\u00e9@example.org"},
		{in: "почта@example.org", want: "почта@example.org"},
		// no address at all
		{in: "", code: "address-empty"},
		{in: " \t　", code: "address-empty"},
		{in: "li.na", code: "address-at"},
		{in: "a@b@example.org", code: "address-at"},
		{in: "a@example.org,b@example.org", code: "address-at"},
		{in: "@example.org", code: "address-local"},
		{in: "a@", code: "address-domain"},
		// local parts
		{in: ".a@example.org", code: "address-dot"},
		{in: "a.@example.org", code: "address-dot"},
		{in: "a..b@example.org", code: "address-dot"},
		{in: "li na@example.org", code: "address-character"},
		{in: "li　na@example.org", code: "address-character"},
		{in: `"li na"@example.org`, code: "address-character"},
		{in: "li(news)@example.org", code: "address-character"},
		{in: "a%b@example.org", code: "address-character"},
		{in: "host!a@example.org", code: "address-character"},
		{in: "a|b@example.org", code: "address-character"},
		{in: "a`b@example.org", code: "address-character"},
		{in: `a\b@example.org`, code: "address-character"},
		{in: "a,b@example.org", code: "address-character"},
		{in: "a;b@example.org", code: "address-character"},
		{in: "a:b@example.org", code: "address-character"},
		{in: "mailto:a@example.org", code: "address-character"},
		{in: "<a@example.org>", code: "address-character"},
		{in: "李娜 <a@example.org>", code: "address-character"},
		{in: "a\r\nBcc: b@example.org", code: "address-character"},
		{in: "a\x00@example.org", code: "address-character"},
		{in: "a\x7f@example.org", code: "address-character"},
		{in: "a\xff@example.org", code: "address-character"},
		{in: "a\u202eb@example.org", code: "address-character"},
		{in: "a\u200bb@example.org", code: "address-character"},
		{in: "😀@example.org", code: "address-character"},
		{in: long("a", 65) + "@example.org", code: "address-long"},
		{in: long("名", 22) + "@example.org", code: "address-long"},
		// domains
		{in: "a@localhost", code: "address-domain"},
		{in: "a@[192.0.2.1]", code: "address-domain"},
		{in: "a@192.0.2.1", code: "address-domain"},
		{in: "a@example.org.", code: "address-domain"},
		{in: "a@.example.org", code: "address-domain"},
		{in: "a@example..org", code: "address-domain"},
		{in: "a@-example.org", code: "address-domain"},
		{in: "a@example-.org", code: "address-domain"},
		{in: "a@exa_mple.org", code: "address-domain"},
		{in: "a@exam ple.org", code: "address-domain"},
		{in: "a@example.org(news)", code: "address-domain"},
		{in: "a@example.org>", code: "address-domain"},
		{in: "a@example.org\nX: y", code: "address-domain"},
		{in: "a@xn--a.example", code: "address-domain"},
		{in: "a@" + long("b", 64) + ".org", code: "address-domain"},
		{in: "a@" + long("bcd.", 70) + "org", code: "address-domain"},
		{in: long("a", 64) + "@" + long("bcd.", 50) + "org", code: "address-long"},
		{in: long("a", 2000) + "@example.org", code: "address-long"},
	} {
		a, err := ParseEmail(tt.in)
		if tt.code != "" {
			var bad *Invalid
			if !errors.As(err, &bad) || bad.Code != tt.code {
				t.Errorf("ParseEmail(%q) = %q, %v; want code %s", tt.in, a.Value, err, tt.code)
			}
			continue
		}
		if err != nil || a.Value != tt.want || a.Channel != Email || !strings.HasSuffix(a.Value, "@"+a.Domain) {
			t.Errorf("ParseEmail(%q) = %+q on %q at %q, %v; want %q", tt.in, a.Value, a.Channel, a.Domain, err, tt.want)
		}
	}
}

func TestEAI(t *testing.T) {
	for in, want := range map[string]bool{"a@example.org": false, "a@例子.中国": false, "李娜@example.org": true} {
		if got := mustEmail(t, in).EAI(); got != want {
			t.Errorf("EAI of %s: %t", in, got)
		}
	}
}

func TestParseOtherAddresses(t *testing.T) {
	for _, tt := range []struct{ channel, in, want, code string }{
		{channel: WeChat, in: " oABC-def_123 ", want: "oABC-def_123"},
		{channel: WeChat, in: "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", want: "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"},
		{channel: WeChat, in: "", code: "address-empty"},
		{channel: WeChat, in: "short", code: "openid"},
		{channel: WeChat, in: strings.Repeat("o", 65), code: "openid"},
		{channel: WeChat, in: "oABC def", code: "openid"},
		{channel: WeChat, in: "o微信用户的名字", code: "openid"},
		{channel: WeChat, in: "a@example.org", code: "openid"},
		{channel: "telegram", in: " @reader ", want: "@reader"},
		{channel: "telegram", in: "", code: "address-empty"},
		{channel: "telegram", in: "two words", code: "address-character"},
		{channel: "telegram", in: "a\nb", code: "address-character"},
		{channel: "telegram", in: "a\xffb", code: "address-character"},
		{channel: "telegram", in: strings.Repeat("o", 255), code: "address-long"},
		{channel: "Tele.gram", in: "reader", code: "channel"},
		{channel: "", in: "reader", code: "channel"},
	} {
		a, err := ParseAddress(tt.channel, tt.in)
		if tt.code != "" {
			var bad *Invalid
			if !errors.As(err, &bad) || bad.Code != tt.code {
				t.Errorf("%s %q = %q, %v; want code %s", tt.channel, tt.in, a.Value, err, tt.code)
			}
			continue
		}
		if err != nil || a.Value != tt.want || a.Channel != tt.channel || a.Domain != "" {
			t.Errorf("%s %q = %+q, %v; want %q", tt.channel, tt.in, a.Value, err, tt.want)
		}
	}
	if a, err := ParseAddress(Email, "A@Example.org"); err != nil || a.Value != "A@example.org" {
		t.Errorf("email by its channel: %v, %v", a, err)
	}
}

func TestAddressesAreMasked(t *testing.T) {
	for in, want := range map[Address]string{
		mustEmail(t, "zhang.san@example.org"): "z***@example.org",
		mustEmail(t, "z@example.org"):         "***@example.org",
		mustEmail(t, "张三@example.org"):        "张***@example.org",
		mustWeChat(t, "oABCDEFGHIJKL"):        "oABC***",
		{Channel: "x", Value: "abc"}:          "***",
		{Channel: Email, Value: "no address"}: "***",
	} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "address", in)
		held := ChannelAddress{Address: in}
		for _, text := range []string{in.String(), fmt.Sprintf("%v", in), fmt.Sprintf("%+v", held)} {
			if text != want {
				t.Errorf("got %q, want %q", text, want)
			}
		}
		if strings.Contains(log.String(), in.Value) || !strings.Contains(log.String(), want) {
			t.Errorf("log: %s", log.String())
		}
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"a@example.org", "李娜@例子.中国", "ａ＠ｂ．ｃｎ", "a\r\n@b.c", `"x"@y.z`, "a@xn--fiqs8s.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseEmail(text)
		if err != nil {
			return
		}
		if again, err := ParseEmail(a.Value); err != nil || again != a {
			t.Errorf("%q became %q, which becomes %q, %v", text, a.Value, again.Value, err)
		}
		if strings.ContainsAny(a.Value, "\r\n\x00 <>\"(),:;%!") || len(a.Value) > maxEmail {
			t.Errorf("%q became %q", text, a.Value)
		}
		parsed, err := mail.ParseAddress("<" + a.Value + ">")
		if err != nil || parsed.Address != a.Value {
			t.Errorf("net/mail reads %q as %v, %v", a.Value, parsed, err)
		}
	})
}
