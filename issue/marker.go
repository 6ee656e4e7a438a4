package issue

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is the kind of mark that a line starts with. Which class marks the
// sections of an issue, its articles and the headings inside them differs from
// one periodical to the next; the recogniser finds out.
type class string

const (
	classNone     class = ""
	classBracket  class = "【】"
	classBook     class = "《》"
	classCapitals class = "CAPITALS"
	classPart     class = "第一部分"
	classNumeral  class = "一、"
	classNumeralP class = "（一）"
	classDigit    class = "1、"
	classDigitP   class = "（1）"
	classCircled  class = "①"
	classPadded   class = "01"
	classWord     class = "趋势1：" // a word and a number, label and text
	classDash     class = "——"   // a short line that ends in a dash
	// The class of a line such as "■ 行业动态" is its sign.
)

// marker is what a line starts with: its class, its number (0 when it has
// none), the word of a classWord, and the text behind it.
type marker struct {
	class class
	n     int
	word  string
	rest  string
}

const signs = "■□◆◇★☆●○▲△▶►※◎§❖✦▌▍▎❏❑➤♦♢◼◾▪☞✿❀⊙"

var (
	bracketLine = regexp.MustCompile(`^(?:【([^【】]+)】|〖([^〖〗]+)〗|［([^［］]+)］|\[([^\[\]]+)\]|『([^『』]+)』|「([^「」]+)」|〔([^〔〕]+)〕)$`)
	partMark    = regexp.MustCompile(`^第\s*([一二三四五六七八九十百\d]{1,4})\s*(部分|章|节|篇|版|编|单元|板块|版块)\s*[：:、]?\s*(\S.*)$`)
	englishPart = regexp.MustCompile(`(?i)^part\s*\.?\s*(\d{1,2})\s*[|｜:：.·—-]?\s*([^\s\d].*)$`)
	columnMark  = regexp.MustCompile(`^(?:栏目|专栏|版块|板块)\s*([一二三四五六七八九十\d]{1,3})\s*[：:、.]\s*(\S.*)$`)
	numeralMark = regexp.MustCompile(`^([一二三四五六七八九十百]{1,5})\s*[、．.]\s*(\S.*)$`)
	numeralPar  = regexp.MustCompile(`^[（(]\s*([一二三四五六七八九十百]{1,5})\s*[）)]\s*[、.]?\s*(\S.*)$`)
	digitMark   = regexp.MustCompile(`^(\d{1,3})\s*(?:[、．]|\.(?:\s|[^\d\s]))\s*(\S?.*)$`)
	digitPar    = regexp.MustCompile(`^[（(]?\s*(\d{1,3})\s*[）)]\s*[、.]?\s*(\S.*)$`)
	paddedMark  = regexp.MustCompile(`^(0\d)[\s、.．/|]+([^\s\d].*)$`)
	wordMark    = regexp.MustCompile(`^(\p{Han}{1,4})\s?(\d{1,3}|[一二三四五六七八九十]{1,3})\s?[：:、.]\s*(\S.*)$`)
)

// notSections are words that stand in brackets inside articles.
var notSections = regexp.MustCompile(`^(?:内容)?(?:摘\s*要|提要|导读|编者按|编者的话按|按语|背景|背景链接|相关链接|链接|延伸阅读|关键词|核心提示|注|注释|备注|图|附|附件|附录|小贴士|名词解释)$`)

// markerOf reads the mark of a line. Lines too long for a title have none but a
// number.
func markerOf(s string) marker {
	if len(s) > 6000 {
		return marker{}
	}
	if r, n := utf8.DecodeRuneInString(s); (strings.ContainsRune(signs, r) || r == '〇' && strings.HasPrefix(s[n:], " ")) && len(s) > n {
		rest := strings.TrimFunc(s[n:], func(c rune) bool { return c == r || unicode.IsSpace(c) })
		if m := bracketLine.FindStringSubmatch(rest); m != nil && rest != "" {
			rest = inner(m)
		}
		if rest != "" {
			return marker{class: class(r), rest: rest}
		}
		return marker{}
	}
	if m, ok := framed(s); ok {
		return m
	}
	switch firstRune(s) {
	case '《':
		if in := unbook(s); in != s && shorterThan(s, 17) && !strings.ContainsAny(in, "《》") {
			return marker{class: classBook, rest: in}
		}
		return marker{}
	case '【', '〖', '［', '[', '『', '「', '〔':
		if m := bracketLine.FindStringSubmatch(s); m != nil && shorterThan(s, 26) {
			if in := strings.TrimSpace(inner(m)); in != "" && !notSections.MatchString(in) && number(in) == 0 {
				return marker{class: classBracket, rest: in}
			}
		}
		return marker{}
	}
	for _, p := range []struct {
		re    *regexp.Regexp
		class class
	}{{numeralMark, classNumeral}, {numeralPar, classNumeralP}, {paddedMark, classPadded}, {digitMark, classDigit}, {digitPar, classDigitP}} {
		if m := p.re.FindStringSubmatch(s); m != nil {
			rest := m[2]
			if p.class == classDigit { // the pattern looked one rune too far
				rest = strings.TrimLeft(strings.TrimSpace(s[len(m[1]):]), "、．. 　")
			}
			if rest == "" {
				continue
			}
			return marker{class: p.class, n: number(m[1]), rest: rest}
		}
	}
	if r := firstRune(s); r >= '①' && r <= '⑳' {
		return marker{class: classCircled, n: int(r-'①') + 1, rest: strings.TrimSpace(s[len("①"):])}
	}
	if capitalLine.MatchString(s) {
		return marker{class: classCapitals, rest: s}
	}
	return wordMarker(s)
}

// framed reads a name between the same signs: // 校友风采 //, == 要闻 ==.
func framed(s string) (marker, bool) {
	const frames = "/=-~*#|+^:·•<>～＝－／｜—─━＊＃"
	sign := firstRune(s)
	if !strings.ContainsRune(frames, sign) || !shorterThan(s, 31) {
		return marker{}, false
	}
	of := func(r rune) bool { return r == sign }
	rest := strings.TrimLeftFunc(s, of)
	lead := s[:len(s)-len(rest)]
	if rest, ok := strings.CutSuffix(rest, lead); ok && lastRune(rest) != sign {
		if rest = strings.TrimSpace(rest); hanCount(rest) >= 2 && shorterThan(rest, 17) && !strings.ContainsAny(rest, "，。！？；：:") {
			return marker{class: class(sign), rest: rest}, true
		}
	}
	return marker{}, false
}

func wordMarker(s string) marker {
	if !shorterThan(s, 61) {
		return marker{}
	}
	if m := partMark.FindStringSubmatch(s); m != nil {
		return marker{class: classPart, n: number(m[1]), word: m[2], rest: m[3]}
	}
	if m := englishPart.FindStringSubmatch(s); m != nil {
		return marker{class: classPart, n: number(m[1]), word: "part", rest: m[2]}
	}
	if m := columnMark.FindStringSubmatch(s); m != nil {
		return marker{class: classPart, n: number(m[1]), rest: m[2]}
	}
	if m := wordMark.FindStringSubmatch(s); m != nil && m[1] != "第" && number(m[2]) > 0 {
		return marker{class: classWord, n: number(m[2]), word: m[1], rest: m[3]}
	}
	if strings.HasSuffix(s, "——") && shorterThan(s, 18) && len(s) > len("——") && !strings.HasPrefix(s, "——") {
		return marker{class: classDash, rest: strings.TrimSuffix(s, "——")}
	}
	return marker{}
}

func inner(m []string) string {
	for _, s := range m[1:] {
		if s != "" {
			return s
		}
	}
	return ""
}
