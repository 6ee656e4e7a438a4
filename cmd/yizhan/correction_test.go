package main

import (
	"mime"
	"net/mail"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"yizhan/dispatch/standin"
)

// TestCorrection: with the built program, who was sent revision 1 gets revision 2
// as a correction, once, and nobody else does.
func TestCorrection(t *testing.T) {
	sink := newSink(t, func(phase, _, to string, nth int) standin.Fault {
		if phase == "rcpt" && to == "refused@example.org" && nth == 1 {
			return standin.Fault{Code: 550, Text: "5.1.1 no such user"}
		}
		return standin.Fault{}
	})
	o := newOffice(t, sink.Addr())
	binary := build(t)
	built := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"-c", o.config}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("yizhan %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	built("issue", "import", "sample/issue-37.txt")
	built("issue", "approve", "37", "--by", "宁初霁")
	o.subscribe("email", "first@example.org", "second@example.org", "third@example.org", "refused@example.org", "gone@example.org")
	daemon := o.daemon(binary)
	defer func() {
		_ = daemon.Process.Signal(os.Interrupt)
		_ = daemon.Wait()
	}()
	if out, stderr, code := o.try("send", "37", "--wait"); code != exitFailed || !strings.Contains(stderr, "送出 4，失败 1") {
		t.Fatalf("%d: %s%s", code, out, stderr)
	}
	o.subscribe("email", "late@example.org")
	built("issue", "import", draftOf37(t))
	if out := built("issue", "approve", "37", "--note", "订正第三篇的日期。"); !strings.Contains(out, "版本 2") {
		t.Errorf("approved: %s", out)
	}
	if out := built("issue", "show", "37"); !strings.Contains(out, "更正说明：订正第三篇的日期。") {
		t.Errorf("show: %s", out)
	}
	// Who has the issue already gets a correction, who has it not gets an issue.
	built("resend", "37", "--scope", "new", "--wait")
	built("resend", "37", "--scope", "one", "--to", "first@example.org", "--yes", "--wait")
	built("subscribers", "erase", "gone@example.org", "--yes")
	built("resend", "37", "--scope", "outdated", "--wait")
	if out := built("resend", "37", "--scope", "outdated"); !strings.Contains(out, "没有要重发的人") {
		t.Errorf("a second time: %s", out)
	}

	got := subjects(t, sink)
	const fresh, corrected = "港城茗讯 总第37期：改过的一期", "[更正] 港城茗讯 总第37期：改过的一期"
	for address, want := range map[string][]string{
		"first@example.org": {corrected}, "second@example.org": {corrected}, "third@example.org": {corrected},
		"late@example.org": {fresh}, "gone@example.org": nil, "refused@example.org": nil,
	} {
		later := slices.DeleteFunc(got[address], func(s string) bool { return strings.HasPrefix(s, "港城茗讯 2026年第5期") })
		if !slices.Equal(later, want) {
			t.Errorf("%s got %q after the first run, want %q", address, later, want)
		}
	}
}

// subjects lists the subjects of all mails by address, in order.
func subjects(t *testing.T, sink *standin.Sink) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, m := range sink.Messages() {
		letter, err := mail.ReadMessage(strings.NewReader(string(m.Raw)))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		out[m.To] = append(out[m.To], subject)
	}
	return out
}
