package config

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// DKIM is a key that signs the mails of the email channel.
type DKIM struct {
	Domain   string // d=, lower case
	Selector string // s=
	Key      Secret // PEM
}

// RFC 8301 section 3.2 (2018): receivers refuse RSA keys of less than 1024
// bits, signers should have 2048 or more.
const (
	minRSA  = 1024
	goodRSA = 2048
)

// maxDKIM bounds the signatures of a mail; two are usual, and two more while
// keys are exchanged.
const maxDKIM = 4

var (
	errNoKey     = errors.New("no PEM private key in it")
	errLockedKey = errors.New("the key is protected by a password")
	errKeyKind   = errors.New("neither an RSA nor an Ed25519 key")
	errShortKey  = fmt.Errorf("an RSA key of less than %d bits", minRSA)
)

// Signer gives the private key: a *rsa.PrivateKey or an ed25519.PrivateKey.
func (k DKIM) Signer() (crypto.Signer, error) {
	signer, err := parseKey([]byte(k.Key.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("read the DKIM key %s._domainkey.%s: %w", k.Selector, k.Domain, err)
	}
	return signer, nil
}

// parseKey reads the first private key of a PEM text, as openssl writes it now
// (PKCS #8) and as it used to (PKCS #1).
func parseKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errNoKey
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, errLockedKey
		case block.Type == "RSA PRIVATE KEY":
			key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
			if err != nil {
				return nil, errNoKey
			}
			return checkKey(key)
		case block.Type == "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, errNoKey
			}
			return checkKey(key)
		case strings.HasSuffix(block.Type, " PRIVATE KEY"):
			return nil, errKeyKind
		}
	}
}

func checkKey(key any) (crypto.Signer, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSA {
			return nil, errShortKey
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errKeyKind
}

// dkim reads one key, or a list of them.
func (t *table) dkim(key string, to *[]DKIM) {
	node := t.ask(key)
	if node == nil {
		return
	}
	if node.Kind != yaml.SequenceNode {
		var one DKIM
		if t.doc.table(node, t.at(key)).dkimKey(&one) {
			*to = []DKIM{one}
		}
		return
	}
	if len(node.Content) > maxDKIM {
		t.fail(key, "out-of-range", fmt.Sprintf("最多 %d 个，现在是 %d 个", maxDKIM, len(node.Content)), "每个签名都让邮件更长，一般一个 RSA、一个 Ed25519 就够")
		return
	}
	seen := make(map[string]bool)
	for i, item := range node.Content {
		path := t.at(key) + "." + strconv.Itoa(i)
		t.doc.lines[path] = item.Line
		var one DKIM
		if !t.doc.table(resolve(item), path).dkimKey(&one) {
			continue
		}
		name := strings.ToLower(one.Selector + "." + one.Domain)
		if seen[name] {
			t.doc.fail(path, "duplicate-key", "同一个域名的两个密钥不能用同一个 selector", "每个密钥在 DNS 里要有自己的记录，请换一个 selector")
			continue
		}
		seen[name] = true
		*to = append(*to, one)
	}
}

// dkimKey reads one key and reports whether there is nothing wrong with it.
func (t *table) dkimKey(k *DKIM) bool {
	before := len(t.doc.errs)
	t.text("domain", &k.Domain)
	t.require("domain", "发件人地址 @ 后面的域名")
	k.Domain = strings.ToLower(k.Domain)
	if k.Domain != "" && !hostForm.MatchString(k.Domain) {
		t.wrong("domain", k.Domain, "example.org")
	}
	t.text("selector", &k.Selector)
	t.require("selector", "给密钥起的名字，例如 s1；DNS 记录里要用到")
	if k.Selector != "" && !hostForm.MatchString(k.Selector) {
		t.wrong("selector", k.Selector, "s1（只用英文字母、数字、- 和 .）")
	}
	t.privateKey("key", &k.Key)
	t.require("key", "私钥文件，例如 file:dkim.pem；怎样生成见 docs/dkim.md")
	t.done()
	if k.Key.IsSet() {
		t.checkPrivateKey("key", k.Key)
	}
	return len(t.doc.errs) == before
}

// privateKey reads a secret that may also be written out in PEM, in as many
// lines as it has.
func (t *table) privateKey(key string, to *Secret) {
	node := t.values[key]
	if node != nil && node.Kind == yaml.ScalarNode && coreTag(node) && strings.HasPrefix(strings.TrimSpace(node.Value), "-----BEGIN ") {
		t.ask(key)
		t.doc.literal = true
		*to = NewSecret(node.Value)
		return
	}
	t.secret(key, to)
}

func (t *table) checkPrivateKey(key string, k Secret) {
	signer, err := parseKey([]byte(k.Reveal()))
	switch {
	case errors.Is(err, errLockedKey):
		t.fail(key, "bad-key", "私钥有密码保护，程序打不开", "用 openssl pkey 去掉密码，再用文件权限保护它")
	case errors.Is(err, errKeyKind):
		t.fail(key, "bad-key", "这种私钥不能用来签名，只能是 RSA 或 Ed25519", "照 docs/dkim.md 重新生成一个")
	case errors.Is(err, errShortKey):
		t.fail(key, "bad-key", fmt.Sprintf("RSA 私钥不到 %d 位，收件方不认", minRSA), fmt.Sprintf("重新生成一个 %d 位的", goodRSA))
	case err != nil:
		t.fail(key, "bad-key", "读不出私钥", "要 PEM 格式的私钥：第一行是 -----BEGIN PRIVATE KEY-----；不是公钥，也不是证书")
	}
	if private, ok := signer.(*rsa.PrivateKey); ok && private.N.BitLen() < goodRSA {
		t.doc.findings = append(t.doc.findings, Finding{
			File: t.doc.file, Line: lineOf(t.doc.lines, t.at(key)), Key: t.at(key), Code: "weak-key",
			Text: fmt.Sprintf("RSA 私钥只有 %d 位", private.N.BitLen()), Hint: fmt.Sprintf("换一个 %d 位的，selector 也换一个", goodRSA),
		})
	}
}

// checkDKIM looks for keys whose signatures do not help.
func (c *Config) checkDKIM(add addFunc) {
	keys := c.Channels.Email.DKIM
	from := domainOf(c.Channels.Email.From.Address)
	widely := len(keys) == 0
	for _, k := range keys {
		if !sameOrganisation(from, k.Domain) {
			add("channels.email.dkim", "dkim-differs",
				"签名的域名 "+k.Domain+" 和发件人的域名 "+from+" 不同，签名通过了也不算数（DMARC 要求一致）", "用发件人的域名")
		}
		signer, err := k.Signer()
		_, isRSA := signer.(*rsa.PrivateKey)
		widely = widely || err == nil && isRSA
	}
	if !widely {
		add("channels.email.dkim", "ed25519-only", "只有 Ed25519 的签名，许多收件方还不认", "再加一个 RSA 的密钥，两个都签（RFC 8463）")
	}
}
