package subscribers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

func mustImport(t testing.TB, s *Store, file string) ImportResult {
	t.Helper()
	result, err := s.Import(t.Context(), strings.NewReader(file), ImportOptions{Source: "test.csv"}, noon())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func mustExport(t testing.TB, s *Store) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const exportHeader = "\ufeffemail,wechat,name,sections,groups,language,state\r\n"

func TestImportReadsEveryForm(t *testing.T) {
	const plain = "name,email,sections\n李娜,li@example.org,行业动态;政策法规\n王伟,wang@example.org,\n"
	const want = exportHeader + "li@example.org,,李娜,行业动态;政策法规,,,active\r\nwang@example.org,,王伟,,,,active\r\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	gbWithBOM, err := simplifiedchinese.GB18030.NewEncoder().String("\ufeff" + plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"UTF-8":              plain,
		"byte order mark":    "\ufeff" + plain,
		"GB18030":            gb,
		"GB18030 with BOM":   gbWithBOM,
		"CRLF":               strings.ReplaceAll(plain, "\n", "\r\n"),
		"no newline at end":  strings.TrimSuffix(plain, "\n"),
		"blank lines":        strings.ReplaceAll(plain, "\n", "\n\n,,\n"),
		"quoted":             "\ufeff\"name\",\"email\",\"sections\"\n\"李娜\",\"li@example.org\",\"行业动态;政策法规\"\n\"王伟\",\"wang@example.org\",\"\"\n",
		"header in capitals": strings.Replace(plain, "name,email", " NAME ,Email", 1),
		"header in Chinese":  strings.Replace(plain, "name,email,sections", "姓名,邮箱,栏目", 1),
		"full-width":         strings.NewReplacer(";", "；", "li@example.org", "ｌｉ＠example．org").Replace(plain),
		"spaces":             strings.ReplaceAll(plain, ",li@example.org", ", li@example.org "),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			file := strings.Replace(file, "\n\n,,\n", "\n", 1) // the header comes first
			result := mustImport(t, s, file)
			if diff := cmp.Diff(ImportResult{Added: 2, Bad: []BadLine{}}, result); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, mustExport(t, s)); diff != "" {
				t.Errorf("export (-want +got):\n%s", diff)
			}
			sub := mustGet(t, s, "1")
			if !sub.ConfirmedAt.Equal(noon()) || sub.Consent != (Consent{At: noon(), Source: "import test.csv"}) {
				t.Errorf("confirmed at %v, consent %+v", sub.ConfirmedAt, sub.Consent)
			}
		})
	}
}

func TestImportRefusesFiles(t *testing.T) {
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("email\na@example.org\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ file, code, text string }{
		"empty":           {"", "empty", "email, wechat, name, sections, groups, language, state"},
		"only a mark":     {"\ufeff", "column-unknown", ""},
		"unknown column":  {"email,nmae\na@example.org,b\n", "column-unknown", `"nmae"`},
		"known columns":   {"email,nmae\na@example.org,b\n", "column-unknown", "email, wechat, name, sections, groups, language, state"},
		"no header":       {"a@example.org\n", "column-unknown", ""},
		"semicolons":      {"Email;Name\na@example.org;b\n", "column-commas", "commas"},
		"the same twice":  {"email,邮箱\na@example.org,b@example.org\n", "column-twice", ""},
		"column twice":    {"email,name,Email\n", "column-twice", "email"},
		"no addresses":    {"name,state\nA,active\n", "column-missing", "email, wechat"},
		"UTF-16":          {utf16, "not-csv", "UTF-8"},
		"binary":          {"PK\x03\x04\x00\x00", "not-csv", ""},
		"header no CSV":   {"email,\"name\n", "csv", ""},
		"header too long": {strings.Repeat("email", maxLine), "line-long", ""},
	} {
		s := newStore(t)
		_, err := s.Import(t.Context(), strings.NewReader(tt.file), ImportOptions{}, noon())
		var bad *Invalid
		if !errors.As(err, &bad) || bad.Code != tt.code || !strings.Contains(bad.Text, tt.text) {
			t.Errorf("%s: %v, want code %s with %q", name, err, tt.code, tt.text)
		}
		if n, err := s.Count(t.Context(), Filter{}); err != nil || n != 0 {
			t.Errorf("%s: stored %d, %v", name, n, err)
		}
	}
}

func TestImportReportsBadLinesAndGoesOn(t *testing.T) {
	s := newStore(t)
	if _, err := s.Suppress(t.Context(), mustEmail(t, "bounced@example.org"), "bounced", "", noon()); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "left@example.org")}, Name: "离开", State: Unsubscribed})
	mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "x@example.org")}})
	mustAdd(t, s, Entry{Addresses: []Address{mustWeChat(t, "oYYYYYYYY")}})
	result := mustImport(t, s, strings.Join([]string{
		"email,wechat,name,language,state", // 1
		"a@example.org,,A,,",
		"b@@example.org,,B,,", // 3
		",,nobody,,",          // 4
		"c@example.org,,C",    // 5
		`"d@example.org,,D,,`, // 6
		"A@EXAMPLE.org,,A2,,", // 7
		",short,E,,",          // 8
		"f@example.org,,F,klingon!,",
		"g@example.org,,G,,asleep", // 10
		"h@example.org,,H,,active;unsubscribed:fax",
		"left@example.org,,L,,", // 12
		"left2@example.org,,L,,active",
		"bounced@example.org,,B,,", // 14
		"x@example.org,oYYYYYYYY,XY,,",
		"i@example.org,," + strings.Repeat("长", 201) + ",,", // 16
		"j@example.org,,J\x01,,",
		"k@example.org,,K\ufffd,,", // 18
		strings.Repeat("k", maxLine) + "@example.org,,K,,",
		"z@example.org,,Z,,", // 20
	}, "\n"))
	var got []string
	for _, b := range result.Bad {
		got = append(got, fmt.Sprint(b.Line, " ", b.Code))
	}
	want := []string{
		"3 address-at", "4 no-address", "5 fields", "6 csv", "7 duplicate", "8 openid", "9 language", "10 state", "11 state",
		"12 unsubscribed", "14 suppressed", "15 conflict", "16 too-long", "17 control", "18 encoding", "19 line-long",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bad lines (-want +got):\n%s", diff)
	}
	if result.Added != 3 || result.Changed != 0 || result.Unchanged != 0 {
		t.Errorf("counted %+v", result)
	}
	if got := mustGet(t, s, "left@example.org"); got.Name != "离开" || got.State != Unsubscribed {
		t.Errorf("a bad line changed %+v", got)
	}
	for _, b := range result.Bad {
		if strings.Contains(b.Text, "example.org") {
			t.Errorf("line %d: the text shows an address: %s", b.Line, b.Text)
		}
	}
	if text, err := json.Marshal(ImportResult{Bad: []BadLine{{2, "csv", "x"}}}); err != nil || string(text) != `{"added":0,"changed":0,"unchanged":0,"bad":[{"line":2,"code":"csv","text":"x"}]}` {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}

// Each case is a file that meets one known subscriber.
func TestImportMeetsAKnownSubscriber(t *testing.T) {
	both := Entry{Addresses: []Address{{Email, "a@example.org", "example.org"}, {WeChat, "oAAAAAAAA", ""}}, Name: "甲", Sections: []string{"一"}, Groups: []string{"会员"}, Language: "en"}
	leftEmail := func(t *testing.T, s *Store, sub Subscriber) {
		if _, err := s.Unsubscribe(t.Context(), sub.PublicID, Email, "link", noon()); err != nil {
			t.Fatal(err)
		}
	}
	suppress := func(t *testing.T, s *Store, sub Subscriber) {
		for _, a := range []Address{sub.Addresses[0].Address, mustEmail(t, "new@example.org")} {
			if _, err := s.Suppress(t.Context(), a, "bounced", "", noon()); err != nil {
				t.Fatal(err)
			}
		}
	}
	const was = "a@example.org,oAAAAAAAA,甲,一,会员,en,"
	for name, tt := range map[string]struct {
		state State
		then  func(*testing.T, *Store, Subscriber)
		file  string
		want  string // the line that Export then writes
		bad   string // code, when the line is bad
		same  bool   // nothing changes
	}{
		"only the address":       {file: "email\nA@example.org\n", want: "A@example.org,oAAAAAAAA,甲,一,会员,en,active"},
		"the very same":          {file: "email\na@example.org\n", want: was + "active", same: true},
		"new name":               {file: "email,name\na@example.org,乙\n", want: "a@example.org,oAAAAAAAA,乙,一,会员,en,active"},
		"blank cells clear":      {file: "email,name,sections,groups,language\na@example.org,,,,\n", want: "a@example.org,oAAAAAAAA,,,,,active"},
		"blank address stays":    {file: "email,wechat\na@example.org,\n", want: was + "active", same: true},
		"found by openid":        {file: "wechat,name\noAAAAAAAA,乙\n", want: "a@example.org,oAAAAAAAA,乙,一,会员,en,active"},
		"new email":              {file: "email,wechat\nnew@example.org,oAAAAAAAA\n", want: "new@example.org,oAAAAAAAA,甲,一,会员,en,active"},
		"new email suppressed":   {then: suppress, file: "email,wechat\nnew@example.org,oAAAAAAAA\n", want: was + "active", bad: "suppressed"},
		"suppressed, known":      {then: suppress, file: "email,name\na@example.org,乙\n", want: "a@example.org,oAAAAAAAA,乙,一,会员,en,active"},
		"paused stays":           {state: Paused, file: "email\na@example.org\n", want: was + "paused", same: true},
		"paused, blank state":    {state: Paused, file: "email,state\na@example.org,\n", want: was + "paused", same: true},
		"paused to active":       {state: Paused, file: "email,state\na@example.org,Active\n", want: was + "active"},
		"pending stays":          {state: Pending, file: "email\na@example.org\n", want: was + "pending", same: true},
		"leaves":                 {file: "email,state\na@example.org,unsubscribed\n", want: was + "unsubscribed"},
		"leaves email":           {file: "email,state\na@example.org,active;unsubscribed:email\n", want: was + "active;unsubscribed:email"},
		"left for good":          {state: Unsubscribed, file: "email\na@example.org\n", want: was + "unsubscribed", bad: "unsubscribed"},
		"left, now active":       {state: Unsubscribed, file: "email,state\na@example.org,active\n", want: was + "unsubscribed", bad: "unsubscribed"},
		"left, by the openid":    {state: Unsubscribed, file: "wechat,state\noAAAAAAAA,pending\n", want: was + "unsubscribed", bad: "unsubscribed"},
		"left, and says so":      {state: Unsubscribed, file: "email,state\na@example.org,unsubscribed\n", want: was + "unsubscribed", same: true},
		"left email":             {then: leftEmail, file: "email\na@example.org\n", want: was + "active;unsubscribed:email", bad: "unsubscribed"},
		"left email, and says":   {then: leftEmail, file: "email,state\na@example.org,active;unsubscribed:email\n", want: was + "active;unsubscribed:email", same: true},
		"left email, by openid":  {then: leftEmail, file: "wechat,name\noAAAAAAAA,乙\n", want: "a@example.org,oAAAAAAAA,乙,一,会员,en,active;unsubscribed:email"},
		"left email, new email":  {then: leftEmail, file: "email,wechat,state\nnew@example.org,oAAAAAAAA,active;unsubscribed:email\n", want: was + "active;unsubscribed:email", bad: "unsubscribed"},
		"left email, then all":   {then: leftEmail, file: "wechat,state\noAAAAAAAA,unsubscribed\n", want: was + "unsubscribed"},
		"left all, now half":     {state: Unsubscribed, file: "email,state\na@example.org,active;unsubscribed:email\n", want: was + "unsubscribed", bad: "unsubscribed"},
		"left all, new channels": {state: Unsubscribed, file: "email,wechat\na@example.org,oBBBBBBBB\n", want: was + "unsubscribed", bad: "unsubscribed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			e := both
			e.State = tt.state
			sub := mustAdd(t, s, e)
			if tt.then != nil {
				tt.then(t, s, sub)
			}
			before := dump(t, s.read)
			result, err := s.Import(t.Context(), strings.NewReader(tt.file), ImportOptions{}, noon().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			want := ImportResult{Bad: []BadLine{}}
			switch {
			case tt.bad != "":
				want.Bad = []BadLine{{Line: 2, Code: tt.bad}}
			case tt.same:
				want.Unchanged = 1
			default:
				want.Changed = 1
			}
			for i := range result.Bad {
				result.Bad[i].Text = ""
			}
			if diff := cmp.Diff(want, result); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(exportHeader+tt.want+"\r\n", mustExport(t, s)); diff != "" {
				t.Errorf("export (-want +got):\n%s", diff)
			}
			if after := dump(t, s.read); (before == after) != (tt.bad != "" || tt.same) {
				t.Errorf("tables before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

func TestImportConfirmsThePending(t *testing.T) {
	s := newStore(t)
	mustImport(t, s, "email,state\na@example.org,pending\n")
	if sub := mustGet(t, s, "1"); sub.State != Pending || !sub.ConfirmedAt.IsZero() {
		t.Fatalf("got %+v", sub)
	}
	if result := mustImport(t, s, "email,state\na@example.org,active\n"); result.Changed != 1 {
		t.Fatalf("got %+v", result)
	}
	if sub := mustGet(t, s, "1"); sub.State != Active || !sub.ConfirmedAt.Equal(noon()) {
		t.Errorf("got %+v", sub)
	}
}

// One person in two lines of one file, once by each address.
func TestImportSeesItsOwnLines(t *testing.T) {
	s := newStore(t)
	mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "a@example.org"), mustWeChat(t, "oAAAAAAAA")}})
	result := mustImport(t, s, "email,wechat,name,state\na@example.org,,甲,unsubscribed\n,oAAAAAAAA,乙,active\n")
	if result.Changed != 1 || len(result.Bad) != 1 || result.Bad[0].Code != "unsubscribed" {
		t.Errorf("got %+v", result)
	}
}

func TestImportInBatches(t *testing.T) {
	const lines = 2*importBatch + 10
	s := newStore(t)
	var file strings.Builder
	file.WriteString("email,name,wechat\n")
	for i := range lines {
		fmt.Fprintf(&file, "s%d@example.org,读者%d,o%08d\n", i, i, i)
	}
	var progress [][2]int
	result, err := s.Import(t.Context(), strings.NewReader(file.String()), ImportOptions{Progress: func(done, total int) { progress = append(progress, [2]int{done, total}) }}, noon())
	if err != nil || result.Added != lines || len(result.Bad) != 0 {
		t.Fatalf("got %+v, %v", result, err)
	}
	if diff := cmp.Diff([][2]int{{1001, lines + 1}, {2001, lines + 1}, {lines + 1, lines + 1}}, progress); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if result := mustImport(t, s, file.String()); result.Unchanged != lines {
		t.Errorf("again: %+v", result)
	}
	if got := strings.Count(mustExport(t, s), "\r\n"); got != lines+1 {
		t.Errorf("exported %d lines, want %d", got, lines+1)
	}
}

// brokenFile fails in the second pass, after so many bytes.
type brokenFile struct {
	io.ReadSeeker
	pass, left int
}

var errDisk = errors.New("the disk is broken")

func (f *brokenFile) Seek(offset int64, whence int) (int64, error) {
	f.pass++
	return f.ReadSeeker.Seek(offset, whence)
}

func (f *brokenFile) Read(p []byte) (int, error) {
	if f.pass < 2 {
		return f.ReadSeeker.Read(p)
	}
	if f.left == 0 {
		return 0, errDisk
	}
	n, err := f.ReadSeeker.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

func TestImportStopsAndTellsHowFar(t *testing.T) {
	var file strings.Builder
	file.WriteString("email\n")
	for i := range 3 * importBatch {
		fmt.Fprintf(&file, "s%06d@example.org\n", i)
	}
	const line = len("s000000@example.org\n")
	t.Run("file", func(t *testing.T) {
		s := newStore(t)
		result, err := s.Import(t.Context(), &brokenFile{ReadSeeker: strings.NewReader(file.String()), left: 1500 * line}, ImportOptions{}, noon())
		n, _ := s.Count(t.Context(), Filter{})
		if !errors.Is(err, errDisk) || result.Added != importBatch || n != importBatch {
			t.Errorf("added %d, stored %d, %v", result.Added, n, err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		s := newStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		result, err := s.Import(ctx, strings.NewReader(file.String()), ImportOptions{Progress: func(int, int) { cancel() }}, noon())
		n, _ := s.Count(t.Context(), Filter{})
		if !errors.Is(err, context.Canceled) || result.Added != importBatch || n != importBatch {
			t.Errorf("added %d, stored %d, %v", result.Added, n, err)
		}
		if result := mustImport(t, s, file.String()); result.Added != 2*importBatch || result.Unchanged != importBatch {
			t.Errorf("again: %+v", result)
		}
	})
}

// What one instance exports another imports as it was, and the first finds
// nothing to change in it.
func TestExportThenImportIsTheIdentity(t *testing.T) {
	one, two := newStore(t), newStore(t)
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "李娜", "=1+1", "'=1+1", "''", "'", "-", "+86", "@x", "＝cmd", `a"b`, "a,b", "'@'", "李 娜"}),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab'\"=+-@,;； 李\t\r\n＠")), 0, 12, -1),
	)
	rapid.Check(t, func(rt *rapid.T) {
		for _, s := range []*Store{one, two} {
			for _, table := range []string{"consents", "addresses", "subscribers", "suppressions"} {
				exec(t, s.write, `DELETE FROM `+table)
			}
		}
		for i := range rapid.IntRange(0, 8).Draw(rt, "subscribers") {
			e := Entry{
				Name: text.Draw(rt, "name"), Sections: rapid.SliceOfN(text, 0, 3).Draw(rt, "sections"), Groups: rapid.SliceOfN(text, 0, 3).Draw(rt, "groups"),
				Language: rapid.SampledFrom([]string{"", "zh-CN", "en", "zh_Hant_TW"}).Draw(rt, "language"),
				State:    rapid.SampledFrom([]State{Active, Pending, Paused, Unsubscribed}).Draw(rt, "state"),
			}
			which := rapid.IntRange(1, 3).Draw(rt, "addresses")
			if which&1 != 0 {
				local := rapid.StringOfN(rapid.RuneFrom([]rune("aZ0-+=_李'")), 1, 8, -1).Draw(rt, "local")
				e.Addresses = append(e.Addresses, mustEmail(t, fmt.Sprintf("%s%d@example.org", local, i)))
			}
			if which&2 != 0 {
				e.Addresses = append(e.Addresses, mustWeChat(t, fmt.Sprintf("%soopenid%d", rapid.SampledFrom([]string{"", "-", "_"}).Draw(rt, "openid"), i)))
			}
			sub := mustAdd(t, one, e)
			if rapid.IntRange(0, 3).Draw(rt, "leaves") == 0 {
				if _, err := one.Unsubscribe(t.Context(), sub.PublicID, rapid.SampledFrom([]string{Email, WeChat}).Draw(rt, "channel"), "link", noon()); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.IntRange(0, 3).Draw(rt, "bounces") == 0 {
				if _, err := one.Suppress(t.Context(), sub.Addresses[0].Address, "bounced", "", noon()); err != nil {
					t.Fatal(err)
				}
			}
		}
		n, _ := one.Count(t.Context(), Filter{})
		file, before := mustExport(t, one), dump(t, one.read)
		if diff := cmp.Diff(ImportResult{Unchanged: n, Bad: []BadLine{}}, mustImport(t, one, file)); diff != "" {
			rt.Fatalf("back into the same store (-want +got):\n%s\n%s", diff, file)
		}
		if diff := cmp.Diff(before, dump(t, one.read)); diff != "" {
			rt.Fatalf("back into the same store (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(ImportResult{Added: n, Bad: []BadLine{}}, mustImport(t, two, file)); diff != "" {
			rt.Fatalf("into an empty store (-want +got):\n%s\n%s", diff, file)
		}
		if diff := cmp.Diff(file, mustExport(t, two)); diff != "" {
			rt.Fatalf("exported again (-first +second):\n%s", diff)
		}
		for _, line := range strings.Split(file, "\r\n")[1:] {
			for _, cell := range strings.Split(line, ",") {
				if startsFormula(strings.Trim(cell, `"`)) && !strings.ContainsAny(line, `"`) {
					rt.Fatalf("a spreadsheet would run %q", cell)
				}
			}
		}
	})
}

func TestEscapeTakesBackEveryCell(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\tx": "'\tx", "＝1": "'＝1",
		"'": "'", "'a": "'a", "'=1": "''=1", "''=1": "'''=1", "''a": "''a", "a=1": "a=1",
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOf(rapid.RuneFrom([]rune("'=+-@a\t＝"))).Draw(t, "cell")
		if got := unescape(escape(cell)); got != cell {
			t.Fatalf("%q became %q", cell, got)
		}
		if startsFormula(escape(cell)) {
			t.Fatalf("%q is a formula", escape(cell))
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("email,name\na@example.org,\"x\n'=1\n"))
	f.Add([]byte("email\na@example.org"))
	f.Add([]byte("email\n\x81\x30\x81\x30@example.org\n"))
	f.Add([]byte("\xef\xbb\xbfemail,state\r\na@b.cn,active;unsubscribed:email\r\n"))
	s := &Store{key: []byte("key"), channels: []string{Email, WeChat}}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := s.newReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		last := 1
		for {
			rec, err := s.record(r)
			if errors.Is(err, io.EOF) {
				break
			}
			var bad *Invalid
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			if rec.line <= last || rec.line > r.total {
				t.Fatalf("line %d after %d of %d", rec.line, last, r.total)
			}
			last = rec.line
		}
	})
}

func BenchmarkImport(b *testing.B) {
	const lines = 10_000
	var file strings.Builder
	file.WriteString("email,name,sections,groups,language,state\n")
	for i := range lines {
		fmt.Fprintf(&file, "reader%d@example.org,读者%d,行业动态;政策法规,会员,zh-CN,active\n", i, i)
	}
	for b.Loop() {
		b.StopTimer()
		s := newStore(b)
		b.StartTimer()
		if _, err := s.Import(b.Context(), strings.NewReader(file.String()), ImportOptions{}, noon()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
