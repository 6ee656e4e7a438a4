package issue

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"yizhan/config"
	"yizhan/config/configtest"
)

func newStore(t testing.TB) *Store {
	t.Helper()
	db, err := config.Open(t.Context(), &config.Config{DataDir: t.TempDir(), Database: config.NewSecret(configtest.Database(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), "issue_schema", Schema); err != nil {
		t.Fatal(err)
	}
	s, err := NewStore(StoreOptions{Write: db.Write, Read: db.Read})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOnPostgreSQL runs the tests of the store on PostgreSQL, too.
func TestOnPostgreSQL(t *testing.T) {
	configtest.Again(t, "Save|Life|Approv|Refuses|List|Source|Record", "")
}

func at(hour int) time.Time { return time.Date(2026, 9, 1, hour, 0, 0, 0, time.UTC) }

// sampleIssue is issue 7 with a title of its own.
func sampleIssue(title string) Issue {
	return Issue{
		ID: "7", Number: 1, Total: 7, Year: 2026, Months: []int{1, 2}, Combined: true, Title: title, Date: "2026-02-10",
		Editors: []Editor{{"责任编辑", "林某"}}, Contents: []ContentsEntry{{Title: "动态", Page: 1, Section: true}},
		Sections: []Section{{Name: "动态", Articles: []Article{{
			Kind: KindArticle, Title: "<一> & 二", Source: "某报", Document: &Document{Number: "某函 1 号"},
			Blocks: []Block{{Kind: BlockParagraph, Text: "正文。", Spans: []Span{{To: 6, Strong: true}}}, {Kind: BlockTable, Rows: [][]string{{"a", "b"}}}},
		}}}},
	}
}

func warning() []Diagnostic { return []Diagnostic{{"credit-missing", 3, Warning, "没有出处"}} }

func mustSave(t *testing.T, s *Store, i Issue, found []Diagnostic, now time.Time) Record {
	t.Helper()
	r, err := s.Save(t.Context(), i, found, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustApprove(t *testing.T, s *Store, id string, now time.Time) Record {
	t.Helper()
	before, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Approve(t.Context(), id, "编辑甲", "another", now); !errors.Is(err, ErrChanged) {
		t.Errorf("approving what was not looked at: %v", err)
	}
	r, err := s.Approve(t.Context(), id, "编辑甲", before.Revision.Hash, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sampleHash(t *testing.T, s *Store) string {
	t.Helper()
	r, err := s.Get(t.Context(), "7")
	if err != nil {
		t.Fatal(err)
	}
	return r.Revision.Hash
}

func TestSaveKeepsTheWholeModel(t *testing.T) {
	s := newStore(t)
	i := sampleIssue("甲")
	saved := mustSave(t, s, i, warning(), at(9))
	want := Record{Issue: i, Diagnostics: warning(), State: Draft, Revision: Revision{N: 1, Hash: i.Hash()}, ImportedAt: at(9), Change: Added}
	if diff := cmp.Diff(want, saved); diff != "" {
		t.Errorf("Save (-want +got):\n%s", diff)
	}
	want.Change = ""
	for name, read := range map[string]func() (Record, error){
		"Get":      func() (Record, error) { return s.Get(t.Context(), "7") },
		"Revision": func() (Record, error) { return s.Revision(t.Context(), "7", 1) },
	} {
		got, err := read()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if got.Hash() != saved.Revision.Hash {
			t.Errorf("%s: the stored issue has another hash", name)
		}
	}
}

func TestLifeOfAnIssue(t *testing.T) {
	s := newStore(t)
	check := func(step string, got Record, state State, n int, title string, change Change) {
		t.Helper()
		if got.State != state || got.Revision.N != n || got.Title != title || got.Change != change {
			t.Fatalf("%s: %s, revision %d, %q, %q; want %s, %d, %q, %q", step, got.State, got.Revision.N, got.Title, got.Change, state, n, title, change)
		}
	}
	check("import", mustSave(t, s, sampleIssue("甲"), nil, at(9)), Draft, 1, "甲", Added)
	check("same again", mustSave(t, s, sampleIssue("甲"), nil, at(10)), Draft, 1, "甲", Unchanged)
	check("edited draft", mustSave(t, s, sampleIssue("乙"), nil, at(11)), Draft, 1, "乙", Replaced)
	if _, err := s.Approved(t.Context(), "7"); !errors.Is(err, ErrNotApproved) {
		t.Fatalf("a draft may be sent: %v", err)
	}
	check("approve", mustApprove(t, s, "7", at(12)), Approved, 1, "乙", "")
	check("approve again", mustApprove(t, s, "7", at(13)), Approved, 1, "乙", "")
	got, err := s.Approved(t.Context(), "7")
	if err != nil || !got.ApprovedAt.Equal(at(12)) || got.ApprovedBy != "编辑甲" {
		t.Fatalf("approved: %+v, %v", got, err)
	}
	check("same after approval", mustSave(t, s, sampleIssue("乙"), nil, at(14)), Approved, 1, "乙", Unchanged)
	revised := mustSave(t, s, sampleIssue("丙"), nil, at(15))
	check("edited after approval", revised, Draft, 2, "丙", Revised)
	if !revised.ApprovedAt.IsZero() || revised.ApprovedBy != "" {
		t.Errorf("the edit kept the approval: %+v", revised)
	}
	if _, err := s.Approved(t.Context(), "7"); !errors.Is(err, ErrNotApproved) {
		t.Errorf("the edited issue may be sent: %v", err)
	}
	check("edited once more", mustSave(t, s, sampleIssue("丁"), nil, at(16)), Draft, 2, "丁", Replaced)
	check("approve revision 2", mustApprove(t, s, "7", at(17)), Approved, 2, "丁", "")
	withdrawn, err := s.Withdraw(t.Context(), "7")
	if err != nil {
		t.Fatal(err)
	}
	check("withdraw", withdrawn, Withdrawn, 2, "丁", "")
	if _, err := s.Approved(t.Context(), "7"); !errors.Is(err, ErrNotApproved) {
		t.Errorf("a withdrawn issue may be sent: %v", err)
	}
	check("same when withdrawn", mustSave(t, s, sampleIssue("丁"), nil, at(18)), Withdrawn, 2, "丁", Unchanged)
	check("approve again", mustApprove(t, s, "7", at(19)), Approved, 2, "丁", "")
	if _, err := s.Withdraw(t.Context(), "7"); err != nil {
		t.Fatal(err)
	}
	check("edited when withdrawn", mustSave(t, s, sampleIssue("乙"), nil, at(20)), Draft, 3, "乙", Revised)

	first, err := s.Revision(t.Context(), "7", 1)
	if err != nil || first.Title != "乙" || !first.ApprovedAt.Equal(at(12)) || first.State != Draft {
		t.Errorf("revision 1 is now %+v, %v", first, err)
	}
	second, err := s.Revision(t.Context(), "7", 2)
	if err != nil || second.Title != "丁" || !second.ApprovedAt.Equal(at(19)) {
		t.Errorf("revision 2 is now %+v, %v", second, err)
	}
}

func TestApproveRefusesErrors(t *testing.T) {
	s := newStore(t)
	faulty := append(warning(), Diagnostic{"no-sections", 9, Error, "没有栏目"})
	mustSave(t, s, sampleIssue("甲"), faulty, at(9))
	if _, err := s.Approve(t.Context(), "7", "编辑甲", sampleHash(t, s), at(10)); !errors.Is(err, ErrFaulty) || !strings.Contains(err.Error(), "line 9: 没有栏目") {
		t.Errorf("got %v", err)
	}
	if r, err := s.Get(t.Context(), "7"); err != nil || r.State != Draft {
		t.Errorf("refused, and now %s, %v", r.State, err)
	}
	// The same content, read by a better reader.
	if r := mustSave(t, s, sampleIssue("甲"), warning(), at(11)); r.Change != Unchanged || len(r.Diagnostics) != 1 {
		t.Errorf("got %s with %v", r.Change, r.Diagnostics)
	}
	mustApprove(t, s, "7", at(12))
	if r := mustSave(t, s, sampleIssue("甲"), faulty, at(13)); r.State != Approved || len(r.Diagnostics) != 1 {
		t.Errorf("an approved revision's diagnostics changed: %s with %v", r.State, r.Diagnostics)
	}
}

func TestStoreRefuses(t *testing.T) {
	s := newStore(t)
	mustSave(t, s, sampleIssue("甲"), nil, at(9))
	for name, f := range map[string]func() error{
		"Get":         func() error { _, err := s.Get(t.Context(), "8"); return err },
		"Approved":    func() error { _, err := s.Approved(t.Context(), "8"); return err },
		"Approve":     func() error { _, err := s.Approve(t.Context(), "8", "x", "", at(9)); return err },
		"Withdraw":    func() error { _, err := s.Withdraw(t.Context(), "8"); return err },
		"Revision":    func() error { _, err := s.Revision(t.Context(), "8", 1); return err },
		"Revision 2":  func() error { _, err := s.Revision(t.Context(), "7", 2); return err },
		"Revision 0":  func() error { _, err := s.Revision(t.Context(), "7", 0); return err },
		"Revision -1": func() error { _, err := s.Revision(t.Context(), "7", -1); return err },
		"Source":      func() error { _, _, err := s.Source(t.Context(), "8", 1); return err },
		"KeepSource":  func() error { return s.KeepSource(t.Context(), "8", "x", nil) },
	} {
		if err := f(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	for _, id := range []string{"", "..", "a/b", "-1", "a b", "a\n", strings.Repeat("a", 65), "x\x00"} {
		i := sampleIssue("甲")
		i.ID = id
		if _, err := s.Save(t.Context(), i, nil, at(9)); !errors.Is(err, ErrBadID) {
			t.Errorf("id %q: %v, want ErrBadID", id, err)
		}
	}
	if _, err := NewStore(StoreOptions{}); err == nil {
		t.Error("NewStore without handles")
	}
}

func TestListIsInOrder(t *testing.T) {
	s := newStore(t)
	for _, id := range []string{"2015-2", "142", "9", "10", "特刊"} {
		i := sampleIssue("第" + id)
		i.ID = id
		mustSave(t, s, i, nil, at(9))
	}
	mustApprove(t, s, "10", at(10))
	got, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, x := range got {
		ids = append(ids, x.ID)
	}
	if diff := cmp.Diff([]string{"9", "10", "特刊", "142", "2015-2"}, ids); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	want := Summary{ID: "10", Title: "第10", Label: "2026年1、2月合刊 第1期 总第7期", State: Approved, Revision: Revision{N: 1}, ImportedAt: at(9), ApprovedAt: at(10), ApprovedBy: "编辑甲"}
	if diff := cmp.Diff(want, got[1], cmpopts.IgnoreFields(Revision{}, "Hash")); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	i := sampleIssue("改")
	i.ID = "10"
	mustSave(t, s, i, nil, at(11))
	if got, err = s.List(t.Context()); err != nil || !got[1].ApprovedAt.IsZero() || got[1].ApprovedBy != "" || got[1].State != Draft {
		t.Errorf("listed after an edit: %+v, %v", got[1], err)
	}
	if empty, err := newStore(t).List(t.Context()); err != nil || empty == nil || len(empty) != 0 {
		t.Errorf("an empty list is %#v, %v", empty, err)
	}
}

func TestSourceGoesWithTheContent(t *testing.T) {
	s := newStore(t)
	mustSave(t, s, sampleIssue("甲"), nil, at(9))
	if name, file, err := s.Source(t.Context(), "7", 1); err != nil || name != "" || file != nil {
		t.Errorf("before: %q, %q, %v", name, file, err)
	}
	if err := s.KeepSource(t.Context(), "7", "七.txt", []byte("原文")); err != nil {
		t.Fatal(err)
	}
	mustSave(t, s, sampleIssue("甲"), nil, at(10))
	if name, file, err := s.Source(t.Context(), "7", 1); err != nil || name != "七.txt" || string(file) != "原文" {
		t.Errorf("kept: %q, %q, %v", name, file, err)
	}
	mustSave(t, s, sampleIssue("乙"), nil, at(11))
	if name, file, err := s.Source(t.Context(), "7", 1); err != nil || name != "" || file != nil {
		t.Errorf("of other content: %q, %q, %v", name, file, err)
	}
}

// TestSourceStaysWithItsRevision: what was approved, and perhaps sent, keeps its
// file when another revision comes.
func TestSourceStaysWithItsRevision(t *testing.T) {
	s := newStore(t)
	mustSave(t, s, sampleIssue("甲"), nil, at(9))
	if err := s.KeepSource(t.Context(), "7", "甲.txt", []byte("甲文")); err != nil {
		t.Fatal(err)
	}
	mustApprove(t, s, "7", at(10))
	for n, text := range []string{"乙文", "丙文", "甲文"} { // drafts of revision 2, the last as the first was
		mustSave(t, s, sampleIssue(text), nil, at(11+n))
		if err := s.KeepSource(t.Context(), "7", "七.txt", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range map[int]string{1: "甲.txt", 2: "七.txt"} {
		name, file, err := s.Source(t.Context(), "7", n)
		named, err2 := s.SourceName(t.Context(), "7", n)
		if err != nil || err2 != nil || name != want || named != want || string(file) != "甲文" {
			t.Errorf("revision %d: %q, %q, %q, %v, %v", n, name, named, file, err, err2)
		}
	}
	var kept int
	if err := s.read.QueryRow(`SELECT COUNT(*) FROM sources`).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d files are kept, %v; the two revisions have the same one", kept, err)
	}
	if err := s.KeepSource(t.Context(), "7", "x.txt", make([]byte, MaxSource+1)); !errors.Is(err, ErrLargeSource) {
		t.Errorf("a file that is too large: %v", err)
	}
}

func TestRecordAsJSON(t *testing.T) {
	s := newStore(t)
	i := Issue{ID: "1", Total: 1, Sections: []Section{{Name: "空"}, {Name: "动态", Articles: []Article{{Title: "题"}}}}}
	saved := mustSave(t, s, i, nil, at(9))
	text, err := json.Marshal(saved)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("an empty list is null: %s", text)
	}
	if saved.Sections[0].Articles != nil || saved.Months != nil {
		t.Error("marshalling changed the record")
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, key := range []string{"id", "number", "total", "year", "months", "combined", "title", "publisher", "publisher_en", "sponsor", "notice", "date", "editors", "sections", "diagnostics", "state", "revision"} {
		if _, ok := got[key]; !ok {
			missing = append(missing, key)
		}
	}
	if missing != nil {
		t.Errorf("fields of the contract are missing: %v in %s", missing, text)
	}
	if diff := cmp.Diff(map[string]any{"n": 1.0, "hash": i.Hash()}, got["revision"]); diff != "" {
		t.Errorf("revision (-want +got):\n%s", diff)
	}
}

// However an issue is imported, approved and withdrawn: a revision that was
// approved never changes, and what may be sent is what was approved last.
func TestApprovalIsOfARevision(t *testing.T) {
	s := newStore(t)
	var run int
	rapid.Check(t, func(rt *rapid.T) {
		run++
		id := "x" + strings.Repeat("i", run%60) + string(rune('a'+run/60))
		approved := map[int]string{} // revision: title
		current, state := "", State("")
		n := 0
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			switch step := rapid.SampledFrom([]string{"甲", "乙", "丙", "approve", "withdraw"}).Draw(rt, "step"); {
			case step == "approve" && n > 0:
				mustApprove(t, s, id, at(10))
				state = Approved
				approved[n] = current
			case step == "withdraw" && n > 0:
				if _, err := s.Withdraw(t.Context(), id); err != nil {
					rt.Fatal(err)
				}
				state = Withdrawn
			case step != "approve" && step != "withdraw":
				i := sampleIssue(step)
				i.ID = id
				n = mustSave(t, s, i, nil, at(9)).Revision.N
				if step != current {
					current, state = step, Draft
				}
			}
			if n == 0 {
				continue
			}
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Title != current || got.State != state {
				rt.Fatalf("%s of %s is %s of %s, %v", state, current, got.State, got.Title, err)
			}
			if _, err := s.Approved(t.Context(), id); (err == nil) != (state == Approved) {
				rt.Fatalf("%s: %v", state, err)
			}
			for n, title := range approved {
				if r, err := s.Revision(t.Context(), id, n); err != nil || r.Title != title {
					rt.Fatalf("approved revision %d was %s, is %s, %v", n, title, r.Title, err)
				}
			}
		}
	})
}

// TestApprovalNote: what is said of a revision is kept with it until it is approved.
func TestApprovalNote(t *testing.T) {
	s := newStore(t)
	mustSave(t, s, sampleIssue("甲"), nil, at(9))
	if err := s.Note(t.Context(), "7", "改了日期。"); err != nil {
		t.Fatal(err)
	}
	if r := mustSave(t, s, sampleIssue("乙"), nil, at(10)); r.Revision.Note != "改了日期。" || !r.Revision.Approved.IsZero() {
		t.Errorf("the draft that replaced it: %+v", r.Revision)
	}
	if err := s.Note(t.Context(), "7", strings.Repeat("长", MaxNote/3+1)); !errors.Is(err, ErrLongNote) {
		t.Errorf("a long note: %v", err)
	}
	if r := mustApprove(t, s, "7", at(11)); r.Revision.Note != "改了日期。" || !r.Revision.Approved.Equal(at(11)) {
		t.Errorf("approved: %+v", r.Revision)
	}
	if err := s.Note(t.Context(), "7", "别的"); !errors.Is(err, ErrSettled) {
		t.Errorf("a note on what was approved: %v", err)
	}
	if err := s.Note(t.Context(), "7", "改了日期。"); err != nil {
		t.Errorf("the same note again: %v", err)
	}
	if r := mustSave(t, s, sampleIssue("丙"), nil, at(12)); r.Revision.N != 2 || r.Revision.Note != "" {
		t.Errorf("the next revision: %+v", r.Revision)
	}
	if err := s.Note(t.Context(), "8", "无"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such issue: %v", err)
	}
}
