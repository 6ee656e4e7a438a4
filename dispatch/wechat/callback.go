package wechat

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"yizhan/dispatch"
)

// Keeper writes down an event and what it was answered with; [dispatch.Ledger] is
// one.
type Keeper interface {
	Keep(ctx context.Context, channel string, in dispatch.Inbound) (fresh bool, err error)
	Answered(ctx context.Context, channel, key string) (answer string, ok bool, err error)
	Answer(ctx context.Context, channel, key, answer string, now time.Time) (given string, err error)
}

// CallbackOptions are what a [Callback] needs; all but Responder and Logger are
// required.
type CallbackOptions struct {
	AppID, Token, AESKey string
	Keeper               Keeper
	Responder            Responder    // nil: nobody is answered
	Logger               *slog.Logger // nil: silent
}

// Callback is where the platform sends its events, in safe mode only: in the
// others the signature does not cover the body, and whoever has seen one call can
// forge all. What is taken has been written down when it is answered, and is
// worked on afterwards: the platform waits for 5 seconds, three times.
type Callback struct {
	o   CallbackOptions
	log *slog.Logger
}

const (
	// maxEvent bounds the body of a call; real ones have some kilobytes.
	maxEvent = 64 << 10
	// eventWindow is how old a call may be. The platform keeps the time stamp when
	// it tries again. What comes a second time within it is known by its id.
	eventWindow = 10 * time.Minute
	// maxEcho bounds what is sent back to prove that the token is known.
	maxEcho = 256
)

// NewCallback makes a callback.
func NewCallback(o CallbackOptions) (*Callback, error) {
	if o.AppID == "" || o.Token == "" || o.AESKey == "" || o.Keeper == nil {
		return nil, errors.New("wechat callback: app id, token, AES key and a keeper are required")
	}
	if _, err := util.EncryptMsg(make([]byte, 16), []byte("x"), o.AppID, o.AESKey); err != nil {
		return nil, errors.New("wechat callback: the AES key is not 43 characters of base64")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Callback{o: o, log: o.Logger.With("channel", Name)}, nil
}

// ServeHTTP implements [http.Handler].
func (c *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		c.check(w, r)
	case http.MethodPost:
		c.take(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "405", http.StatusMethodNotAllowed)
	}
}

// check answers the console, which asks whether the token is known here.
func (c *Callback) check(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	echo := q.Get("echostr")
	if !c.timely(q.Get("timestamp"), time.Now()) || !c.signed(q.Get("signature"), q.Get("timestamp"), q.Get("nonce")) || len(echo) > maxEcho {
		http.Error(w, "403", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, echo)
}

// take takes an event.
func (c *Callback) take(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "413", http.StatusRequestEntityTooLarge)
		return
	}
	text, err := c.open(body, r.URL.Query().Get, now)
	if err != nil {
		c.log.Warn("a call of the callback was refused", "error", err)
		http.Error(w, "403", http.StatusForbidden)
		return
	}
	e, err := parseEvent(text)
	if err != nil {
		c.log.Warn("an event cannot be read", "error", err)
		http.Error(w, "400", http.StatusBadRequest)
		return
	}
	if !e.kept() {
		_, _ = io.WriteString(w, nothing)
		return
	}
	fresh, err := c.keep(r.Context(), e, now)
	if err != nil {
		// The platform tries again.
		c.log.Error("an event could not be written down", "error", err)
		http.Error(w, "503", http.StatusServiceUnavailable)
		return
	}
	c.reply(w, e, c.respond(r.Context(), e, fresh))
}

// keep writes an event down. When somebody answers it here, that is the first try
// to work on it.
func (c *Callback) keep(ctx context.Context, e Event, now time.Time) (fresh bool, err error) {
	content, err := json.Marshal(e)
	if err != nil {
		return false, err
	}
	in := dispatch.Inbound{Key: e.id(), Content: string(content), Received: now}
	if c.o.Responder != nil && e.chat() {
		in.Due = now.Add(respondAgain)
	}
	return c.o.Keeper.Keep(ctx, Name, in)
}

// Why a call is refused. None of them tells a caller more than that.
var (
	errPlain     = errors.New("it is not encrypted: choose safe mode (安全模式) in the console")
	errOld       = errors.New("its time stamp is missing, old or ahead: is this machine's clock right?")
	errSignature = errors.New("its signature is not of our token")
	errSealed    = errors.New("it cannot be decrypted with our key and app id")
)

// open checks and decrypts the body of a call; query gives its parameters.
func (c *Callback) open(body []byte, query func(string) string, now time.Time) ([]byte, error) {
	if query("encrypt_type") != "aes" {
		return nil, errPlain
	}
	if !c.timely(query("timestamp"), now) {
		return nil, errOld
	}
	var envelope struct {
		XMLName xml.Name `xml:"xml"`
		Encrypt string   `xml:"Encrypt"`
	}
	if err := xml.Unmarshal(body, &envelope); err != nil || envelope.Encrypt == "" {
		return nil, errPlain
	}
	if !c.signed(query("msg_signature"), query("timestamp"), query("nonce"), envelope.Encrypt) {
		return nil, errSignature
	}
	_, text, err := util.DecryptMsg(c.o.AppID, envelope.Encrypt, c.o.AESKey)
	if err != nil {
		return nil, errSealed
	}
	return text, nil
}

// timely reports whether a time stamp is of now, more or less.
func (c *Callback) timely(stamp string, now time.Time) bool {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	return err == nil && now.Sub(time.Unix(seconds, 0)).Abs() <= eventWindow
}

// signed compares a signature in a time that tells nothing.
func (c *Callback) signed(signature string, values ...string) bool {
	want := util.Signature(append(values, c.o.Token)...)
	return subtle.ConstantTimeCompare([]byte(signature), []byte(want)) == 1
}
