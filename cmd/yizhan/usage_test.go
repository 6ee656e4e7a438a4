package main

import (
	"strings"
	"testing"
)

// TestMisuseIsChinese types what people get wrong; what comes back must have no
// sentence of the library left in it.
func TestMisuseIsChinese(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	for _, c := range []struct{ args, want string }{
		{"", "要写出哪个命令，例如 demo、init、"},
		{"nonsense", "多了或者不认识的“nonsense”"},
		{"sned 3", "不认识“sned”；是不是 send？"},
		{"issue", "要写出哪个命令，例如 import、"},
		{"issue imprt", "不认识“imprt”；是不是 import？"},
		{"send", "少了 <n>"},
		{"send 3 4", "多了或者不认识的“4”"},
		{"send 3 --nosuch", "没有 --nosuch 这个选项"},
		{"send 3 --wiat", "没有 --wiat 这个选项；是不是 --at、--wait？"},
		{"send 3 --at", "--at 后面要写值"},
		{"send 3 --at --wait", "--at 后面要写值，而这里是“--wait”"},
		{"send --wait=maybe 3", "--wait 只能是 true 或 false，不能是“maybe”"},
		{"issue import", "少了 <file> ……"},
		{"issue import a --number x", "--number 要一个整数，不能是“x”"},
		{"resend 3", "少了选项 --scope=SCOPE"},
		{"resend 3 --scope all", "--scope 不能是“all”，可以是 failed、unsent、"},
		{"deliveries 3 --state lost", "--state 不能是“lost”，可以是 due、queued、"},
		{"subscribers add a --sections", "--sections 后面要写值"},
	} {
		_, stderr, code := o.try(strings.Fields(c.args)...)
		if code != exitUsage || !strings.HasPrefix(stderr, "命令写得不对："+c.want) {
			t.Errorf("yizhan %s: exit %d, %s\nwant %s", c.args, code, stderr, c.want)
		}
		for _, left := range []string{"expected", "unexpected", "unknown", "missing", "must", "perhaps"} {
			if strings.Contains(stderr, left) {
				t.Errorf("yizhan %s: %q is left in %s", c.args, left, stderr)
			}
		}
	}
}
