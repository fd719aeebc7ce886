package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// corpus is small files that use the importer's operators, and some that it refuses, by names.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for i, r := range refusals {
		files[fmt.Sprintf("refusal %d, %s", i, r.op)] = r.file()
	}
	files["functions"], files["branch of a function"] = functions(), branchOfFunction()
	for i, c := range foldings {
		files[fmt.Sprintf("folding %d, %s", i, c.op)] = c.file(-1)
	}
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) < 20 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = b
	}
	return files
}

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
	files := corpus(t)
	times := 0
	for name, b := range files {
		whole, wholeErr := Read(b)
		step := 1
		if testing.Short() && len(b) > 5000 {
			step = 7
		}
		for call := 1; ; call += step {
			m, failed := ir.Failing(len(b), call)
			made, err := Options{}.read(b, m, func(*ir.Tensor) ([]byte, error) { return nil, ir.Refuse("elsewhere") })
			if !failed() {
				break
			}
			times++
			what := fmt.Sprintf("%s, bound %d", name, call)
			checkRefused(t, what, err)
			// What is only looked at may be left as it is: then the model is another form of the
			// same.
			if err == nil && (wholeErr != nil || !slices.Equal(made.Inputs(), whole.Inputs())) {
				t.Errorf("%s: read as %v, the whole file as %v, %v", what, made, whole, wholeErr)
			}
		}
	}
	if times < 3*len(files) {
		t.Errorf("%d bounds in %d files", times, len(files))
	}
}

// TestEveryByteDamaged: files of which one byte is another, in their wire types, lengths, names and
// numbers.
func TestEveryByteDamaged(t *testing.T) {
	damages := []func(b byte) byte{
		func(b byte) byte { return b ^ 1 }, func(b byte) byte { return b ^ 2 }, func(b byte) byte { return b ^ 5 }, func(b byte) byte { return b + 8 },
		func(b byte) byte { return b ^ 0x80 }, func(b byte) byte { return 0 }, func(b byte) byte { return 0xff },
	}
	for name, b := range corpus(t) {
		if len(b) > 400 {
			continue
		}
		for i := range b {
			damaged := slices.Clone(b)
			damaged[i] = damages[(i+len(b))%len(damages)](b[i])
			_, err := Read(damaged)
			checkRefused(t, fmt.Sprintf("%s, byte %d", name, i), err)
		}
	}
}

// TestOtherInputs: what is a constant elsewhere is another input, or is not there.
func TestOtherInputs(t *testing.T) {
	for _, r := range refusals {
		for i, c := range r.in {
			c, ok := c.(constant)
			if !ok {
				continue
			}
			for _, other := range []any{nil, append([]int{1}, c.dims...), c.dims} {
				changed := r
				changed.in = slices.Clone(r.in)
				changed.in[i] = other
				_, err := Read(changed.file())
				checkRefused(t, fmt.Sprintf("%s of %v", r.op, changed.in), err)
			}
			changed := r
			changed.in = r.in[:i]
			_, err := Read(changed.file())
			checkRefused(t, fmt.Sprintf("%s of %v", r.op, changed.in), err)
		}
		if r.dims != nil { // constants alone
			changed := r
			changed.dims, changed.in = nil, append([]any{zeros(r.dims...)}, r.in...)
			_, err := Read(changed.file())
			checkRefused(t, r.op+" of constants", err)
		}
	}
	for _, c := range foldings {
		for i := range c.in {
			_, err := Read(c.file(i))
			checkRefused(t, fmt.Sprintf("%s with input %d open", c.op, i), err)
			short := c
			short.in = c.in[:i]
			_, err = Read(short.file(-1))
			checkRefused(t, fmt.Sprintf("%s of %d inputs", c.op, i), err)
		}
	}
}
