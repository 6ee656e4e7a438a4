package dispatch_test

import (
	"testing"

	"yizhan/config/configtest"
)

// TestOnPostgreSQL runs on PostgreSQL, too, what runs in real time. A bubble does
// not know when a socket is idle, so the rest has tests of its own here.
func TestOnPostgreSQL(t *testing.T) {
	configtest.Again(t, "Plan|Session|CrashAnywhere|Fenced|BadChange|BeforeItEnds|NeedsAFirstRun|TestNewRefuses", "InTheBubble")
}
