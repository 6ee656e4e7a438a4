package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"syscall"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/subscribers"
	"yizhan/templates"
)

// problem is what went wrong, in words for the operator, and how to mend it.
type problem struct {
	Code string `json:"code"` // stable, for programs
	Text string `json:"text"`
	Hint string `json:"hint"`
	File string `json:"file"`
	Line int    `json:"line"` // 0: none to name

	usage bool
	cause error
}

// Error gives "file:line: text。hint" as far as known.
func (p problem) Error() string {
	s := ""
	if p.File != "" {
		s = p.File
		if p.Line > 0 {
			s += ":" + strconv.Itoa(p.Line)
		}
		s += ": "
	}
	s += p.Text
	if p.Hint != "" {
		s += "。" + p.Hint
	}
	return s
}

// Unwrap gives the cause, when there is one.
func (p problem) Unwrap() error { return p.cause }

// problems are several at once, of several files for one.
type problems []problem

// Error gives one line per problem.
func (all problems) Error() string {
	s := ""
	for i, p := range all {
		if i > 0 {
			s += "\n"
		}
		s += p.Error()
	}
	return s
}

// explain puts an error into the words of problems; there is at least one.
func explain(err error) problems {
	var (
		several  problems
		own      problem
		settings config.Errors
		setting  config.Error
	)
	switch {
	case errors.As(err, &several) && len(several) > 0:
		return several
	case errors.As(err, &own):
		return problems{own}
	case errors.As(err, &settings) && len(settings) > 0:
		for _, e := range settings {
			several = append(several, ofSetting(e))
		}
		return several
	case errors.As(err, &setting):
		return problems{ofSetting(setting)}
	}
	return problems{ofPackage(err)}
}

func ofSetting(e config.Error) problem {
	text := e.Text
	if e.Key != "" {
		text = e.Key + ": " + text
	}
	return problem{Code: e.Code, Text: text, Hint: e.Hint, File: e.File, Line: e.Line, cause: e}
}

// ofPackage explains what the packages below return.
func ofPackage(err error) problem {
	var (
		unreadable *issue.ReadError
		invalid    *subscribers.Invalid
		path       *fs.PathError
	)
	p := problem{cause: err}
	switch {
	case errors.As(err, &unreadable):
		p.Code, p.Text, p.Hint, p.File, p.Line = unreadable.Code, unreadable.Text, unreadable.Hint, unreadable.File, unreadable.Line
	case errors.As(err, &invalid):
		p.Code, p.Text = invalid.Code, inChinese(invalid.Code, invalid.Text)
	case errors.Is(err, dispatch.ErrPlanned):
		p.Code, p.Text, p.Hint = "already-planned", "这一期在这个渠道已经发行过了", "要再发给没收到的人，用 yizhan resend；用 yizhan status 看发行情况"
	case errors.Is(err, templates.ErrTooLong):
		p.Code, p.Text, p.Hint = "article-too-long", "这一期只列标题和来源也超过公众号文章的 20000 字符", "分成两期，或者不经公众号发这一期"
	case errors.Is(err, dispatch.ErrNoRun):
		p.Code, p.Text, p.Hint = "no-run", "这一期还没有发行过", "先用 yizhan send 发行"
	case errors.Is(err, subscribers.ErrNotFound):
		p.Code, p.Text, p.Hint = "subscriber-unknown", "找不到这位订户或这个地址", "用 yizhan subscribers list 或 yizhan suppressions list 查看"
	case errors.Is(err, subscribers.ErrTaken):
		p.Code, p.Text, p.Hint = "address-taken", "这个地址已经属于一位订户", "用 yizhan subscribers show 地址 查看"
	case errors.Is(err, subscribers.ErrUnsubscribed):
		p.Code, p.Text, p.Hint = "unsubscribed", "这位订户已经退订", "只有本人能恢复：打开收到过的任何一封邮件里的退订链接，点“恢复订阅”"
	case errors.Is(err, subscribers.ErrSuppressed):
		p.Code, p.Text, p.Hint = "suppressed", "这个地址在禁发名单里", "确认本人愿意以后，用 yizhan suppressions remove 解除"
	case errors.Is(err, context.Canceled):
		p.Code, p.Text = "interrupted", "已中断"
	case errors.As(err, &path):
		p.Code, p.Text, p.File = "file-unreadable", "读写文件失败："+config.Reason(err), path.Path
		switch {
		case errors.Is(err, fs.ErrNotExist):
			p.Code, p.Text, p.Hint = "file-missing", "文件不存在", "检查文件名和所在的目录"
		case errors.Is(err, syscall.EISDIR):
			p.Text, p.Hint = "这是一个目录", "写出目录里的文件"
		}
	default:
		p.Code, p.Text = "failed", "没有做成："+err.Error()
	}
	return p
}

// unwritable is a place that cannot be written to.
func unwritable(path string, err error) problem {
	return problem{
		Code: "file-unwritable", Text: "不能写到这里：" + config.Reason(err), Hint: "用 -o 换一个能写的地方，或者检查权限",
		File: path, cause: err,
	}
}

// inChinese says what a code of package subscribers means; the package's own
// sentence has the details and stays behind it.
func inChinese(code, detail string) string {
	short := map[string]string{
		"address-at":        "地址里应该正好有一个 @",
		"address-character": "地址里有不允许的字符",
		"address-domain":    "@ 后面不是有效的域名",
		"address-dot":       "@ 前面的点不在对的位置",
		"address-empty":     "地址是空的",
		"address-local":     "@ 前面是空的",
		"address-long":      "地址太长",
		"address-syntax":    "不是有效的邮箱地址",
		"address-twice":     "每个渠道只能有一个地址",
		"channel":           "不是渠道的名称",
		"column-missing":    "表头里没有地址列",
		"column-twice":      "表头里有一列写了两次",
		"column-unknown":    "表头里有不认识的列",
		"column-commas":     "第一行没有逗号：各栏要用英文逗号隔开",
		"conflict":          "这些地址属于不同的订户",
		"control":           "里面有控制字符",
		"csv":               "引号不配对",
		"duplicate":         "和前面某一行的地址相同",
		"empty":             "文件是空的，第一行应该是表头",
		"encoding":          "里面有不是文字的内容",
		"fields":            "这一行的列数和表头不同",
		"language":          "不是语言代码，例如 zh-CN、en",
		"line-long":         "这一行太长",
		"no-address":        "没有地址",
		"not-csv":           "不是 CSV 文件，请另存为“CSV UTF-8”",
		"openid":            "不是微信的 openid",
		"state":             "不是订户的状态，状态有 active、pending、paused、unsubscribed",
		"suppressed":        "这个地址在禁发名单里",
		"too-long":          "内容太长",
		"unsubscribed":      "这位订户已经退订，只有本人能重新订阅",
	}[code]
	if short == "" {
		return detail
	}
	return fmt.Sprintf("%s（%s）", short, detail)
}
