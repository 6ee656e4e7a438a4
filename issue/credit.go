package issue

import (
	"regexp"
	"slices"
	"strings"
)

// credit is what a line such as （来源：A 摘自：B） says.
type credit struct {
	ok        bool
	bracketed bool
	source    string
	excerpted string
	by        []string // as printed, label and all
	names     []string // the same without their labels
	loose     []string // parts that the model has no field for
}

const creditLabels = `(信息来源|资料来源|文章来源|稿件来源|内容来源|消息来源|新闻来源|来\s*源|稿源|出处|摘编自|摘\s*自|摘编|转载自|转\s*自|转载|选\s*自|节选自|原\s*载|本文作者|作\s*者|撰\s*文|撰\s*稿|执\s*笔|供\s*稿(?:单位|人|部门)?|投稿|通讯员|(?:本[报刊网台]|特约|实习|见习)?记\s*者|文字|图文|文|图片|图|作者单位|记\s*录|采\s*访(?:\s*[/／、]\s*整\s*理)?|采\s*写|口\s*述|摄\s*影|翻\s*译|译\s*者|编\s*译|整\s*理|责任编辑|责\s*编|编\s*辑|审\s*核|校\s*对|发布时间|发布日期|时间|日期)\s*(?:[：:/／|｜]|[:：]\s*)\s*`

var (
	creditLabel = regexp.MustCompile(creditLabels)
	// One person did both: 文/图 张三, 图、文：李四.
	bothLabels  = regexp.MustCompile(`^(?:文\s*[/／、&]\s*图|图\s*[/／、&]\s*文)[\s:：/／|｜]+(\S)`)
	creditStart = regexp.MustCompile(`^` + creditLabels)
	creditBare  = regexp.MustCompile(`^(摘编自|摘自|转载自|转自|选自|节选自|原载于|原载|来源于|来源|来自|据)\s*(\S.*)$`)
	creditBack  = regexp.MustCompile(`^(\S.{0,40}?)\s*[/／]?\s*(供稿|投稿|提供|撰稿|撰文|整理|编译|摄影|摄|文|图)$`)
	reporter    = regexp.MustCompile(`^(?:(?:本[报刊网台]|特约|实习|见习|新华社)\s*)?(?:记者|通讯员|特约撰稿人|评论员|编辑部|特约评论员)\s*(?:\p{Han}{2,4}|\p{Han}\s+\p{Han})?(?:[\s、，,]+(?:通讯员|实习生|记者|特约摄影|摄影记者|摄影|特约记者)?\s*\p{Han}{1,4}){0,6}$`)
	personName  = regexp.MustCompile(`^(?:\p{Han}{2,4}|\p{Han}\s+\p{Han}{1,2})$`)
	noPerson    = regexp.MustCompile(`^(?:全文)?完$|续$|^未完|^下转|^上接|^略$|[部局委会办厅院所处科省市区县]$|^(?:图|表|附|注|见|同|如|下|左|右|上)`)
	pressName   = regexp.MustCompile(`^\p{Han}{2,8}(?:社|网|报|日报|晚报|电视台|客户端|在线)$`)
	roleBracket = regexp.MustCompile(`^[〔\[（(【](译|编译|文|图|整理|摄影|作者|记者|撰文)[〕\]）)】]\s*(\p{Han}[\p{Han}· ]{1,12})$`)
	organOf     = regexp.MustCompile(`(?:公司|协会|学会|商会|联合会|中心|集团|局|厅|委|院|校|所|社|部|处|办|科|室|会|网|报|台|站|银行|店|厂|大学|政府|街道|镇|乡|村|县|区|市|平台|科技|单位|馆|队|组|园|基地|农场|林场)$`)
)

// parseCredit reads a whole line that is nothing but a credit.
func parseCredit(s string) credit {
	if !shorterThan(s, 121) {
		return credit{}
	}
	signed := strings.TrimLeft(s, "□■◇◆●○▲△★☆ ")
	if signed != s {
		if c := parseCredit(signed); c.ok {
			return c
		}
		if strings.HasPrefix(s, "□") && personName.MatchString(signed) || hollowSign.MatchString(s) && isPersonOf(signed) {
			return byOne(signed)
		}
		return credit{}
	}
	in, bracketed := unbracket(s)
	dashed := false
	if t := strings.TrimLeft(in, "—－-–─ "); t != in && !bracketed {
		in, dashed = t, true
		in, _ = unbracket(in)
	}
	if m := roleBracket.FindStringSubmatch(s); m != nil {
		return credit{ok: true, by: []string{s}, names: []string{m[2]}}
	}
	for _, read := range []func(string) credit{labelled, englishCredit, paperReporter} {
		if c := read(in); c.ok {
			c.bracketed = bracketed || dashed
			return c
		}
	}
	if !bracketed && !dashed {
		if m := englishByline.FindStringSubmatch(in); m != nil {
			return credit{ok: true, by: []string{in}, names: []string{m[1]}}
		}
		if reporter.MatchString(in) && shorterThan(in, 31) && !strings.ContainsAny(in, "。") && hanCount(in) > 3 {
			return credit{ok: true, by: []string{in}, names: []string{in}}
		}
		return credit{}
	}
	c := credit{bracketed: true}
	switch {
	case authorIs.MatchString(in):
		c.author(authorIs.FindStringSubmatch(in))
	case bracketed && compiled.MatchString(in):
		c.ok, c.source = true, in
	case bracketed && isPersonOf(in):
		c = byOne(in)
		c.bracketed = true
	case creditBare.MatchString(in) && shorterThan(in, 61):
		m := creditBare.FindStringSubmatch(in)
		if strings.ContainsAny(m[2], "。；") {
			return credit{}
		}
		c.set(m[1], m[2], in)
	case reporter.MatchString(in):
		c.ok, c.by, c.names = true, []string{in}, []string{in}
	case bracketed && creditBack.MatchString(in) && shorterThan(in, 41) && !strings.ContainsAny(in, "。；，"):
		m := creditBack.FindStringSubmatch(in)
		if (len(m[2]) == len("文") || m[2] == "提供") && !strings.ContainsAny(in, "/／ ") {
			return credit{} // （见下图）, （以下为译文）
		}
		c.set(m[2], strings.TrimSpace(m[1]), in)
	}
	return c
}

var (
	hollowSign = regexp.MustCompile(`^[□○◎◇△☆]`)
	personHere = regexp.MustCompile(`^[` + surnames + `]\p{Han}{1,2}$`)
	organName  = regexp.MustCompile(`^\p{Han}{4,25}$`)
	noOrgan    = regexp.MustCompile(`^(?:见|图|表|注|附|如|详|下|上|以|同|原|现|全|共|略|此|即|含|包括)`)
	organWord  = regexp.MustCompile(`^\p{Han}[\p{Han}\d（）()]{1,24}$`)
	schoolOf   = regexp.MustCompile(`(?:[小中大][学一二三四五六七八九十]|[一二三四五六七八九十][小中])$`)
	compiled   = regexp.MustCompile(`^本[刊报网台会站]\p{Han}{0,4}综合(?:整理|报道)?$|^(?:本[刊报网台会站])?综合(?:整理|报道)$|^综合\p{Han}[\p{Han}、《》]{1,20}(?:报道|消息)$`)
	paperBy    = regexp.MustCompile(`^(?:据\s*)?(《[^《》]{2,20}》)\s*((?:(?:特约|实习|见习)?(?:记者|通讯员|评论员)|作者|文)[\s：:/／]*\p{Han}.{0,30})$`)
	wire       = regexp.MustCompile(`\s*(?:(?:\d{1,2}月)?\d{1,2}日)?(?:电|报道|消息|讯)$`)
	remark     = regexp.MustCompile(`[\s，,、；;。（(]+((?:(?:本[刊报]|编者|作者|内容|文字|原文)?(?:略有|稍有|有|略作|稍作|作了?|已作?)(?:所|较大|部分|个别)?(?:删节|删改|删减|改动|修改|增删|调整|编辑)|(?:本文|原)?(?:标题|题目|题)(?:为编者所?加|有改动|另拟|系编者所?加))[，,、]?.{0,12})[）)]?$`)
	authorIs   = regexp.MustCompile(`^(?:本文)?作者\s*[系为是]\s*(\S.*?)(?:[\s，,；;。]+(选自|摘自|摘编自|转载自|转自|原载于?|来源[：:]?)\s*(\S.*?))?[。]?$`)
)

func byOne(name string) credit {
	return credit{ok: true, by: []string{name}, names: []string{name}}
}

// isPersonOf reads a person, or a person beside the organ that he belongs to:
// 东湖二中 方青, 李望舒 临江职业技术学院.
func isPersonOf(s string) bool {
	words := strings.Fields(s)
	if len(words) == 2 && hanCount(words[0]) == 1 && hanCount(words[1]) == 1 {
		words = []string{words[0] + words[1]}
	}
	switch len(words) {
	case 1:
		return personHere.MatchString(words[0])
	case 2:
		return isOrgan(words[0]) && personHere.MatchString(words[1]) && !noPerson.MatchString(words[1]) ||
			isOrgan(words[1]) && personHere.MatchString(words[0]) && !noPerson.MatchString(words[0])
	}
	return false
}

// organPerson reads an organ and any name behind it, where only a credit can be:
// 内分泌科 庄静.
func organPerson(s string) bool {
	words := strings.Fields(s)
	return len(words) == 2 && isOrgan(words[0]) && personName.MatchString(words[1]) && hanCount(words[1]) < 4 && !noPerson.MatchString(words[1]) && !notName.MatchString(words[1])
}

func isOrgan(s string) bool {
	return organWord.MatchString(s) && (organOf.MatchString(s) || schoolOf.MatchString(s))
}

// author reads 作者系某公司经理 选自《会员来信》.
func (c *credit) author(m []string) {
	c.ok, c.by, c.names = true, []string{m[1]}, []string{m[1]}
	if m[2] != "" {
		c.set(strings.TrimRight(m[2], "：:"), m[3], m[2]+m[3])
	}
}

// paperReporter reads 《云岭日报》记者 马小川: a paper and who writes for it.
func paperReporter(s string) credit {
	m := paperBy.FindStringSubmatch(s)
	if m == nil || strings.ContainsAny(m[2], "。；") {
		return credit{}
	}
	c := byOne(m[2])
	c.source = m[1]
	return c
}

// unbracket strips one pair of brackets that encloses all of s.
func unbracket(s string) (string, bool) {
	open := firstRune(s)
	if !strings.ContainsRune("（(【[［〔", open) || !strings.ContainsRune("）)】]］〕", lastRune(s)) {
		return s, false
	}
	depth := 0
	for i, r := range s {
		if strings.ContainsRune("（(【[［〔", r) {
			depth++
		} else if strings.ContainsRune("）)】]］〕", r) {
			depth--
			if depth == 0 && i+len(string(r)) < len(s) {
				return s, false
			}
		}
	}
	if depth != 0 {
		return s, false
	}
	in := []rune(s)
	return strings.TrimSpace(string(in[1 : len(in)-1])), true
}

// labelled reads fields that each begin with a label.
func labelled(s string) credit {
	var c credit
	s = bothLabels.ReplaceAllString(s, "图文：$1")
	if !creditStart.MatchString(s) {
		return c
	}
	all := creditLabel.FindAllStringSubmatchIndex(s, -1)
	var at [][]int
	for _, m := range all {
		if m[0] == 0 || strings.ContainsRune(" 　\t，,；;、|/／（(·。", lastRune(s[:m[0]])) {
			at = append(at, m)
		}
	}
	if len(at) == 0 || at[0][0] != 0 {
		return c
	}
	for k, m := range at {
		end := len(s)
		if k+1 < len(at) {
			end = at[k+1][0]
		}
		value := strings.Trim(s[m[1]:end], " 　\t，,；;、|｜/／()（）。")
		value = rebalance(value)
		if value == "" || strings.Contains(value, "。") || !shorterThan(value, 61) {
			return credit{}
		}
		c.set(strings.Join(strings.Fields(s[m[2]:m[3]]), ""), value, strings.Trim(s[m[0]:end], " 　\t，,；;、|｜"))
	}
	return c
}

// rebalance gives back a closing bracket that was trimmed from its partner.
func rebalance(s string) string {
	for _, p := range []string{"（）", "()"} {
		o, c := string([]rune(p)[0]), string([]rune(p)[1])
		if strings.Count(s, o) == strings.Count(s, c)+1 {
			return s + c
		}
	}
	return s
}

func (c *credit) set(label, value, printed string) {
	c.ok = true
	if label == "据" {
		value = wire.ReplaceAllString(value, "")
	}
	join := func(old string) string {
		if old == "" {
			return value
		}
		return old + "、" + value
	}
	switch {
	case strings.HasSuffix(label, "来源"), label == "稿源", label == "来源于", label == "来自", label == "据", label == "出处":
		c.source = join(c.source)
	case strings.HasPrefix(label, "摘"), strings.HasPrefix(label, "转"), strings.HasSuffix(label, "选自"), strings.HasPrefix(label, "原载"):
		if m := remark.FindStringSubmatchIndex(value); m != nil && m[0] > 0 {
			c.loose = append(c.loose, value[m[2]:m[3]])
			value = value[:m[0]]
		}
		c.excerpted = join(c.excerpted)
	case (strings.HasPrefix(label, "供稿") || label == "投稿" || label == "提供") && organOf.MatchString(value):
		c.source = join(c.source)
	case strings.HasPrefix(label, "责"), label == "编辑", label == "审核", label == "校对", strings.HasPrefix(label, "发布"), label == "时间", label == "日期":
		c.loose = append(c.loose, printed)
	default:
		c.by, c.names = append(c.by, printed), append(c.names, value)
	}
}

// namesOnly tells a credit in no brackets that says who, and nothing else.
func (c credit) namesOnly() bool {
	return c.ok && !c.bracketed && len(c.by) > 0 && c.source+c.excerpted == "" && len(c.loose) == 0
}

// with joins what two lines below each other say: 口述：……, 整理：…….
func (c credit) with(below credit) credit {
	below.by, below.names = slices.Concat(c.by, below.by), slices.Concat(c.names, below.names)
	return below
}

// byline is the author without a label; when there are several with different
// parts (文, 图), the labels stay, because they say who did what.
func (c credit) byline() string {
	if len(c.by) == 1 {
		return c.names[0]
	}
	return strings.Join(c.by, " ")
}

// give hands a credit to an article.
func (c credit) give(a *Article) {
	add := func(to *string, s, sep string) {
		switch {
		case s == "" || *to == s:
		case *to == "":
			*to = s
		default:
			*to += sep + s
		}
	}
	add(&a.Source, c.source, "、")
	add(&a.ExcerptedFrom, c.excerpted, "、")
	by := strings.Join(strings.Fields(c.byline()), " ")
	if a.Byline != "" && strings.Contains(by, a.Byline) { // 马小川 below the title, 记者 马小川 at the end
		a.Byline = by
	}
	if !strings.Contains(a.Byline, by) {
		add(&a.Byline, by, " ")
	}
}

// bareName reads what tells a credit only by its place at the end of a text: an
// author's name, the name of a paper or of an organ, alone in brackets.
func bareName(s string) credit {
	in, ok := unbracket(s)
	switch {
	case !ok || !strings.ContainsRune("（([〔［", firstRune(s)):
	case pressName.MatchString(in), organName.MatchString(in) && organOf.MatchString(in) && !noOrgan.MatchString(in):
		return credit{ok: true, bracketed: true, source: in}
	case personName.MatchString(in) && hanCount(in) < 4 && !noPerson.MatchString(in), roleName.MatchString(in), organPerson(in):
		return credit{ok: true, bracketed: true, by: []string{in}, names: []string{in}}
	}
	return credit{}
}

var (
	// organs that sign a text below its title; places, meetings and parts of an event
	// stand there in brackets as well: （浦东新区）, （第三次会员大会）.
	organSigns = regexp.MustCompile(`(?:公司|协会|学会|商会|联合会|研究会|促进会|基金会|委员会|理事会|监事会|工会|妇联|秘书处|编辑部|通讯社|中心|集团|局|厅|院|校|所|部|处|办公室|报社|日报|晚报|大学|馆)$`)
	noSigning  = regexp.MustCompile(`^第|大会|年会|会议|期间|之[一二三四五六七八九十]|通过|部分|全部|内部|外部|附件`)
)

// organBelow tells whether a line below a title is an organ in brackets that signs the
// text: （本会秘书处）.
func organBelow(s string) bool {
	in, _ := unbracket(s)
	c := bareName(s)
	return c.ok && c.source != "" && organSigns.MatchString(in) && !noSigning.MatchString(in)
}

// splitCredit cuts a bracketed credit off the end of a paragraph.
func splitCredit(s string) (string, credit) {
	if len(s) < 12 || !strings.ContainsRune("）)】]", lastRune(s)) {
		return s, credit{}
	}
	end := tail(s, 200)
	for _, open := range []string{"（", "(", "【", "["} {
		if i := strings.LastIndex(end, open); i >= 0 && len(s)-len(end)+i > 0 {
			c := parseCredit(end[i:])
			if !c.ok {
				c = bareName(end[i:])
			}
			if c.ok && c.bracketed && (c.source != "" || c.excerpted != "" || len(c.by) > 0) && strings.ContainsRune("。！？”…；!?.", lastRune(strings.TrimSpace(s[:len(s)-len(end)+i]))) {
				return strings.TrimSpace(s[:len(s)-len(end)+i]), c
			}
		}
	}
	return s, credit{}
}
