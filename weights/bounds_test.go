package weights

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// TestBoundsMetAnywhere: wherever in a file the bound of memory is met, the error says so: reading
// neither goes on with half of something nor panics.
func TestBoundsMetAnywhere(t *testing.T) {
	times := 0
	for _, pattern := range []string{"testdata/*.pth", "testdata/*.npz", "testdata/*.safetensors"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			step := 1
			if testing.Short() && len(b) > 10000 {
				step = 11
			}
			for call := 1; ; call += step {
				m, failed := ir.Failing(len(b), call)
				_, _, err := Options{}.read(b, m)
				if !failed() {
					break
				}
				times++
				if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
					t.Errorf("%s, bound %d: %v", path, call, err)
				}
			}
		}
	}
	if times < 100 {
		t.Errorf("%d bounds", times)
	}
}
