package cputime

import (
	"fmt"
	"runtime"
	"testing"
)

func TestThreadAdvances(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := Thread()
	if start < 0 {
		t.Fatalf("Thread() = %v", start)
	}
	for x := 1.0; Thread() == start; x *= 1.5 { // ends only if the clock moves on
	}
	if end := Thread(); end < start {
		t.Errorf("from %v to %v", start, end)
	}
}

// Rate counts what work says that it did: twice as much is at least not less, and none is none.
func TestRate(t *testing.T) {
	calls := 0
	if r := Rate(func() int64 { calls++; return 0 }); r != 0 {
		t.Errorf("no operations, yet %g a second", r)
	}
	if calls < 5 {
		t.Errorf("work ran %d times, want one for each span at least", calls)
	}
	if r := Rate(func() int64 { return 1 << 40 }); r < 1<<40 {
		t.Errorf("2^40 operations at once, yet %g a second", r)
	}
}

func ExampleRate() {
	rate := Rate(func() int64 {
		sum := 0
		for i := range 1000 {
			sum += i * i
		}
		return int64(min(sum, 1000))
	})
	fmt.Println(rate > 0)
	// Output: true
}
