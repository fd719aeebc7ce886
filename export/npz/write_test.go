package npz_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/export/npz"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
)

func models(t *testing.T) []*model.Model {
	t.Helper()
	n := nets.All()[0]
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	q, err := n.Int8(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return []*model.Model{m, q}
}

// TestWrite reads what was written with the zip reader of the standard library and, floats, with
// package npy.
func TestWrite(t *testing.T) {
	for _, compress := range []bool{false, true} {
		for _, m := range models(t) {
			var b bytes.Buffer
			if err := npz.Write(&b, m, npz.Options{Compress: compress}); err != nil {
				t.Fatal(err)
			}
			z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			params := m.Params()
			if len(z.File) != len(params) {
				t.Fatalf("%d entries, want %d", len(z.File), len(params))
			}
			for i, p := range params {
				checkEntry(t, z.File[i], p)
			}
		}
	}
}

func checkEntry(t *testing.T, f *zip.File, p *model.Param) {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil || f.Name != p.Name+".npy" {
		t.Fatalf("%s: %v, want %s", f.Name, err, p.Name)
	}
	data := all[10+int(binary.LittleEndian.Uint16(all[8:])):]
	for i := range p.Len() {
		var got, want uint32
		switch {
		case p.Int8 != nil:
			got, want = uint32(data[i]), uint32(uint8(p.Int8[i]))
		case p.Int32 != nil:
			got, want = binary.LittleEndian.Uint32(data[4*i:]), uint32(p.Int32[i])
		default:
			got, want = binary.LittleEndian.Uint32(data[4*i:]), math.Float32bits(p.Data[i])
		}
		if got != want {
			t.Fatalf("%s: element %d is %x, want %x", p.Name, i, got, want)
		}
	}
	if p.Data != nil {
		data, shape, err := npy.Read(bytes.NewReader(all), f.Name)
		if err != nil || !slices.Equal(data, p.Data) || !slices.Equal(shape, p.Shape) {
			t.Errorf("%s: %v, shape %v, want %v", f.Name, err, shape, p.Shape)
		}
	}
}

// TestNumpy has numpy read the archives, where there is one.
func TestNumpy(t *testing.T) {
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("no numpy")
	}
	m := models(t)[1]
	path := filepath.Join(t.TempDir(), "w.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := npz.Write(f, m, npz.Options{Compress: true}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	code := "import numpy, sys\nfor k, v in numpy.load(sys.argv[1]).items(): print(k, v.dtype, v.shape, int(v.astype('f8').sum()))"
	out, err := exec.Command(python, "-c", code, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sum := 0
	for _, v := range m.Params()[0].Int8 {
		sum += int(v)
	}
	want := strings.TrimSpace(strings.Split(string(out), "\n")[0])
	p := m.Params()[0]
	if got := p.Name; !strings.HasPrefix(want, got+" int8 (8, 72) ") || !strings.HasSuffix(want, fmt.Sprint(" ", sum)) {
		t.Errorf("numpy says %q of %s, whose sum is %d", want, got, sum)
	}
}
