package alloctest_test

import (
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
)

var kept *int

func TestPerRun(t *testing.T) {
	runs := 0
	for _, c := range []struct {
		name string
		f    func()
		want int
	}{
		{"none", func() {}, 0},
		{"two in every run", func() { kept = new(int); kept = new(int) }, 2},
		{"one in the first runs only", func() {
			if runs++; runs <= 3 {
				kept = new(int)
			}
		}, 0},
	} {
		if n := alloctest.PerRun(c.f); n != c.want {
			t.Errorf("%s: %d allocations, want %d", c.name, n, c.want)
		}
	}
}
