package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/issue"
)

// sectioned is an issue with an editorial and sections A, B, C, …
func sectioned(id string, sections int) issue.Issue {
	is := dispatchtest.Issue(id)
	article := is.Sections[0].Articles
	is.Sections = []issue.Section{{Name: "卷首语", Articles: []issue.Article{{Kind: issue.KindEditorial}}}}
	for n := range sections {
		is.Sections = append(is.Sections, issue.Section{Name: string(rune('A' + n)), Articles: article})
	}
	return is
}

// planSections plans a run of such an issue.
func planSections(t *testing.T, f *dispatchtest.Fixture, is issue.Issue, s dispatch.Selection, ch dispatch.Channel) {
	t.Helper()
	p := dispatchtest.Planning(is.ID, s, ch)
	p.Issue, p.Revision.Hash = is, is.Hash()
	if _, err := f.Ledger.Plan(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
}

// rows describes each delivery of an issue in one line.
func rows(t *testing.T, f *dispatchtest.Fixture, id string) []string {
	t.Helper()
	var out []string
	for _, r := range f.Records(t, id) {
		who, _, _ := strings.Cut(r.Address, "@")
		out = append(out, strings.TrimRight(fmt.Sprintf("%s %d %s %s %s", who, r.Round, r.State, r.Reason, r.Variant), " "))
	}
	slices.Sort(out)
	return out
}

// preparing notes what is prepared.
type preparing struct {
	*dispatchtest.Carrier
	prepared []string
	during   func() // nil: nothing
}

func (c *preparing) Prepare(ctx context.Context, content dispatch.Content) ([]dispatch.Variant, error) {
	c.prepared = append(c.prepared, content.Sections.String())
	if c.during != nil {
		c.during()
	}
	return c.Carrier.Prepare(ctx, content)
}

// choosy subscribes people of every kind to sections A, B, C of an issue.
func choosy(t *testing.T, f *dispatchtest.Fixture) {
	t.Helper()
	f.SubscribeOne(t, "email", "all@example.org")
	f.SubscribeOne(t, "email", "a@example.org", "A")
	f.SubscribeOne(t, "email", "width@example.org", "【Ａ】")
	f.SubscribeOne(t, "email", "ac@example.org", "C", "A")
	f.SubscribeOne(t, "email", "ca@example.org", "A", "C", "Z")
	f.SubscribeOne(t, "email", "every@example.org", "C", "B", "A")
	f.SubscribeOne(t, "email", "none@example.org", "Z")
}

func TestPlanChoices(t *testing.T) {
	f := dispatchtest.Open(t)
	choosy(t, f)
	f.SubscribeOne(t, "email", "dead@example.org", "Z")
	if err := f.Suppress(t.Context(), "email", "dead@example.org", "mailbox-unknown", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	ch := &preparing{Carrier: &dispatchtest.Carrier{Choosy: true}}
	planSections(t, f, sectioned("142", 3), dispatch.SelectFirst, ch)
	if diff := cmp.Diff([]string{"", "1+2", "1+2+4"}, ch.prepared); diff != "" {
		t.Errorf("prepared (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"a 1 due  1+2", "ac 1 due  1+2+4", "all 1 due", "ca 1 due  1+2+4", "dead 1 skipped suppressed", "every 1 due",
		"none 1 skipped no-section", "width 1 due  1+2",
	}, rows(t, f, "142")); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}

	// What is sent again follows the same rule.
	r := dispatch.Resend{Issue: "142", Revision: 1, Selection: dispatch.SelectUnsent, Outline: sectioned("142", 3).Outline()}
	got, err := f.Ledger.Select(t.Context(), r, "email", time.Now())
	if err != nil || len(got) != 0 {
		t.Errorf("unsent: %v, %v; nobody is without what they chose", got, err)
	}
	f.SubscribeOne(t, "email", "late@example.org", "Z")
	f.SubscribeOne(t, "email", "later@example.org", "B")
	r.Selection = dispatch.SelectNew
	got, err = f.Ledger.Select(t.Context(), r, "email", time.Now())
	if err != nil || len(got) != 2 || got[0].Blocked != dispatch.ReasonNoSection || got[1].Blocked != "" {
		t.Errorf("new: %+v, %v", got, err)
	}
	ch.prepared = nil
	planSections(t, f, sectioned("142", 3), dispatch.SelectNew, ch)
	if diff := cmp.Diff([]string{"", "1+3"}, ch.prepared); diff != "" {
		t.Errorf("prepared for a resend (-want +got):\n%s", diff)
	}
	lines := rows(t, f, "142")
	for _, want := range []string{"late 1 skipped no-section", "later 1 due  1+3"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no row %q in %q", want, lines)
		}
	}
}

// TestChoicesAreDelivered: everybody gets their form, in every attempt the same.
func TestChoicesAreDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		choosy(t, f)
		ch := &dispatchtest.Carrier{Choosy: true, Script: func(address string, n int) dispatchtest.Answer {
			if address == "ac@example.org" && n == 1 {
				return dispatchtest.Answer{Takes: true, Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, false, 451, "later")}
			}
			return dispatchtest.Answer{}
		}}
		planSections(t, f, sectioned("142", 3), dispatch.SelectFirst, ch)
		run(t, f.Dispatcher(t, ch), time.Minute)
		for who, want := range map[string]string{
			"all@example.org": "", "a@example.org": " sections 1+2", "ac@example.org": " sections 1+2+4", "every@example.org": "",
		} {
			for _, got := range ch.Bodies(who) {
				if !strings.HasPrefix(got, "issue 142 revision 1"+want+" <") {
					t.Errorf("%s got %q, want%s", who, got, want)
				}
			}
		}
		if twice := ch.Bodies("ac@example.org"); len(twice) != 2 || twice[0] != twice[1] {
			t.Errorf("two attempts of one delivery are %q", twice)
		}
		if n := ch.Begun()["none@example.org"]; n != 0 {
			t.Errorf("who chose no section of it was sent to %d times", n)
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 6, dispatch.StateSkipped: 1})
	})
}

// TestPlanMoreChoicesThanForms: forms are bounded, and nobody misses what they chose.
func TestPlanMoreChoicesThanForms(t *testing.T) {
	f := dispatchtest.Open(t)
	const sections, favourite = 7, "A"
	names := map[string][]string{}
	for set := 1; set < 1<<sections-1; set++ {
		var chosen []string
		for n := range sections {
			if set&(1<<n) != 0 {
				chosen = append(chosen, string(rune('A'+n)))
			}
		}
		who := fmt.Sprintf("reader%d@example.org", set)
		names[who] = chosen
		f.SubscribeOne(t, "email", who, chosen...)
	}
	f.SubscribeOne(t, "email", "second@example.org", favourite)
	ch := &preparing{Carrier: &dispatchtest.Carrier{Choosy: true}}
	is := sectioned("142", sections)
	planSections(t, f, is, dispatch.SelectFirst, ch)
	if len(ch.prepared) != 64 || ch.prepared[1] != "1+2" {
		t.Errorf("%d forms, the second %q: want 64, the most frequent choice first", len(ch.prepared), ch.prepared[1])
	}
	whole := 0
	for _, r := range f.Records(t, "142") {
		got, err := issue.ParseChoice(r.Variant)
		want, _ := is.Outline().Choose(names[r.Address])
		if err != nil || !got.Covers(want) && names[r.Address] != nil {
			t.Errorf("%s chose %v and gets %q", r.Address, names[r.Address], r.Variant)
		}
		if got == nil {
			whole++
		}
	}
	if whole > 7 {
		t.Errorf("%d get the whole issue, although smaller forms have what they chose", whole)
	}
}

// TestPlanChoiceMeanwhile: who chooses while the forms are being made gets the
// smallest that has all of it.
func TestPlanChoiceMeanwhile(t *testing.T) {
	f := dispatchtest.Open(t)
	f.SubscribeOne(t, "email", "ab@example.org", "A", "B")
	late := f.SubscribeOne(t, "email", "late@example.org")
	gone := f.SubscribeOne(t, "email", "gone@example.org")
	ch := &preparing{Carrier: &dispatchtest.Carrier{Choosy: true}}
	ch.during = func() {
		ch.during = nil
		for id, sections := range map[int64]string{late.ID: "B", gone.ID: "Z"} {
			if _, err := f.DB.Write.ExecContext(t.Context(), `UPDATE subscribers SET sections = $1 WHERE id = $2`, sections, id); err != nil {
				t.Error(err)
			}
		}
	}
	planSections(t, f, sectioned("142", 3), dispatch.SelectFirst, ch)
	if diff := cmp.Diff([]string{"ab 1 due  1+2+3", "gone 1 skipped no-section", "late 1 due  1+2+3"}, rows(t, f, "142")); diff != "" {
		t.Error(diff)
	}
}

// TestPlanTakenUpWithChoices: another process that goes on with a plan decides the
// same, without the issue.
func TestPlanTakenUpWithChoices(t *testing.T) {
	f := dispatchtest.Open(t)
	populate(t, f, 11_000)
	for where, sections := range map[string]string{"id % 3 = 0": "A", "id % 3 = 1": "Z"} {
		if _, err := f.DB.Write.ExecContext(t.Context(), `UPDATE subscribers SET sections = $1 WHERE `+where, sections); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := dispatchtest.Planning("142", dispatch.SelectFirst, &dispatchtest.Carrier{Choosy: true})
	p.Issue = sectioned("142", 3)
	if _, err := f.Ledger.Plan(ctx, p, func(float64) { cancel() }); err == nil {
		t.Fatal("the plan went on after its process had ended")
	}
	if _, err := f.Again(t).Ledger.FinishPlans(t.Context(), time.Now().Add(time.Second), time.Now()); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range f.Records(t, "142") {
		got[string(r.State)+r.Reason+r.Variant]++
	}
	if diff := cmp.Diff(map[string]int{"due1+2": 3666, "skippedno-section": 3667, "due": 3667}, got); diff != "" {
		t.Error(diff)
	}
}

// TestPlanWithoutChoices: where the carrier knows one form only, everybody
// gets the whole issue.
func TestPlanWithoutChoices(t *testing.T) {
	f := dispatchtest.Open(t)
	f.SubscribeOne(t, "email", "none@example.org", "Z")
	planSections(t, f, sectioned("142", 3), dispatch.SelectFirst, &dispatchtest.Carrier{})
	if diff := cmp.Diff([]string{"none 1 due"}, rows(t, f, "142")); diff != "" {
		t.Error(diff)
	}
}
