package standin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
)

// KindReply is the kind of a message that answers what a follower did.
const KindReply = "reply"

// Chat does what happens when a follower says or does something: the event or
// message, given as what stands inside <xml> behind the names, goes to the callback
// once, and what comes back is shown to the follower and returned; "" is silence.
// It is an error when the real platform would call the account out of order.
func (w *WeChat) Chat(ctx context.Context, openid, inner string) (reply string, err error) {
	body, err := w.push(ctx, w.event(openid, inner))
	if err != nil || len(body) == 0 || string(body) == "success" {
		return "", err
	}
	if reply, err = w.openReply(openid, body); err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = append(w.messages, WeChatMessage{OpenID: openid, Kind: KindReply, Text: reply, At: w.now()})
	return reply, nil
}

// event is the XML of what a follower says or does.
func (w *WeChat) event(openid, inner string) string {
	return fmt.Sprintf(`<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName>%s</xml>`, originalID, openid, inner)
}

// openReply reads an encrypted answer as the platform does.
func (w *WeChat) openReply(openid string, body []byte) (string, error) {
	var envelope struct {
		Encrypt      string
		MsgSignature string
		TimeStamp    string
		Nonce        string
	}
	if err := xml.Unmarshal(body, &envelope); err != nil {
		return "", fmt.Errorf("the answer is not XML: %w", err)
	}
	if sign(w.options.Token, envelope.TimeStamp, envelope.Nonce, envelope.Encrypt) != envelope.MsgSignature {
		return "", errors.New("the answer's signature is not the account's")
	}
	text, err := unseal(envelope.Encrypt, w.options.AppID, w.options.AESKey)
	if err != nil {
		return "", err
	}
	var message struct {
		ToUserName   string
		FromUserName string
		CreateTime   int64
		MsgType      string
		Content      string
	}
	switch err := xml.Unmarshal(text, &message); {
	case err != nil:
		return "", fmt.Errorf("the answer's message is not XML: %w", err)
	case message.ToUserName != openid || message.FromUserName != originalID || message.CreateTime <= 0:
		return "", fmt.Errorf("the answer goes from %q to %q", message.FromUserName, message.ToUserName)
	case message.MsgType != "text" || message.Content == "" || len(message.Content) > maxReplyText:
		return "", fmt.Errorf("the answer is a %s of %d bytes", message.MsgType, len(message.Content))
	}
	return message.Content, nil
}

// maxReplyText is how many bytes a text that answers may have (page of passive
// replies, read 2026-11).
const maxReplyText = 2048

// unseal is the contrary of seal.
func unseal(sealed, appID, aesKey string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil || len(key) != 32 {
		return nil, errors.New("the AES key is not 43 characters of base64")
	}
	plain, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(plain) == 0 || len(plain)%aes.BlockSize != 0 {
		return nil, errors.New("the answer is not encrypted")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > 32 || len(plain)-pad < 20 {
		return nil, errors.New("the answer is encrypted with another key")
	}
	plain = plain[:len(plain)-pad]
	end := 20 + int(binary.BigEndian.Uint32(plain[16:20]))
	if end > len(plain) || string(plain[end:]) != appID {
		return nil, errors.New("the answer is of another account")
	}
	return plain[20:end], nil
}
