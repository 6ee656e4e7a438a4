package issue

import (
	"regexp"
	"strings"
)

var (
	memberTitle = regexp.MustCompile(`^(.{2,40}?)\s*[（(]\s*((?:\p{Han}{0,6})?(?:会员|理事|会长|理事长|监事|监事长|秘书长|发起)(?:单位|企业)?|新\s*会员)\s*[）)]$`)
	scopeLabel  = regexp.MustCompile(`^(?:主要)?(?:业务)?(?:经营|业务)(?:经营)?范围\s*[：:]\s*|^(?:主营业务|主要业务|主营产品|主要产品|经营项目)\s*[：:]\s*`)
	introLabel  = regexp.MustCompile(`^(?:会员)?(?:企业|公司|单位)(?:情况)?(?:介绍|简介|概况)\s*[：:]`)
	siteLabel   = regexp.MustCompile(`^(?:单位|公司|企业|官方)?(?:网\s*址|网\s*站|官\s*网|主页)\s*[：:]\s*(\S+)$`)
	orgTitle    = regexp.MustCompile(`(?:公司|集团|厂|店|社|中心|事务所|研究院|学院|协会|银行|有限合伙）|合作社)$`)
)

// membership splits 某某公司（会员单位） into the name and what the bracket says.
func membership(title string) (name, as string) {
	if !shorterThan(title, 61) {
		return title, ""
	}
	if m := memberTitle.FindStringSubmatch(title); m != nil {
		return m[1], m[2]
	}
	return title, ""
}

// profile reads the labelled fields of a member's profile, and takes out the
// bracketed name that closes it.
func (r *recogniser) profile(art *Article, from, to int) {
	p := Profile{}
	if art.Profile != nil {
		p = *art.Profile
	}
	fields := 0
	for i := from; i < to; i++ {
		t := r.lines[i].Text
		switch {
		case scopeLabel.MatchString(t):
			p.Scope = scopeLabel.ReplaceAllString(t, "")
			fields++
		case introLabel.MatchString(t):
			fields++
		case siteLabel.MatchString(t):
			p.Website = siteLabel.FindStringSubmatch(t)[1]
			fields++
		}
	}
	if art.Kind != KindProfile && (fields < 2 || !orgTitle.MatchString(art.Title)) {
		return
	}
	for i := from; i < to; i++ {
		if in, ok := unbracket(r.lines[i].Text); ok && strings.Join(strings.Fields(in), "") == strings.Join(strings.Fields(art.Title), "") {
			p.Signature = r.lines[i].Text
			r.put(i, PlaceCredit)
		}
	}
	art.Kind, art.Profile = KindProfile, &p
}
