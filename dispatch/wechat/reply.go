package wechat

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2/util"
)

// Responder answers what a follower says or does in the chat: a text, a button of
// the menu ([EventClick]), a scanned code, following the account.
type Responder interface {
	// Respond works on an event and gives the text to answer it with; empty is
	// silence. It returns before ctx ends. The event has been written down, and
	// is the same for all its repeats; those are given the answer that was recorded,
	// without asking again. Only after an error, a timeout or a crash it is given
	// the same event once more: working on it twice must come to the same.
	Respond(ctx context.Context, e Event) (answer string, err error)
}

const (
	// nothing is the answer when there is none. Anything else that is not a
	// message makes the platform tell the follower that the account is out of order.
	nothing = "success"
	// respondWithin leaves a second of the five that the platform waits (page of
	// events, read 2026-11).
	respondWithin = 4 * time.Second
	// respondAgain is when an event that was not answered is worked on without.
	respondAgain = 15 * time.Second
	// maxReply is how many bytes of text an answer has (page of passive replies,
	// read 2026-11).
	maxReply = 2048
)

// respond gives the answer to an event, the same one each time that it comes. What
// goes wrong is silence: the event is worked on later.
func (c *Callback) respond(ctx context.Context, e Event, fresh bool) string {
	if c.o.Responder == nil || !e.chat() {
		return ""
	}
	// The platform's patience, not its connection, bounds the work.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), respondWithin)
	defer cancel()
	if !fresh {
		answer, ok, err := c.o.Keeper.Answered(ctx, Name, e.id())
		if err != nil {
			c.log.Error("an answer cannot be read", "error", err)
			return ""
		}
		if ok {
			return answer
		}
	}
	answer, err := c.o.Responder.Respond(ctx, e)
	if err == nil {
		answer, err = c.o.Keeper.Answer(ctx, Name, e.id(), cutReply(clean(answer)), time.Now())
	}
	if err != nil {
		c.log.Error("a follower could not be answered in time; working on it later", "error", err)
		return ""
	}
	return answer
}

// cutReply keeps a text inside the platform's limit, whole lines where it can.
func cutReply(text string) string {
	text = strings.TrimSpace(text)
	if len(text) <= maxReply {
		return text
	}
	const more = "\n……"
	text = strings.ToValidUTF8(text[:maxReply-len(more)], "")
	if at := strings.LastIndexByte(text, '\n'); at > maxReply/2 {
		text = text[:at]
	}
	return text + more
}

// cdata is text of which nothing is markup.
type cdata struct {
	Text string `xml:",cdata"`
}

// reply answers a call, with a text that is encrypted as the call was.
func (c *Callback) reply(w http.ResponseWriter, e Event, text string) {
	if text == "" {
		_, _ = io.WriteString(w, nothing)
		return
	}
	body, err := c.seal(e, text, time.Now())
	if err != nil {
		c.log.Error("an answer cannot be encrypted", "error", err)
		_, _ = io.WriteString(w, nothing)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(body)
}

// seal makes the encrypted answer to an event.
func (c *Callback) seal(e Event, text string, now time.Time) ([]byte, error) {
	message, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"xml"`
		To      cdata    `xml:"ToUserName"`
		From    cdata    `xml:"FromUserName"`
		Created int64    `xml:"CreateTime"`
		Type    cdata    `xml:"MsgType"`
		Text    cdata    `xml:"Content"`
	}{To: cdata{e.From}, From: cdata{e.To}, Created: now.Unix(), Type: cdata{"text"}, Text: cdata{text}})
	if err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	sealed, err := util.EncryptMsg(salt, message, c.o.AppID, c.o.AESKey)
	if err != nil {
		return nil, err
	}
	stamp, nonce := strconv.FormatInt(now.Unix(), 10), rand.Text()[:10]
	return xml.Marshal(struct {
		XMLName   xml.Name `xml:"xml"`
		Encrypt   cdata    `xml:"Encrypt"`
		Signature cdata    `xml:"MsgSignature"`
		Stamp     string   `xml:"TimeStamp"`
		Nonce     cdata    `xml:"Nonce"`
	}{Encrypt: cdata{string(sealed)}, Signature: cdata{util.Signature(c.o.Token, stamp, nonce, string(sealed))}, Stamp: stamp, Nonce: cdata{nonce}})
}
