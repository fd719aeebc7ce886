package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// archiveOf makes an archive of one file, compressed or not.
func archiveOf(t *testing.T, name string, method uint16, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err == nil {
		_, err = w.Write(b)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCalls: what a pickle says to call is not called.
func TestCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made")
	for _, pickle := range []string{
		"cos\nsystem\n(S'touch " + file + "'\ntR.",
		"\x80\x02cposix\nsystem\nq\x00X" + string(binary.LittleEndian.AppendUint32(nil, uint32(6+len(file)))) + "touch " + file + "\x85R.",
		"(i__builtin__\neval\n.",
	} {
		_, _, err := Options{}.Read(archiveOf(t, "a/data.pkl", zip.Store, []byte(pickle)))
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", pickle, err)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a pickle ran a program")
	}
}

// TestLimits: small files that ask for much memory or time are errors.
func TestLimits(t *testing.T) {
	lists := strings.Repeat("]", 1<<18) + "."
	memo := strings.Repeat("\x94", 1<<18)
	deep := "]q\x00" + strings.Repeat("h\x00\x85", 1<<16) + "."
	nested := "}q\x00" + strings.Repeat("(U\x01ah\x00u", 1<<12) + "." // a dictionary of itself
	for name, b := range map[string][]byte{
		"lists":  archiveOf(t, "a/data.pkl", zip.Store, []byte(lists)),
		"memory": archiveOf(t, "a/data.pkl", zip.Store, []byte("N"+memo+".")),
		"deep":   archiveOf(t, "a/data.pkl", zip.Store, []byte(deep)),
		"nested": archiveOf(t, "a/data.pkl", zip.Store, []byte(nested)),
		"bomb":   archiveOf(t, "w.npy", zip.Deflate, make([]byte, 64<<20)),
		"header": append(binary.LittleEndian.AppendUint64(nil, 1<<20), append([]byte("{"), bytes.Repeat([]byte(`"a":[[[[`), 1<<17)...)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Options{}.Read(b)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(2*len(b)+1<<20) {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, used, len(b))
		}
	}
}

// TestCut: every file that is cut short is an error of this package.
func TestCut(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.pth")
	more, _ := filepath.Glob("testdata/*.npz")
	tensors, _ := filepath.Glob("testdata/*.safetensors")
	for _, name := range append(append(files, more...), tensors...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(b); n += 97 {
			if _, _, err := (Options{}).Read(b[:n]); !errors.Is(err, ErrFormat) {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(b), err)
			}
		}
	}
}

// TestStrided: elements that are not in row-major order, and tensors that are larger than their
// storage.
func TestStrided(t *testing.T) {
	raw := []byte{0, 1, 2, 3, 4, 5, 6, 7}
	v, err := strided("t", []int{2, 3}, []int{1, 2}, 1, ir.TypeUint8, raw)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 3, 5, 2, 4, 6} {
		if got := v.at(i); got != want {
			t.Errorf("element %d is %v, want %v", i, got, want)
		}
	}
	for _, c := range []struct {
		shape, stride []int
		from          int
	}{{[]int{2, 3}, []int{4, 2}, 0}, {[]int{9}, []int{1}, 0}, {[]int{8}, []int{1}, 1}, {[]int{2}, []int{-1}, 4}, {[]int{2}, []int{1, 1}, 0}, {[]int{1}, []int{1}, -1}, {[]int{1 << 20, 1 << 20}, []int{0, 0}, 0}} {
		if _, err := strided("t", c.shape, c.stride, c.from, ir.TypeUint8, raw); !errors.Is(err, ErrFormat) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
