package tflite

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestUnsupported: one error lists everything, under the file's own names.
func TestUnsupported(t *testing.T) {
	_, err := Read(file(t, "refused.tflite"))
	var u *UnsupportedError
	if !errors.As(err, &u) || !errors.Is(err, ErrUnsupported) {
		t.Fatal(err)
	}
	want := []string{`SIN -> "out1"`, `CUSTOM "" -> "out2"`, `L2_NORMALIZATION -> "out3"`, `CONV_2D -> "out6": padding 7`}
	if len(u.Items) != len(want) {
		t.Fatalf("%q", u.Items)
	}
	for i, text := range want {
		if !strings.HasPrefix(u.Items[i], text) || !strings.Contains(err.Error(), u.Items[i]) {
			t.Errorf("item %d is %q, want %s", i, u.Items[i], text)
		}
	}
}

// TestDamaged: every shorter file, and every file with a byte that is another, is read or refused
// with an error of this package, within the limits of memory.
func TestDamaged(t *testing.T) {
	whole := file(t, "conditional.tflite")
	check := func(what string, at int, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(b)
		runtime.ReadMemStats(&after)
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(2*len(b)+1<<20) {
			t.Fatalf("%s %d: %d bytes allocated for a file of %d", what, at, used, len(b))
		}
	}
	for n := 0; n < len(whole)-16; n += 61 {
		check("cut to", n, whole[:n])
		if _, err := Read(whole[:n]); err == nil {
			t.Errorf("a file cut to %d of %d bytes was read", n, len(whole))
		}
	}
	for i := 0; i < len(whole); i += 17 {
		b := append([]byte(nil), whole...)
		b[i] ^= 0xff
		check("changed at", i, b)
	}
	if _, err := Read([]byte("\x08\x08\x12\x07pytorch")); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// TestOpen: the package makes Open know the extension. A label is a class, a sigmoid's range
// becomes package model's own.
func TestOpen(t *testing.T) {
	g, err := gantiny.Open("testdata/conditional.tflite")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	m := g.Model()
	if g.Latent() != 6 || g.Classes() != 5 || m.Output() != (model.Shape{H: 12, W: 12, C: 1}) {
		t.Errorf("%d latents, %d classes, %v", g.Latent(), g.Classes(), m.Output())
	}
	layers := m.Layers()
	if kind := layers[len(layers)-1].Op.Kind(); kind != "tanh" {
		t.Errorf("the last operator is %s, want tanh", kind)
	}
}

// TestEightBits: a network in 8-bit integers keeps its steps, its weights and its biases, and
// computes what the file stands for (testdata/networks.py, which rounds in float64): the output, of
// pixels, within a level.
func TestEightBits(t *testing.T) {
	b := file(t, "eight_bits.tflite")
	m, err := Options{Range: RangeNone}.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	q, report, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range report.Layers {
		if l.Observer != quant.Kept && l.Observer != "" {
			t.Errorf("the input of %s has steps of %s", l.Name, l.Observer)
		}
	}
	n, err := parse(b, ir.NewMeter(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	params, err := q.ReadParams()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		if strings.HasPrefix(p.Name, "dense") { // with one scale for all columns: those whose weights are small are written as twice the bytes
			continue
		}
		if strings.HasSuffix(p.Name, ".weight") && p.Int8 != nil && !slices.ContainsFunc(n.tensors, func(v tensor) bool { return sameBytes(v.data, p.Int8) }) {
			t.Errorf("%s: no tensor of the file has these bytes", p.Name)
		}
		if strings.HasSuffix(p.Name, ".bias") && !slices.ContainsFunc(n.tensors, func(v tensor) bool { return sameNumbers(v.data, p.Int32) }) {
			t.Errorf("%s: no tensor of the file has these numbers", p.Name)
		}
	}
	list, err := oracle.Open("testdata/networks.oracle")
	if err != nil {
		t.Fatal(err)
	}
	z, want := list.Float32("eight_bits.in.z"), list.Float32("eight_bits.out")
	each := q.Output().Len()
	for i := range len(want) / each {
		got := make([]float32, each)
		if err := q.ExactFloats([][]float32{got}, z[8*i:8*i+8]); err != nil {
			t.Fatal(err)
		}
		for k, v := range got {
			if d := math.Abs(float64(v - want[i*each+k])); d > 1.01/127.5 {
				t.Fatalf("image %d, value %d is %v, want %v", i, k, v, want[i*each+k])
			}
		}
	}
}

// sameBytes tells whether a and b have the same bytes, perhaps in another order.
func sameBytes(a []byte, b []int8) bool {
	var count [256]int
	for _, v := range a {
		count[v]++
	}
	for _, v := range b {
		count[byte(v)]--
	}
	return count == [256]int{}
}

// sameNumbers is sameBytes of numbers.
func sameNumbers(a []byte, b []int32) bool {
	if len(a) != 4*len(b) {
		return false
	}
	count := map[int32]int{}
	for i, v := range b {
		count[v]++
		count[int32(binary.LittleEndian.Uint32(a[4*i:]))]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
