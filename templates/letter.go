package templates

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Letter is what a service mail is made from. No word of it comes from whoever
// asked for the mail: a page must not become a way to send texts to strangers.
type Letter struct {
	// Kind is confirm, manage, move (to a new address), moving or moved (both to
	// the old one).
	Kind     string
	Language string // zh-CN or en
	Title    string // of the periodical
	// Link is printed as it stands, like [Input.UnsubscribeURL]; "" where the kind
	// has none. It works for Valid.
	Link    string
	Valid   time.Duration
	Imprint Imprint
}

// LetterView is what letter.html and letter.txt are given.
type LetterView struct {
	Letter
	LetterWords
	Lang         string
	Valid        string // how long the link works, in words
	OrOpen       string
	CSS, HeadCSS template.CSS
}

// LetterWords are the words of one kind of service mail.
type LetterWords struct {
	Subject, Preheader, Heading string
	Lines                       []string
	Button                      string
	Notes                       []string
}

// Letter renders a service mail.
func (s *Set) Letter(in Letter) (Digest, error) {
	in.Title, in.Imprint = line(in.Title), in.Imprint.clean()
	lang := labels(in.Language).Lang
	words, ok := letterWords(in.Kind, lang, in.Title)
	if !ok {
		return Digest{}, fmt.Errorf("render letter: there is no kind %q", in.Kind)
	}
	if (words.Button == "") != (in.Link == "") {
		return Digest{}, fmt.Errorf("render letter: the link of the kind %q is missing, or has no place in it", in.Kind)
	}
	v := LetterView{
		Letter: in, LetterWords: words, Lang: lang, Valid: validFor(in.Valid, lang), OrOpen: "按钮打不开时，请复制这个网址：",
		CSS: s.css["letter.css"], HeadCSS: s.css["letter-head.css"],
	}
	if lang == "en" {
		v.OrOpen = "If the button does not work, copy this address:"
	}
	raw, err := execute(s.letter, v)
	if err != nil {
		return Digest{}, err
	}
	d := Digest{Subject: words.Subject, Preheader: words.Preheader}
	if d.HTML, err = inline(raw); err != nil {
		return Digest{}, err
	}
	if d.Text, err = execute(s.letterText, v); err != nil {
		return Digest{}, err
	}
	if in.Link != "" && (!bytes.Contains(d.HTML, []byte(in.Link)) || !bytes.Contains(d.Text, []byte(in.Link))) {
		return Digest{}, errors.New("render letter: its link is missing from the text or the HTML: mend the template")
	}
	return d, nil
}

// validFor says how long a link works.
func validFor(d time.Duration, lang string) string {
	hours := int(d.Hours())
	switch {
	case lang == "en" && hours <= 72:
		return fmt.Sprintf("The link works for %d hours.", hours)
	case lang == "en":
		return fmt.Sprintf("The link works for %d days. It is yours alone: please do not forward this mail.", hours/24)
	case hours <= 72:
		return fmt.Sprintf("链接 %d 小时内有效。", hours)
	}
	return fmt.Sprintf("链接 %d 天内有效。它只属于您，请不要把这封邮件转发给别人。", hours/24)
}

// letterWords are the words of a kind in a language.
func letterWords(kind, lang, title string) (LetterWords, bool) {
	words, ok := chineseLetters()[kind]
	if lang == "en" {
		words, ok = englishLetters()[kind]
	}
	name := strings.NewReplacer("{title}", title)
	words.Subject, words.Preheader, words.Heading = name.Replace(words.Subject), name.Replace(words.Preheader), name.Replace(words.Heading)
	for i := range words.Lines {
		words.Lines[i] = name.Replace(words.Lines[i])
	}
	for i := range words.Notes {
		words.Notes[i] = name.Replace(words.Notes[i])
	}
	return words, ok
}

func chineseLetters() map[string]LetterWords {
	return map[string]LetterWords{
		"confirm": {
			Subject: "请确认订阅《{title}》", Preheader: "点一下确认，订阅就生效。", Heading: "请确认订阅",
			Lines:  []string{"有人用这个邮箱地址订阅《{title}》。如果是您，请确认；确认以后，每一期都会寄到这个邮箱。"},
			Button: "确认订阅",
			Notes:  []string{"如果不是您，不用理会：不确认就不会订阅，七天以后这个地址会从我们的记录里删除。"},
		},
		"manage": {
			Subject: "管理您对《{title}》的订阅", Preheader: "您的个人链接在这封邮件里。", Heading: "您的订阅管理链接",
			Lines:  []string{"这个邮箱已经订阅了《{title}》。用下面的链接可以选栏目、暂停、换邮箱、下载或删除您的资料，也可以退订。"},
			Button: "管理订阅",
			Notes:  []string{"如果您没有要这封邮件，不用理会：您的订阅没有任何变化。"},
		},
		"move": {
			Subject: "请确认接收《{title}》的新邮箱", Preheader: "点一下确认，以后寄到这个邮箱。", Heading: "请确认新邮箱",
			Lines:  []string{"有位订户要把《{title}》改寄到这个邮箱。如果是您，请确认；确认以前，仍然寄到原来的邮箱。"},
			Button: "确认新邮箱",
			Notes:  []string{"如果不是您，不用理会：不确认就不会改。"},
		},
		"moving": {
			Subject: "有人要更换您接收《{title}》的邮箱", Preheader: "新邮箱确认以前，没有任何变化。", Heading: "有人要更换接收邮箱",
			Lines:  []string{"在您的订阅管理页上填了一个新的邮箱。新邮箱的主人确认以后，《{title}》就改寄过去，不再寄到这里。"},
			Button: "不是我，去撤销",
			Notes:  []string{"如果是您自己填的，不用做什么，请到新邮箱里确认。"},
		},
		"moved": {
			Subject: "《{title}》以后寄到您的新邮箱", Preheader: "新邮箱已经确认。", Heading: "接收邮箱已更换",
			Lines: []string{"新邮箱已经确认，《{title}》以后寄到那里，不再寄到这个邮箱。以前寄来的订阅管理链接都已停用。"},
			Notes: []string{"如果不是您换的，请直接回复这封邮件告诉我们。"},
		},
		"bound": {
			Subject: "您对《{title}》的订阅绑定了微信", Preheader: "邮箱和微信现在是一份订阅。", Heading: "已绑定微信",
			Lines:  []string{"有人用您设置页面上的绑定码，把一个微信和这个邮箱的订阅合成了一份。在那个微信里可以选栏目、暂停和退订。"},
			Button: "不是我，去解除绑定",
			Notes:  []string{"如果是您自己绑定的，不用做什么。"},
		},
		"unbound": {
			Subject: "您对《{title}》的订阅和微信分开了", Preheader: "邮箱和微信各是一份订阅。", Heading: "已解除绑定",
			Lines:  []string{"微信和这个邮箱现在各是一份订阅，选好的栏目两边都还在。以前寄来的订阅管理链接都已停用，下面是新的。"},
			Button: "管理订阅",
			Notes:  []string{"退订链接照样有效。"},
		},
	}
}

func englishLetters() map[string]LetterWords {
	return map[string]LetterWords{
		"confirm": {
			Subject: "Please confirm your subscription to {title}", Preheader: "One click, and the subscription begins.", Heading: "Please confirm",
			Lines:  []string{"Somebody entered this address to subscribe to “{title}”. If it was you, please confirm; each issue will then come to this mailbox."},
			Button: "Confirm the subscription",
			Notes:  []string{"If it was not you, ignore this mail: without a confirmation there is no subscription, and after seven days the address is removed from our records."},
		},
		"manage": {
			Subject: "Manage your subscription to {title}", Preheader: "Your personal link is in this mail.", Heading: "Your link to manage the subscription",
			Lines:  []string{"This address is subscribed to “{title}”. With the link below you can choose sections, pause, change the address, download or erase your data, or unsubscribe."},
			Button: "Manage the subscription",
			Notes:  []string{"If you did not ask for this mail, ignore it: nothing about your subscription has changed."},
		},
		"move": {
			Subject: "Please confirm this address for {title}", Preheader: "One click, and the issues come here.", Heading: "Please confirm the new address",
			Lines:  []string{"A subscriber wants “{title}” to come to this address. If it is you, please confirm; until then the issues go to the old address."},
			Button: "Confirm the address",
			Notes:  []string{"If it was not you, ignore this mail: without a confirmation nothing changes."},
		},
		"moving": {
			Subject: "A new address was entered for your {title}", Preheader: "Nothing changes until it is confirmed.", Heading: "A new address was entered",
			Lines:  []string{"A new address was entered on the page of your subscription. When its owner has confirmed it, “{title}” will go there and no longer come here."},
			Button: "It was not me: take it back",
			Notes:  []string{"If it was you, there is nothing to do here: please confirm it in the new mailbox."},
		},
		"moved": {
			Subject: "{title} now goes to your new address", Preheader: "The new address is confirmed.", Heading: "Your address has changed",
			Lines: []string{"The new address is confirmed: “{title}” goes there from now on and no longer comes here. Links to manage the subscription that were sent before do not work any more."},
			Notes: []string{"If it was not you, please reply to this mail."},
		},
		"bound": {
			Subject: "A WeChat was bound to your {title}", Preheader: "Your mails and the chat are one subscription now.", Heading: "WeChat is bound",
			Lines:  []string{"With the code on your settings page somebody has joined a WeChat with the subscription of this address. From that chat, sections can be chosen, and the subscription can be paused or ended."},
			Button: "It was not me: part them",
			Notes:  []string{"If it was you, there is nothing to do."},
		},
		"unbound": {
			Subject: "Your {title} and WeChat are apart again", Preheader: "Two subscriptions now.", Heading: "WeChat is not bound any more",
			Lines:  []string{"The WeChat and this address are two subscriptions now, both with the sections that were chosen. Links to manage the subscription that were sent before do not work any more; here is a new one."},
			Button: "Manage the subscription",
			Notes:  []string{"Links to unsubscribe still work."},
		},
	}
}
