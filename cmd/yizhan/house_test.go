package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportOrder keeps the house in order: who may use whom. Test files may use
// what they like.
func TestImportOrder(t *testing.T) {
	// A package may import those that are named, and of no other folder of ours.
	may := map[string][]string{
		"config":      {},
		"issue":       {},
		"subscribers": {},
		"templates":   {"issue"},
		"dispatch":    {"issue", "templates", "subscribers"},
		// The folders below others: channels, and what tests and the demo need.
		"config/configtest":     {},
		"dispatch/standin":      {},
		"dispatch/dispatchtest": {"config", "config/configtest", "issue", "templates", "subscribers", "dispatch"},
		"dispatch/*":            {"config", "issue", "templates", "dispatch"},
		"cmd/yizhan":            {"*"},
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "yizhan/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], "yizhan/")
		allowed, ok := may[name]
		if !ok && strings.HasPrefix(name, "dispatch/") {
			allowed, ok = may["dispatch/*"]
		}
		if !ok {
			t.Errorf("%s is a folder that the design does not have", name)
			continue
		}
		packages++
		for _, imported := range words[1:] {
			ours, found := strings.CutPrefix(imported, "yizhan/")
			if found && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s; it may import %v", name, ours, allowed)
			}
		}
	}
	if packages < len(may)-1 {
		t.Errorf("go list gave %d packages of ours, the rules have %d", packages, len(may))
	}
}
