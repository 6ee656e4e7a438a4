package main

import (
	"regexp"
	"strings"
)

// phrase is a sentence of the command line's library in Chinese.
type phrase struct {
	theirs *regexp.Regexp
	ours   string // $1, $2: what the parentheses of theirs took
}

// phrases are the sentences that a person is likely to see. The library's errors
// have no types, so there is nothing but its words to go by; what is not here is
// shown as it is.
func phrases() []phrase {
	list := [...]struct{ theirs, ours string }{
		{`^unknown flag (\S+), did you mean (?:one of )?(.*)\?$`, "没有 $1 这个选项；是不是 $2？"},
		{`^unknown flag (\S+)$`, "没有 $1 这个选项"},
		{`^unexpected argument (.+), did you mean (?:one of )?(.*)\?$`, "不认识“$1”；是不是 $2？"},
		{`^unexpected argument (.+)$`, "多了或者不认识的“$1”"},
		{`^unexpected flag argument "(.*)"$`, "这个选项不带值：“$1”"},
		{`^expected one of (.*)$`, "要写出哪个命令，例如 $1"},
		{`^expected "(<.*)"$`, "少了 $1"},
		{`^missing flags: (.*)$`, "少了选项 $1"},
		{`^missing positional arguments (.*)$`, "少了 $1"},
		{`^(\S+) must be one of (?:"",)?(.*) but got "(.*)"$`, "$1 不能是“$3”，可以是 $2"},
		{`^(\S+): expected (?:an int|a valid \d+ bit u?int) but got "(.*?)".*$`, "$1 要一个整数，不能是“$2”"},
		{`^(\S+): expected \S+ value but got "EOL".*$`, "$1 后面要写值"},
		{`^(\S+): expected \S+ value but got "(.*?)".*$`, "$1 后面要写值，而这里是“$2”"},
		{`^(\S+): missing value, expecting .*$`, "$1 后面要写值"},
		{`^(\S+): bool value must be .* but got "(.*)"$`, "$1 只能是 true 或 false，不能是“$2”"},
	}
	all := make([]phrase, len(list))
	for n, one := range list {
		all[n] = phrase{regexp.MustCompile(one.theirs), one.ours}
	}
	return all
}

// misuse is a command line that cannot be carried out.
func misuse(err error) problem {
	p := misused(err.Error(), "在命令后面加 --help 看用法")
	for _, one := range phrases() {
		if one.theirs.MatchString(p.Text) {
			quoted := one.theirs.ReplaceAllString(p.Text, one.ours)
			p.Text = strings.NewReplacer(`", "`, "、", `","`, "、", `"`, "", "...", "……").Replace(quoted)
			break
		}
	}
	p.Text, p.cause = "命令写得不对："+p.Text, err
	return p
}

// misused is misuse in words of our own.
func misused(text, hint string) problem {
	return problem{Code: "usage", Text: text, Hint: hint, usage: true}
}
