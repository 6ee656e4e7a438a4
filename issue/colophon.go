package issue

import (
	"regexp"
	"strings"
	"unicode"
)

const editorRoles = `本\s*期\s*责\s*任\s*编\s*辑|本\s*期\s*责\s*编|责\s*任\s*编\s*辑|执\s*行\s*编\s*辑|特\s*约\s*编\s*辑|本\s*期\s*编\s*辑|文\s*字\s*编\s*辑|美\s*术\s*编\s*辑|助\s*理\s*编\s*辑|版\s*面\s*编\s*辑|编\s*辑\s*主\s*任|编\s*辑|责\s*编|美\s*编|执\s*行\s*主\s*编|副\s*主\s*编|主\s*编|总\s*编\s*辑|副\s*总\s*编|总\s*编|责\s*任\s*校\s*对|责\s*校|编\s*校|校\s*审|统\s*稿|监\s*审|复\s*核|校\s*对|编\s*审|审\s*核|审\s*校|审\s*稿|终\s*审|复\s*审|初\s*审|审\s*定|签\s*发|核\s*稿|编\s*委\s*会?\s*主\s*任|编\s*委|委\s*员|顾\s*问|主\s*任|副\s*主\s*任|总\s*策\s*划|策\s*划|统\s*筹|监\s*制|排\s*版|设\s*计|美\s*工|版\s*式\s*设\s*计|封\s*面\s*设\s*计|制\s*作|翻\s*译|摄\s*影|制\s*版|印\s*刷|撰\s*稿|采\s*编|发\s*行\s*人?|出\s*版\s*人|社\s*长`

var (
	editorField = regexp.MustCompile(`(` + editorRoles + `)(\s*[：:/／]\s*)`)
	editorStart = regexp.MustCompile(`^(?:` + editorRoles + `)\s*[：:/／\s]`)
	editorRole  = regexp.MustCompile(`^(?:` + editorRoles + `)$`)
	editorNames = regexp.MustCompile(`^\p{Han}{1,4}(?:[、,，]\p{Han}{2,4})*$`)
	spacedRole  = regexp.MustCompile(`(?:^|[\s　，,；;|｜/／、·])(?:` + strings.ReplaceAll(editorRoles, `\s*`, `[\s　]*`) + `)[\s　：:/／]`)
	printers    = regexp.MustCompile(`(?:印务|印刷|彩印|印业|图文).{0,6}(?:公司|厂|中心|所|集团)$`)
	staffPrefix = regexp.MustCompile(`^(?:本刊)?编辑部\s*[：:]\s*`)
	imprint     = regexp.MustCompile(`^(?:编辑部|本刊|本期|编委会|杂志社)?\s*(?:通讯|联系|编辑部|投稿|办公)?\s*(?:地\s*址|电\s*话|热线|传\s*真|邮\s*编|邮政编码|邮\s*箱|信箱|电子[邮信][箱件]|(?i:e-?mail)|网\s*址|网\s*站|微\s*信(?:公众号|号)?|公众号|投\s*稿(?:邮箱|信箱|热线)?|联\s*系\s*人|联系方式|印\s*数|印\s*量|印\s*刷(?:单位|厂)?|印\s*制(?:单位)?|承\s*印(?:单位)?|准\s*印\s*证?\s*号?|准印证|刊\s*号|(?:国内统一|国际标准)(?:连续出版物号|刊号)|(?i:issn|cn)|内部资料(?:准印证?)?号?|工本费|定\s*价|发\s*送(?:对象|范围|单位)?|报\s*送|抄\s*送|主\s*送|报|送|发|共\s*印|开\s*本|印\s*张|QQ|邮发代号|出版周期|刊\s*期|登记证号?)\s*[：:（(]\s*\S|^(?:本期)?\s*(?:印\s*数|印\s*量|准\s*印\s*证?\s*号?|电\s*话|邮\s*编|(?i:issn))\s*[\d第]|^共\s*印\s*\d|^[(（]?共?\s*印\s*\d+\s*份|^[(（]?内部资料.{0,12}(?:准印|号)`)
	strongEnd   = regexp.MustCompile(`^(?:报|送|发)\s*:|印\s*数|印\s*量|准\s*印|投稿|主办|编\s*印|承\s*印|出版|印\s*刷|共\s*印|报\s*送|抄\s*送|发\s*送|编辑部`)
)

// colophon reads the lines at the end that say who made the issue. It returns
// the first of them.
func (r *recogniser) colophon(from int) int {
	strong := len(r.lines)
	for i := len(r.lines) - 1; i >= from && i >= len(r.lines)-40; i-- {
		t := r.lines[i].Text
		low := narrow(t)
		switch {
		case !shorterThan(t, 121):
		case !strings.ContainsAny(t, "。") && len(editorsIn(t)) > 0 && !r.credits[i].bracketed,
			r.isOrganisation(t), strongEnd.MatchString(low) && (imprint.MatchString(low) || dateLabel.MatchString(t)):
			strong = i
			continue
		case imprint.MatchString(low), englishPrint.MatchString(t), closingDate(t), noticeLine.MatchString(t) && shorterThan(t, 30) && !strings.Contains(t, "。"):
			continue
		}
		break
	}
	if strong == len(r.lines) {
		return strong
	}
	for strong > from && r.colophonOpens(strong-1, strong) {
		strong--
	}
	for i := strong; i < len(r.lines); i++ {
		r.colophonLine(i)
	}
	return strong
}

var staffHead = regexp.MustCompile(`^(?:本刊|本报|本期)?(?:编辑部|编委会|编辑委员会|编辑团队|编辑组|工作人员|版权信息|刊务)$`)

// colophonOpens tells whether line i belongs to the colophon that begins right
// below it: it is its heading, or what was printed beside it on one line.
func (r *recogniser) colophonOpens(i, below int) bool {
	t := r.lines[i].Text
	if m := r.marks[i]; m.class != classNone {
		t = m.rest
	}
	return staffHead.MatchString(stripBrackets(t)) || r.lines[i].N == r.lines[below].N && imprint.MatchString(narrow(t))
}

// closingDate tells 2024年5月6日编 and the like.
func closingDate(t string) bool {
	return shorterThan(t, 20) && isDateLine(strings.TrimRight(t, "编印出版发行讯 "))
}

func (r *recogniser) isOrganisation(t string) bool {
	probe := recogniser{lines: []Line{{Text: t}}, place: make([]Place, 1), told: make([]bool, 1), f: &findings{}}
	return !strings.ContainsAny(t, "。") && probe.organisation(t, 0, PlaceColophon)
}

func (r *recogniser) colophonLine(i int) {
	t := r.lines[i].Text
	switch {
	case r.editors(i, PlaceColophon):
	case r.organisation(t, i, PlaceColophon):
	case r.dateLine(i):
		r.put(i, PlaceColophon)
	case r.issue.Notice == "" && noticeLine.MatchString(t) && !strings.ContainsAny(t, "：:"):
		r.issue.Notice = t
		r.put(i, PlaceColophon)
	default:
		r.find("colophon-line", i, Info, "刊末的这一行没有对应的栏位，未收入：“"+clip(t)+"”")
	}
}

// editors reads a line of roles and names.
func (r *recogniser) editors(i int, p Place) bool {
	list := editorsIn(r.lines[i].Text)
	if len(list) == 0 {
		return false
	}
	for _, e := range list {
		if printers.MatchString(e.Name) {
			r.find("colophon-line", i, Info, "“"+e.Role+"："+clip(e.Name)+"”没有对应的栏位，未收入")
			continue
		}
		r.issue.Editors = append(r.issue.Editors, e)
		r.put(i, p)
	}
	return true
}

// editorsBySpace reads 主编 张三 副主编 李四 王五, where nothing but space parts
// roles and names.
func editorsBySpace(t string) []Editor {
	var out []Editor
	role, names := "", ""
	for _, w := range append(strings.Fields(t), "编辑") { // the last one only closes the one before
		switch {
		case editorRole.MatchString(w):
			if role != "" {
				if names == "" {
					return nil
				}
				out = append(out, persons(role, names)...)
			}
			role, names = w, ""
		case role != "" && editorNames.MatchString(w):
			names += " " + w
		default:
			return nil
		}
	}
	return out
}

var (
	nameSplit = regexp.MustCompile(`\s*[、，,；;|｜/／]\s*|[\s　]+`)
	spacedOut = regexp.MustCompile(`(^|[\s　、，,；;])(\p{Han})[ 　]+(\p{Han})($|[\s　、，,；;])`)
)

// persons makes one editor of every name. A name of two characters may be
// spaced out (张　三): single characters belong together.
func persons(role, names string) []Editor {
	role = strings.Join(strings.Fields(role), "")
	names = strings.TrimSpace(names)
	if !isHan(firstRune(names)) {
		return []Editor{{Role: role, Name: names}}
	}
	var out []Editor
	names = spacedOut.ReplaceAllString(spacedOut.ReplaceAllString(names, "${1}${2}${3}${4}"), "${1}${2}${3}${4}")
	for _, n := range nameSplit.Split(names, -1) {
		if strings.ContainsFunc(n, unicode.IsLetter) && !editorRole.MatchString(n) {
			out = append(out, Editor{Role: role, Name: n})
		}
	}
	return out
}

// squeezeRoles takes the space out of letter-spaced roles (校　对　杜若), so that
// their letters are not taken for names.
func squeezeRoles(t string) string {
	return spacedRole.ReplaceAllStringFunc(t, func(s string) string {
		role := strings.TrimLeft(s, " 　\t，,；;|｜/／、·")
		lead := s[:len(s)-len(role)]
		end := strings.TrimRight(role, " 　\t：:/／")
		return lead + strings.Join(strings.FieldsFunc(end, unicode.IsSpace), "") + role[len(end):]
	})
}

func editorsIn(t string) []Editor {
	if !shorterThan(t, 121) {
		return nil
	}
	if m := englishEditor.FindStringSubmatch(t); m != nil {
		return []Editor{{Role: m[1], Name: m[2]}}
	}
	t = squeezeRoles(staffPrefix.ReplaceAllString(strings.ReplaceAll(t, "　", " "), ""))
	if !editorStart.MatchString(t) {
		return nil
	}
	var out []Editor
	var at [][]int
	for _, m := range editorField.FindAllStringSubmatchIndex(t, -1) {
		if m[0] == 0 || strings.ContainsRune(" 　\t，,；;|｜/、·", lastRune(t[:m[0]])) {
			at = append(at, m)
		}
	}
	if len(at) == 0 || at[0][0] != 0 {
		return editorsBySpace(t)
	}
	for k, m := range at {
		end := len(t)
		if k+1 < len(at) {
			end = at[k+1][0]
		}
		name := strings.Trim(t[m[1]:end], " 　\t，,；;|｜/·")
		if name == "" || !shorterThan(name, 41) || orgEnd.MatchString(name) && hanCount(name) > 20 {
			return nil
		}
		out = append(out, persons(t[m[2]:m[3]], name)...)
	}
	return out
}
