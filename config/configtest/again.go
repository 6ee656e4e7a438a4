package configtest

import (
	"os"
	"os/exec"
	"testing"
)

// databaseEnv makes a binary run its tests on the PostgreSQL whose socket is in
// the directory that it names.
const databaseEnv = "YIZHAN_TEST_DATABASE"

// Database returns the URL of the database that a test is to use, empty for
// SQLite in a directory of its own. It is a PostgreSQL in the binary that [Again]
// starts.
func Database(t testing.TB) string {
	t.Helper()
	if os.Getenv(databaseEnv) == "" {
		return ""
	}
	return URL(t)
}

// Again runs the tests of this binary a second time, on PostgreSQL: those whose
// names match run and do not match skip, two expressions as go test takes them.
// more are further flags. It skips itself when PostgreSQL is not installed.
func Again(t *testing.T, run, skip string, more ...string) {
	t.Helper()
	if os.Getenv(databaseEnv) != "" {
		return // this is the second time
	}
	c, err := shared()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(more, "-test.run="+run, "-test.skip="+skip, "-test.v")...)
	cmd.Env = append(os.Environ(), databaseEnv+"="+c.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("on PostgreSQL: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
