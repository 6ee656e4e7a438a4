package subscribers

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// chatSite serves the pages with a chat, to a subscriber by mail; lives are those of
// the QR codes that were asked for.
func chatSite(t *testing.T, scenes Scenes) *site {
	t.Helper()
	s := newStore(t)
	w := &site{store: s, links: newLinks(t, secretA), sub: mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "zhang.san@example.org")}})}
	w.desk, w.log = newDesk(t, s)
	o := pageOptions(w.desk, w.links, fakeRenderer{})
	o.Chat, o.Scenes = true, scenes
	pages, err := NewPages(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	pages.Register(mux)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	return w
}

var shownCode = regexp.MustCompile(`Binding:\{State:offer Code:([0-9A-Z-]{9}) Until:(\d\d:\d\d) QR:([^}]*)\}`)

func TestBindingOnThePage(t *testing.T) {
	var scene string
	w := chatSite(t, func(_ context.Context, s string, lives time.Duration) ([]byte, error) {
		if lives != bindingLives {
			t.Errorf("a QR code for %s", lives)
		}
		scene = s
		return []byte("png"), nil
	})
	link := "/manage?t=" + w.signed(t, ToManage, w.links, 0, time.Now().Add(time.Hour))
	if _, _, page := w.visited(t, http.MethodGet, link, "", nil); !strings.Contains(page, "Binding:{State:can") || scene != "" {
		t.Errorf("before: %s, scene %q", page, scene)
	}
	_, header, page := w.visited(t, http.MethodPost, link, url.Values{"do": {"bind"}}.Encode(), nil)
	m := shownCode.FindStringSubmatch(page)
	if m == nil || m[3] != "data:image/png;base64,cG5n" || !strings.Contains(header.Get("Content-Security-Policy"), "img-src data:") {
		t.Fatalf("%s\n%v", page, header)
	}
	from := mustWeChat(t, "oFollower_0001")
	if _, err := w.desk.Scan(t.Context(), scene, from, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Bind(t.Context(), m[1], from, "chat", time.Now()); err != nil {
		t.Fatal(err)
	}
	_, header, page = w.visited(t, http.MethodPost, link, "", nil)
	if !strings.Contains(page, "Binding:{State:bound") || strings.Contains(header.Get("Content-Security-Policy"), "img-src") {
		t.Errorf("bound: %s", page)
	}
	if _, _, page := w.visited(t, http.MethodPost, link, url.Values{"do": {"bind"}}.Encode(), nil); !strings.Contains(page, "Binding:{State:bound") {
		t.Errorf("offered to somebody who is bound: %s", page)
	}
	// Unbound from the page; the old link is revoked, the page has a new one.
	_, _, page = w.visited(t, http.MethodPost, link, url.Values{"do": {"unbind"}}.Encode(), nil)
	if !strings.Contains(page, "Notice:unbound") || !strings.Contains(page, "Binding:{State:can") {
		t.Errorf("unbound: %s", page)
	}
	if status, _, _ := w.visited(t, http.MethodGet, link, "", nil); status != http.StatusForbidden {
		t.Errorf("the old link: %d", status)
	}
	if got := mustGet(t, w.store, from.Value); got.ID == w.sub.ID {
		t.Error("still one subscriber")
	}
}

// TestBindingWithoutQR: when the platform gives no picture, the code does.
func TestBindingWithoutQR(t *testing.T) {
	w := chatSite(t, func(context.Context, string, time.Duration) ([]byte, error) { return nil, errors.New("48001") })
	link := "/manage?t=" + w.signed(t, ToManage, w.links, 0, time.Now().Add(time.Hour))
	_, _, page := w.visited(t, http.MethodPost, link, url.Values{"do": {"bind"}}.Encode(), nil)
	if m := shownCode.FindStringSubmatch(page); m == nil || m[3] != "" {
		t.Error(page)
	}
	if _, _, page := w.visited(t, http.MethodPost, link, url.Values{"do": {"unbind"}}.Encode(), nil); !strings.Contains(page, "Notice:not-bound") {
		t.Error(page)
	}
}

// TestUnbindFromTheChatsLink: whoever came from the chat goes on with what is theirs
// there, and has no link to the other's page.
func TestUnbindFromTheChatsLink(t *testing.T) {
	w := chatSite(t, nil)
	from := mustWeChat(t, "oFollower_0001")
	o := offer(t, w.desk, w.sub, time.Now())
	if _, err := w.desk.Bind(t.Context(), o.Code, from, "chat", time.Now()); err != nil {
		t.Fatal(err)
	}
	link := "/manage?t=" + w.links.Sign(Token{Purpose: ToManage, ID: w.sub.PublicID, Channel: WeChat, Expires: time.Now().Add(time.Hour)})
	_, _, page := w.visited(t, http.MethodPost, link, url.Values{"do": {"unbind"}}.Encode(), nil)
	own := mustGet(t, w.store, from.Value)
	if !strings.Contains(page, own.PublicID) || strings.Contains(page, w.sub.PublicID) || strings.Contains(page, "zhang") {
		t.Errorf("own %s, other %s:\n%s", own.PublicID, w.sub.PublicID, page)
	}
}
