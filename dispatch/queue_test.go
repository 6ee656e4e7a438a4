package dispatch_test

import (
	"testing"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

func TestMemoryQueue(t *testing.T) {
	dispatchtest.ExerciseQueue(t, func(*testing.T) dispatch.Queue { return dispatch.NewMemory() })
}
