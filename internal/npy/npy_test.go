package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// numpys is the array in most files of testdata.
func numpys() []float32 {
	x := make([]float32, 24)
	for i := range x {
		x[i] = float32(i)*0.25 - 3
	}
	return x
}

func TestReadNumPy(t *testing.T) {
	for _, c := range []struct {
		file  string
		data  []float32
		shape []int
	}{
		{"v1", numpys(), []int{2, 3, 4}},
		{"v2", numpys(), []int{2, 3, 4}},
		{"v3", numpys(), []int{2, 3, 4}},
		{"vector", numpys()[:5], []int{5}},
		{"scalar", []float32{1.5}, []int{}},
		{"empty", []float32{}, []int{0, 100}},
		{"double", numpys(), []int{2, 3, 4}},
		{"big_endian", numpys(), []int{2, 3, 4}},
		{"fortran", numpys(), []int{2, 3, 4}},
	} {
		data, shape, err := ReadFile(filepath.Join("testdata", c.file+".npy"))
		if err != nil || !slices.Equal(data, c.data) || !slices.Equal(shape, c.shape) {
			t.Errorf("%s: %v %v, %v", c.file, data, shape, err)
		}
	}
	for file, want := range map[string]string{
		"int8":    `"|i1", want float32 or float64`,
		"record":  "want a string before",
		"missing": "missing.npy",
	} {
		_, _, err := ReadFile(filepath.Join("testdata", file+".npy"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "npy: ") || errors.Is(err, ErrFormat) != (file != "missing") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Our files are NumPy's, byte for byte.
func TestWriteNumPy(t *testing.T) {
	for _, c := range []struct {
		file  string
		data  []float32
		shape []int
	}{
		{"v1", numpys(), []int{2, 3, 4}}, {"vector", numpys()[:5], []int{5}}, {"scalar", []float32{1.5}, nil}, {"empty", nil, []int{0, 100}},
	} {
		want, err := os.ReadFile(filepath.Join("testdata", c.file+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "x.npy")
		if err := WriteFile(path, c.data, c.shape...); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%q, want\n%q", c.file, got, want)
		}
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := WriteFile(path, make([]float32, 5), 2, 3); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("wrong shape: %v", err)
	}
	if err := WriteFile(path, make([]float32, 6), -2, -3); err == nil {
		t.Error("negative shape")
	}
}

func TestStreamedRoundTrip(t *testing.T) {
	x := make([]float32, 3*1111)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	x[0], x[1], x[2] = float32(math.Inf(-1)), math.MaxFloat32, -0x1p-149
	var b bytes.Buffer
	if err := WriteHeader(&b, 3, 1111); err != nil {
		t.Fatal(err)
	}
	if b.Len()%64 != 0 {
		t.Errorf("data begin at byte %d", b.Len())
	}
	for _, part := range [][]float32{x[:1], x[1:1], x[1:2000], x[2000:]} {
		if err := WriteFloats(&b, part); err != nil {
			t.Fatal(err)
		}
	}
	got, shape, err := Read(&b, "x")
	if err != nil || !slices.Equal(got, x) || !slices.Equal(shape, []int{3, 1111}) {
		t.Errorf("shape %v, %v, equal: %v", shape, err, slices.Equal(got, x))
	}
}

// file returns a file with this header.
func file(header string, data ...byte) []byte {
	b := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func TestHeaders(t *testing.T) {
	for _, header := range []string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n",
		`{"shape":(1L,),"fortran_order":True,"descr":"<f4"}`,
		"  { 'shape' : ( 1 , 1 ) , 'descr' : '<f4' , 'fortran_order' : False }  ",
		"{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
	} {
		x, _, err := Read(bytes.NewReader(file(header, 0, 0, 0x80, 0x3f)), "x")
		if err != nil || !slices.Equal(x, []float32{1}) {
			t.Errorf("%q: %v, %v", header, x, err)
		}
	}
	const good = "'descr': '<f4', 'fortran_order': False, "
	for _, c := range []struct{ header, want string }{
		{"", `want "{"`},
		{"{}", "want the keys"},
		{"{" + good + "}", "want the keys"},
		{"{" + good + "'shape': (1,)", `want "}"`},
		{"{" + good + "'shape': (1,)} x", "after the dictionary"},
		{"{" + good + "'shape': (1,), 'shape': (2,)}", "twice"},
		{"{" + good + "'color': 'red'}", `key "color"`},
		{"{" + good + "'shape': (-1,)}", "dimension 0"},
		{"{" + good + "'shape': (1, x)}", "dimension 1"},
		{"{" + good + "'shape': (1.5,)}", `want ")"`},
		{"{" + good + "'shape': (99999999999999999999,)}", "dimension 0"},
		{"{" + good + "'shape': (2147483647, 2147483647, 2147483647)}", "does not fit"},
		{"{" + good + "'shape': (" + strings.Repeat("1,", 33) + ")}", "dimension 32"},
		{"{'descr': '<f4", "want a string"},
		{`{'descr': '\x3cf4'}`, "want a string"},
		{"{'fortran_order': 0}", `want "False"`},
	} {
		_, _, err := Read(bytes.NewReader(file(c.header)), "x")
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "npy: x: ") {
			t.Errorf("%q: %v", c.header, err)
		}
	}
}

// A float64 is rounded to the nearest float32; what has none is an error, and so is a shape whose
// product wraps to 0 where an int has 32 bits.
func TestDoubles(t *testing.T) {
	file64 := func(v ...float64) []byte {
		p := file(fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,)}", len(v)))
		for _, x := range v {
			p = binary.LittleEndian.AppendUint64(p, math.Float64bits(x))
		}
		return p
	}
	x, _, err := Read(bytes.NewReader(file64(0.1, -1e-60, math.Inf(1), math.Pi)), "x")
	if want := []float32{0.1, 0, float32(math.Inf(1)), math.Pi}; err != nil || !slices.Equal(x, want) {
		t.Errorf("%v, %v", x, err)
	}
	_, _, err = Read(bytes.NewReader(file64(1, 2, -1e40)), "x")
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "number 2 is -1e+40, beyond float32") {
		t.Errorf("beyond float32: %v", err)
	}
	for _, n := range []int{8, 9, 17} {
		if _, _, err = Read(bytes.NewReader(file64(1, 2, 3)[:len(file64())+n]), "x"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), fmt.Sprintf("after %d of 3 numbers", n/8)) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "x.npy"), nil, 16, 1<<28); err == nil {
		t.Error("no numbers for 16 x 2^28")
	}
}

func TestCutAndLongFiles(t *testing.T) {
	good, err := os.ReadFile("testdata/v2.npy")
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, _, err := Read(bytes.NewReader(good[:n]), "x"); !errors.Is(err, ErrFormat) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	if _, _, err := Read(bytes.NewReader(append(good, 0)), "x"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "more bytes") {
		t.Errorf("a byte more: %v", err)
	}
	for at, want := range map[int]string{0: "begins with", 6: "version 255", 10: "header of"} {
		p := bytes.Clone(good)
		p[at] = 0xff
		if _, _, err := Read(bytes.NewReader(p), "x"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d wrong: %v", at, err)
		}
	}
}

func TestAllocation(t *testing.T) {
	huge := file("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,)}", 1, 2, 3, 4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := Read(bytes.NewReader(huge), "x")
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "after 1 of 500000000 numbers") {
		t.Errorf("%v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes allocated", used)
	}
}
