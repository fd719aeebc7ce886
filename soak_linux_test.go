package gantiny_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model/pretrained"
)

// soakVariable says for how long TestSoak draws: 2m, 1h. Without it the test draws for a moment.
const soakVariable = "GANTINY_SOAK"

// usage is what a process holds.
type usage struct {
	resident    int64 // bytes
	goroutines  int
	descriptors int
}

func usageNow(t *testing.T) (u usage) {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return usage{pages * int64(os.Getpagesize()), runtime.NumGoroutine(), len(open)}
}

// TestSoak draws from many goroutines, opens and closes generators, and finds memory, goroutines
// and descriptors as they were after the first moments.
func TestSoak(t *testing.T) {
	length := 300 * time.Millisecond
	if s := os.Getenv(soakVariable); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	g, err := gantiny.Read(pretrained.Bytes(), gantiny.Sessions(2))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	work := func(length time.Duration) (images int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		end := time.Now().Add(length)
		for i := range 8 {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					drawn, err := g.Draw(t.Context(), gantiny.Request{N: 1 + (n+i)%40, Seed: uint64(n)})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					images += len(drawn)
					mu.Unlock()
					if n%50 == i {
						reopen(t)
					}
				}
			})
		}
		wg.Wait()
		return images
	}
	work(length/10 + 100*time.Millisecond)
	before := usageNow(t)
	images := work(length)
	after := usageNow(t)
	t.Logf("%d images in %v: resident %d then %d KiB, %d then %d goroutines, %d then %d descriptors", images, length,
		before.resident>>10, after.resident>>10, before.goroutines, after.goroutines, before.descriptors, after.descriptors)
	const slack = 8 << 20 // what the collector and the threads' stacks vary by
	// A moment tells nothing of memory, which has not settled by then.
	if length >= 10*time.Second && after.resident > before.resident+before.resident/10+slack {
		t.Errorf("resident memory grew from %d to %d KiB", before.resident>>10, after.resident>>10)
	}
	if after.goroutines > before.goroutines+4 || after.descriptors > before.descriptors+4 {
		t.Errorf("%d goroutines and %d descriptors became %d and %d", before.goroutines, before.descriptors, after.goroutines, after.descriptors)
	}
}

// reopen draws with a generator of its own, from a file.
func reopen(t *testing.T) {
	path := t.TempDir() + "/" + gantiny.GeneratorFile
	if err := os.WriteFile(path, pretrained.Bytes(), 0o600); err != nil {
		t.Error(err)
		return
	}
	g, err := gantiny.Open(strings.TrimSuffix(path, "/"+gantiny.GeneratorFile), gantiny.Sessions(1))
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := g.Draw(t.Context(), gantiny.Request{}); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Error(err)
	}
}
