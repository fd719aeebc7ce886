package tflite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// checkRefused reports an error that is neither of this package's.
func checkRefused(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
		t.Errorf("%s: %v, which is neither of this package's errors", what, err)
	}
}

// TestBoundsMetAnywhere: wherever in a file the bound of memory is met, the error says so: reading
// neither goes on with half of something nor panics.
func TestBoundsMetAnywhere(t *testing.T) {
	files := map[string][]byte{}
	for _, c := range singles {
		files[c.what] = written(c.s.tables())
	}
	paths, err := filepath.Glob("testdata/*.tflite")
	if err != nil || len(paths) < 8 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	times := 0
	for name, b := range files {
		step := 1
		if testing.Short() && len(b) > 4000 {
			step = 7
		}
		for call := 1; ; call += step {
			m, failed := ir.Failing(len(b), call)
			made, err := Options{}.read(b, m)
			if !failed() {
				break
			}
			times++
			if checkRefused(t, fmt.Sprintf("%s, bound %d", name, call), err); err == nil && made == nil {
				t.Errorf("%s, bound %d: neither a model nor an error", name, call)
			}
		}
	}
	if times < 3*len(files) {
		t.Errorf("%d bounds in %d files", times, len(files))
	}
}

// TestOtherInputs: operators of which an input is left out, is of other numbers, or is not there.
func TestOtherInputs(t *testing.T) {
	for _, c := range singles {
		for i := range c.s.in {
			for _, other := range []any{nil, reals(1, 2).shaped(2, 1), ints(3), longs(1, 1), reals().shaped(0)} {
				changed := c.s
				changed.in = slices.Clone(c.s.in)
				changed.in[i] = other
				_, err := Read(written(changed.tables()))
				checkRefused(t, fmt.Sprintf("%s of %v", c.what, changed.in), err)
			}
			changed := c.s
			changed.in = c.s.in[:i]
			_, err := Read(written(changed.tables()))
			checkRefused(t, fmt.Sprintf("%s of %d inputs", c.what, i), err)
		}
	}
}
