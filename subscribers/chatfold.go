package subscribers

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// foldChat brings a message into the one form that the grammar knows: half-width,
// lower case, simplified, single spaces for all punctuation but what stands
// inside of numbers, codes and addresses.
func foldChat(text string) string {
	runes := []rune(strings.ToLower(norm.NFKC.String(text)))
	var out strings.Builder
	gap := false
	for i, r := range runes {
		if simple, ok := simplified[r]; ok {
			r = simple
		}
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || r == '○':
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r): // of an emoji, or invisible
			continue
		case strings.ContainsRune("./-@_+", r) && i > 0 && i+1 < len(runes) && isWord(runes[i-1]) && isWord(runes[i+1]):
		default:
			gap = out.Len() > 0
			continue
		}
		if gap {
			out.WriteByte(' ')
			gap = false
		}
		out.WriteRune(r)
	}
	return out.String()
}

// isWord reports whether r can stand beside a mark that belongs to a word.
func isWord(r rune) bool { return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func hasHan(s string) bool { return strings.IndexFunc(s, isHan) >= 0 }

// inEnglish reports whether folded words tell the language by being English.
func inEnglish(s string) bool {
	return !hasHan(s) && strings.IndexFunc(s, unicode.IsLetter) >= 0 && s != "t" && s != "td" // 退订
}

// tight takes out the spaces beside Han characters, which mean nothing there.
func tight(s string) string {
	runes := []rune(s)
	out := make([]rune, 0, len(runes))
	for i, r := range runes {
		if r == ' ' && (i == 0 || i == len(runes)-1 || isHan(runes[i-1]) || isHan(runes[i+1])) {
			continue
		}
		out = append(out, r)
	}
	return string(out)
}

// cutStart takes words off the start of s. Spaces between Han characters do not
// count; English words end where a word ends.
func cutStart(s, words string) (rest string, ok bool) {
	if !hasHan(words) {
		rest, ok = strings.CutPrefix(s, words)
		return rest, ok && (rest == "" || rest[0] == ' ')
	}
	for _, w := range words {
		s = strings.TrimLeft(s, " ")
		if s, ok = strings.CutPrefix(s, string(w)); !ok {
			return "", false
		}
	}
	return s, true
}

// cutEnd takes words off the end of s.
func cutEnd(s, words string) (rest string, ok bool) {
	if !hasHan(words) {
		rest, ok = strings.CutSuffix(s, words)
		return rest, ok && (rest == "" || rest[len(rest)-1] == ' ' || words[0] == ' ')
	}
	runes := []rune(words)
	for i := len(runes) - 1; i >= 0; i-- {
		s = strings.TrimRight(s, " ")
		if s, ok = strings.CutSuffix(s, string(runes[i])); !ok {
			return "", false
		}
	}
	return s, true
}

// maxStripped bounds how many ways to take courtesies off a message are tried.
const maxStripped = 24

// withoutCourtesy gives the ways to take courtesies off both ends of s, those
// that take off least first; s itself is the first.
func withoutCourtesy(s string) []string {
	heads := strip(strings.TrimSpace(s), courtesyBefore, cutStart)
	var out []string
	seen := map[string]bool{}
	for _, head := range heads {
		for _, inner := range strip(head, courtesyAfter, cutEnd) {
			if !seen[inner] {
				seen[inner] = true
				out = append(out, inner)
			}
		}
	}
	return out
}

// strip takes words off one end of s again and again.
func strip(s string, words []string, cut func(s, words string) (string, bool)) []string {
	out := []string{s}
	for n := 0; n < len(out) && len(out) < maxStripped; n++ {
		for _, w := range words {
			rest, ok := cut(out[n], w)
			if rest = strings.TrimSpace(rest); ok && !slices.Contains(out, rest) {
				out = append(out, rest)
			}
		}
	}
	return out
}

// withoutQuestion takes off the words of a question.
func withoutQuestion(s string) (rest string, ok bool) {
	for _, w := range questionBefore {
		if rest, ok := cutStart(s, w); ok {
			rest, _ = withoutQuestion(strings.TrimSpace(rest))
			return rest, true
		}
	}
	for _, w := range questionAfter {
		if rest, ok := cutEnd(s, w); ok {
			rest, _ = withoutQuestion(strings.TrimSpace(rest))
			return rest, true
		}
	}
	return s, false
}

// simplified are the traditional forms of the grammar's characters and of those
// that names of sections are often written with; and the numerals of cheques.
var simplified = pairs("訂订閱阅閲阅暫暂復复複复欄栏錄录録录綁绑幫帮說说説说關关註注繼继續续開开獲获設设選选擇择雜杂誌志號号總总這这個个發发" +
	"麼么麽么嗎吗請请謝谢們们給给讓让歷历舊旧過过歸归檔档內内電电郵邮連连聯联結结訊讯狀状態态單单簡简體体語语換换確确認认還还來来時时間间" +
	"週周禮礼兩两萬万幾几剛刚點点擊击對对無无沒没後后樣样為为爲为該该會会員员實实資资業业協协務务頁页別别詢询誰谁刪删題题稱称導导處处讀读" +
	"專专熱热類类區区產产從从動动當当應应報报繫系係系歡欢願愿將将網网買买賣卖試试權权觀观講讲學学術术論论壇坛經经濟济貿贸際际國国灣湾" +
	"臺台術术據据煩烦閒闲閑闲問问題题嚮向徵征幹干製制準准衝冲覽览覧览麗丽戶户聞闻聽听視视訪访議议協协會会創创勢势規规範范貨货運运輸输銀银" +
	"壹一貳二贰二叁三肆四伍五陸六陆六柒七捌八玖九拾十佰百仟千両两")

// pairs makes a map of a text in which every other rune is what the one before
// becomes.
func pairs(text string) map[rune]rune {
	runes := []rune(text)
	out := make(map[rune]rune, len(runes)/2)
	for i := 0; i+1 < len(runes); i += 2 {
		out[runes[i]] = runes[i+1]
	}
	return out
}
