package standin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// WeChatArticle is an article as its readers see it: what the platform takes
// out of the HTML is out.
type WeChatArticle struct {
	Title     string `json:"title"`
	Author    string `json:"author"`
	Digest    string `json:"digest"`
	Content   string `json:"content"`
	SourceURL string `json:"content_source_url"`
	Thumb     string `json:"thumb_media_id"`
	Comments  int    `json:"need_open_comment"`
}

// draft is an article that was not sent yet.
type draft struct {
	articles []WeChatArticle
	sent     bool
}

// Limits of an article (page of draft/add, read 2026-11).
const (
	maxTitle     = 32     // characters
	maxAuthor    = 16     // characters
	maxDigest    = 128    // characters
	maxContent   = 20_000 // characters, and below
	maxBytes     = 1 << 20
	maxSourceURL = 1024 // bytes
	maxArticles  = 8
	maxImage     = 1 << 20  // bytes, media/uploadimg, and below
	maxMaterial  = 10 << 20 // bytes, material/add_material
)

// file is the multipart field "media".
func (r *request) file() (name string, data []byte, refused *refusal) {
	r.http.Body = io.NopCloser(bytes.NewReader(r.body))
	part, header, err := r.http.FormFile("media")
	if err != nil {
		return "", nil, refuse(41005, "media data missing")
	}
	defer part.Close()
	data, err = io.ReadAll(part)
	if err != nil {
		return "", nil, refuse(44001, "empty media data")
	}
	return header.Filename, data, nil
}

func (w *WeChat) picture(r *request, most int) (data []byte, refused *refusal) {
	name, data, refused := r.file()
	if refused != nil {
		return nil, refused
	}
	// What the client sent, not what the parser left of it.
	if strings.ContainsAny(name, `/\`) || bytes.Contains(r.body[:min(len(r.body), 512)], []byte(`filename="/`)) {
		w.complain("%s: the file name tells a path", r.http.URL.Path)
	}
	kind := http.DetectContentType(data)
	if kind != "image/png" && kind != "image/jpeg" {
		return nil, refuse(40005, "invalid file type")
	}
	if len(data) >= most {
		return nil, refuse(40009, "invalid image size")
	}
	return data, nil
}

func (w *WeChat) uploadImage(r *request) *refusal {
	data, refused := w.picture(r, maxImage)
	if refused != nil {
		return refused
	}
	sum := sha256.Sum256(data)
	link := "http://mmbiz.qpic.cn/mmbiz_png/" + hex.EncodeToString(sum[:12]) + "/0"
	w.images[link] = data
	r.answer = map[string]any{"url": link}
	return nil
}

func (w *WeChat) addMaterial(r *request) *refusal {
	if kind := r.http.URL.Query().Get("type"); kind != "image" && kind != "thumb" {
		return refuse(40004, "invalid media type")
	}
	data, refused := w.picture(r, maxMaterial)
	if refused != nil {
		return refused
	}
	id := fmt.Sprintf("material_%d", w.next())
	link := "http://mmbiz.qpic.cn/mmbiz_png/" + id + "/0"
	w.media[id], w.images[link], w.images[id] = true, data, data
	r.answer = map[string]any{"media_id": id, "url": link}
	return nil
}

// Image returns what was uploaded and has this URL or media id; nil: nothing.
func (w *WeChat) Image(name string) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.images[name])
}

func (w *WeChat) addDraft(r *request) *refusal {
	var in struct {
		Articles []WeChatArticle `json:"articles"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	if len(in.Articles) == 0 || len(in.Articles) > maxArticles {
		return refuse(45008, "article size out of limit")
	}
	for i := range in.Articles {
		a := &in.Articles[i]
		if refused := w.checkArticle(a); refused != nil {
			return refused
		}
		content, refused := seen(a.Content, w.options.PayLinks)
		if refused != nil {
			return refused
		}
		a.Content = content
	}
	id := fmt.Sprintf("draft_%d", w.next())
	w.drafts[id] = &draft{articles: in.Articles}
	r.answer = map[string]any{"media_id": id}
	return nil
}

func (w *WeChat) checkArticle(a *WeChatArticle) *refusal {
	size := utf8.RuneCountInString
	source, err := url.Parse(a.SourceURL)
	switch {
	case a.Title == "" || size(a.Title) > maxTitle:
		return refuse(45003, "title size out of limit")
	case size(a.Author) > maxAuthor:
		return refuse(45110, "author size out of limit")
	case size(a.Digest) > maxDigest:
		return refuse(45004, "description size out of limit")
	case a.Content == "":
		return refuse(44003, "empty news data")
	case size(a.Content) >= maxContent || len(a.Content) >= maxBytes:
		return refuse(45002, "content size out of limit")
	case len(a.SourceURL) > maxSourceURL:
		return refuse(45005, "url size out of limit")
	case a.SourceURL != "" && (err != nil || source.Scheme != "http" && source.Scheme != "https"):
		return refuse(41039, "invalid content_source_url")
	case !w.media[a.Thumb]:
		return refuse(40007, "invalid media_id")
	case a.Comments != 0:
		return refuse(88000, "without comment privilege")
	}
	return nil
}

// seen is the HTML that the platform leaves: no scripts, ids, classes and
// handlers, images of its own only, links to itself only.
func seen(content string, payLinks bool) (string, *refusal) {
	nodes, err := html.ParseFragment(strings.NewReader(content), &html.Node{Type: html.ElementNode, Data: "section", DataAtom: atom.Section})
	if err != nil {
		return "", refuse(45166, "invalid content")
	}
	var out strings.Builder
	for _, n := range nodes {
		if refused := strip(n, payLinks); refused != nil {
			return "", refused
		}
		if err := html.Render(&out, n); err != nil {
			return "", refuse(45166, "invalid content")
		}
	}
	return out.String(), nil
}

func strip(n *html.Node, payLinks bool) *refusal {
	if n.Type == html.ElementNode {
		switch n.Data {
		case "script", "iframe", "form", "input", "object", "embed", "link", "meta":
			return refuse(45166, "invalid content")
		}
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
			return a.Key == "id" || a.Key == "class" || strings.HasPrefix(a.Key, "on") ||
				n.Data == "a" && a.Key == "href" && !payLinks && !hosted(a.Val, "mp.weixin.qq.com") ||
				n.Data == "img" && a.Key == "src" && !hosted(a.Val, "mmbiz.qpic.cn")
		})
	}
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		if c.Type == html.CommentNode || c.Type == html.ElementNode && c.Data == "style" {
			n.RemoveChild(c)
		} else if refused := strip(c, payLinks); refused != nil {
			return refused
		}
		c = next
	}
	return nil
}

func hosted(link, host string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Host == host
}

// draftOf finds the draft that a call names.
func (w *WeChat) draftOf(r *request) (id string, d *draft, refused *refusal) {
	var in struct {
		MediaID string `json:"media_id"`
	}
	if refused := r.read(&in); refused != nil {
		return "", nil, refused
	}
	d = w.drafts[in.MediaID]
	if d == nil {
		return "", nil, refuse(40007, "invalid media_id")
	}
	return in.MediaID, d, nil
}

func (w *WeChat) getDraft(r *request) *refusal {
	_, d, refused := w.draftOf(r)
	if refused == nil {
		r.answer = map[string]any{"news_item": d.articles}
	}
	return refused
}

func (w *WeChat) deleteDraft(r *request) *refusal {
	id, _, refused := w.draftOf(r)
	if refused == nil {
		delete(w.drafts, id)
		r.answer = ok()
	}
	return refused
}

func (w *WeChat) countDrafts(r *request) *refusal {
	r.answer = map[string]any{"total_count": len(w.drafts)}
	return nil
}

func (w *WeChat) countMaterial(r *request) *refusal {
	r.answer = map[string]any{"voice_count": 0, "video_count": 0, "image_count": len(w.media), "news_count": 0}
	return nil
}

// number is an id that the API takes as a number or as a string.
type number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(data []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	*n = number(v)
	return err
}
