package standin

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The platform waits 5 seconds for the answer to an event and tries three
// times (page of events, read 2026-11).
const (
	eventWait  = 5 * time.Second
	eventTries = 3
	originalID = "gh_standin" // of the account, as events have it
)

// emit makes an event of its inner XML and has it sent.
func (w *WeChat) emit(inner string) {
	w.events = append(w.events, `<xml><ToUserName><![CDATA[`+originalID+`]]></ToUserName>`+inner+`</xml>`)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Emit sends an event or message, given as what stands inside <xml>, as soon as
// Run gets to it.
func (w *WeChat) Emit(inner string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.emit(inner)
}

// Events returns the XML of the events that were not sent: all of them when
// there is no callback.
func (w *WeChat) Events() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func (w *WeChat) sendEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		if w.callback() == "" || w.options.LoseEvents {
			continue
		}
		w.mu.Lock()
		events := w.events
		w.events = nil
		w.mu.Unlock()
		for _, text := range events {
			for range eventTries {
				if w.Push(ctx, text) == nil {
					break
				}
			}
		}
	}
}

// Push posts one XML text to the callback as the platform does in safe mode, and
// returns what is wrong with the answer.
func (w *WeChat) Push(ctx context.Context, text string) error {
	_, err := w.push(ctx, text)
	return err
}

func (w *WeChat) push(ctx context.Context, text string) (answer []byte, err error) {
	body, query, err := w.Envelope(text, w.now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, eventWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.callback()+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || len(answer) > 0 && string(answer) != "success" && !strings.HasPrefix(string(answer), "<xml>") {
		return nil, fmt.Errorf("the callback answered %s: %.100q", resp.Status, answer)
	}
	return answer, nil
}

// Envelope encrypts and signs a text as it goes to the callback at a time: the
// body and the query.
func (w *WeChat) Envelope(text string, at time.Time) (body []byte, query url.Values, err error) {
	sealed, err := seal(text, w.options.AppID, w.options.AESKey)
	if err != nil {
		return nil, nil, err
	}
	stamp, nonce := strconv.FormatInt(at.Unix(), 10), rand.Text()[:10]
	query = url.Values{
		"timestamp": {stamp}, "nonce": {nonce}, "encrypt_type": {"aes"},
		"signature":     {sign(w.options.Token, stamp, nonce)},
		"msg_signature": {sign(w.options.Token, stamp, nonce, sealed)},
	}
	return []byte("<xml><ToUserName><![CDATA[" + originalID + "]]></ToUserName><Encrypt><![CDATA[" + sealed + "]]></Encrypt></xml>"), query, nil
}

// sign is the platform's signature of some values.
func sign(values ...string) string {
	slices.Sort(values)
	sum := sha1.Sum([]byte(strings.Join(values, "")))
	return hex.EncodeToString(sum[:])
}

// seal encrypts a message: AES-256-CBC over 16 random bytes, the length, the
// message and the app id, padded to 32 bytes.
func seal(text, appID, aesKey string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil || len(key) != 32 {
		return "", errors.New("the AES key is not 43 characters of base64")
	}
	plain := make([]byte, 20, 20+len(text)+len(appID)+32)
	_, _ = rand.Read(plain[:16])
	binary.BigEndian.PutUint32(plain[16:], uint32(len(text)))
	plain = append(append(plain, text...), appID...)
	pad := 32 - len(plain)%32
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}
