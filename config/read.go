package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// reference is a value that names a variable of the environment.
var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// maxSecret bounds what is read from a secret's file.
const maxSecret = 64 << 10

// text reads plain words. A ${NAME} here is refused: only secrets take it.
func (t *table) text(key string, to *string) {
	value, ok := t.scalar(key)
	if !ok {
		return
	}
	if reference.MatchString(value) {
		t.fail(key, "not-a-secret", "${…} 只能用在密码一类的配置项里", "把值直接写在这里")
		return
	}
	*to = strings.TrimSpace(value)
}

// secret reads a literal, ${NAME} or file:PATH.
func (t *table) secret(key string, to *Secret) {
	if value, ok := t.scalar(key); ok {
		t.secretOf(key, value, to)
	}
}

// secretOf reads one of the forms of a secret.
func (t *table) secretOf(key, value string, to *Secret) {
	ok := true
	path, isFile := strings.CutPrefix(value, "file:")
	switch {
	case isFile:
		value, ok = t.secretFile(key, path)
	case strings.HasPrefix(value, "${"):
		value, ok = t.secretVariable(key, value)
	default:
		t.doc.literal = true
	}
	if ok {
		*to = NewSecret(value)
	}
}

func (t *table) secretVariable(key, value string) (string, bool) {
	m := reference.FindStringSubmatch(value)
	if m == nil {
		t.fail(key, "bad-reference", "${…} 的写法不对", "写法例如：${YIZHAN_SECRET}")
		return "", false
	}
	found := t.doc.getenv(m[1])
	if found == "" {
		t.fail(key, "variable-unset", "环境变量 "+m[1]+" 没有设置，或者是空的", "启动前先设置它")
	}
	return found, found != ""
}

func (t *table) secretFile(key, path string) (string, bool) {
	path = t.doc.resolve(path)
	data, info, err := readBounded(path, maxSecret)
	if err != nil {
		t.fail(key, "file-unreadable", "读不了文件 "+path+"："+Reason(err), "路径从配置文件所在的目录算起")
		return "", false
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		t.fail(key, "file-empty", "文件 "+path+" 是空的", "")
		return "", false
	}
	if isExposed(info) {
		t.doc.findings = append(t.doc.findings, Finding{
			File: t.doc.file, Line: lineOf(t.doc.lines, t.at(key)), Key: t.at(key), Code: "file-exposed",
			Text: "本机的任何用户都能读到文件 " + path, Hint: "chmod 600 " + path,
		})
	}
	return value, true
}

// isExposed reports whether everybody on this machine may read the file.
func isExposed(info os.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0
}

func (t *table) integer(key string, to *int, low, high int) {
	value, ok := t.scalar(key)
	if !ok {
		return
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.wrong(key, value, strconv.Itoa(*to))
		return
	}
	if n < low || n > high {
		t.fail(key, "out-of-range", fmt.Sprintf("必须在 %d 到 %d 之间，现在是 %d", low, high, n), "")
		return
	}
	*to = n
}

func (t *table) duration(key string, to *time.Duration, low, high time.Duration) {
	if value, ok := t.scalar(key); ok {
		t.durationOf(key, value, to, low, high)
	}
}

func (t *table) durationOf(key, value string, to *time.Duration, low, high time.Duration) {
	d, err := time.ParseDuration(value)
	if err != nil {
		t.wrong(key, value, "30s、15m、48h；没有“天”这个单位")
		return
	}
	if d < low || d > high {
		t.fail(key, "out-of-range", fmt.Sprintf("必须在 %s 到 %s 之间，现在是 %s", short(low), short(high), short(d)), "")
		return
	}
	*to = d
}

// short leaves out the zeros at the end: 48h, not 48h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (t *table) durations(key string, to *[]time.Duration, low, high time.Duration) {
	items, names := t.sequence(key, "写法例如：[5m, 15m, 1h]")
	if items == nil {
		return
	}
	list := make([]time.Duration, 0, len(items))
	for i, item := range items {
		d := low
		if value, ok := t.scalarOf(names[i], item); ok {
			t.durationOf(names[i], value, &d, low, high)
		}
		list = append(list, d)
	}
	*to = list
}

func (t *table) rate(key string, to *Rate) {
	if value, ok := t.scalar(key); ok {
		r, err := ParseRate(value)
		if err != nil {
			t.wrong(key, value, "20/s、300/m、1000/h")
			return
		}
		*to = r
	}
}

// choice reads one of a few words.
func choice[T ~string](t *table, key string, to *T, allowed ...T) {
	value, ok := t.scalar(key)
	if !ok {
		return
	}
	words := make([]string, len(allowed))
	for i, word := range allowed {
		if words[i] = string(word); words[i] == value {
			*to = word
			return
		}
	}
	t.wrong(key, value, strings.Join(words, "、"))
}

// address reads a bare mail address.
func (t *table) address(key string, to *string) {
	value := ""
	if t.text(key, &value); value == "" {
		return
	}
	if !isAddress(value) {
		t.wrong(key, value, "news@example.org（只用英文字母、数字和常用符号）")
		return
	}
	*to = value
}

// mailbox reads a mail address with or without a name before it.
func (t *table) mailbox(key string, to *mail.Address) {
	value := ""
	if t.text(key, &value); value == "" {
		return
	}
	parsed, err := mail.ParseAddress(value)
	if err != nil || !isAddress(parsed.Address) {
		t.wrong(key, value, `"协会名称 <news@example.org>"`)
		return
	}
	*to = *parsed
}

// origin reads a URL of scheme and host alone, without a slash at its end.
func (t *table) origin(key string, to *string) {
	value := ""
	if t.text(key, &value); value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !isHost(u.Hostname()) ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		// The value is not shown: somebody may have put a password into it.
		t.fail(key, "bad-value", "这不是一个网站地址", "写法例如：https://news.example.org，后面不带路径；中文域名用 xn-- 形式")
		return
	}
	*to = u.Scheme + "://" + strings.ToLower(u.Host)
}

// isWebURL reports whether text is the absolute address of something on the web.
func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isHost(u.Hostname()) && u.Fragment == ""
}

// hostPort reads HOST:PORT; the ports from low on are allowed.
func (t *table) hostPort(key string, to *string, low int, anyHost bool, example string) {
	value := ""
	if t.text(key, &value); value == "" {
		return
	}
	host, port, err := net.SplitHostPort(value)
	n, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || n < low || n > 65535 || !(isHost(host) || anyHost && host == "") {
		t.wrong(key, value, example)
		return
	}
	*to = value
}

func isHost(host string) bool {
	return net.ParseIP(host) != nil || (len(host) <= 253 && hostForm.MatchString(host))
}

// filePath reads a path; a relative one starts at the configuration file.
func (t *table) filePath(key string, to *string) {
	value := ""
	if t.text(key, &value); value != "" {
		*to = t.doc.resolve(value)
	}
}

func (d *document) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.dir, path)
}
