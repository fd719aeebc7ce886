package quant

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
)

// TestPackHalfBytes: a layer of (2, 2) as it is described.
func TestPackHalfBytes(t *testing.T) {
	q := []int8{-8 * 3, 5, 7 * 3, -1} // the numbers -8, 5, 7, -1 and the factors 3, 1
	packed, ok := PackHalfBytes(q, 2)
	if want := []byte{0x58, 0xf7, 0x13}; !ok || !bytes.Equal(packed, want) {
		t.Fatalf("% x, %v, want % x", packed, ok, want)
	}
	got := make([]int8, 4)
	if err := UnpackHalfBytes(got, 2, packed); err != nil || !slices.Equal(got, q) {
		t.Errorf("%v, %v, want %v", got, err, q)
	}
	for _, bad := range []struct {
		why    string
		n, len int
		packed []byte
	}{
		{"length", 2, 4, packed[:2]}, {"length", 2, 4, append(packed, 0)}, {"factor 0", 2, 4, []byte{0x58, 0xf7, 0x10}},
		{"odd weights", 1, 3, []byte{0x11, 0x11, 0x01}}, {"odd factors", 1, 2, []byte{0x11, 0x11}},
	} {
		if err := UnpackHalfBytes(make([]int8, bad.len), bad.n, bad.packed); !errors.Is(err, ErrHalfBytes) {
			t.Errorf("%s: error %v", bad.why, err)
		}
	}
	for _, q := range [][]int8{nil, {127}, {17, 1}, {-8, 9}, {-121}} {
		if packed, ok := PackHalfBytes(q, 1); ok {
			t.Errorf("%v becomes % x", q, packed)
		}
	}
}

// TestHalfBytes: weights of 4 bits are stored without loss, are as near as their steps allow, and
// by their groups nearer than with one step a column.
func TestHalfBytes(t *testing.T) {
	const rows, columns = 131, 33
	w := numbers(rows*columns, 2)
	for i := range w {
		w[i] *= float32(i % columns) // column 0 is zero
	}
	q, err := QuantizeWeights(w, columns, 4)
	if err != nil {
		t.Fatal(err)
	}
	packed, ok := PackHalfBytes(q.Q, columns)
	if size := HalfBytesLen(rows, columns); !ok || len(packed) != size || size > rows*columns*56/100 {
		t.Fatalf("%d bytes, %v, want %d", len(packed), ok, size)
	}
	got := make([]int8, len(w))
	if err := UnpackHalfBytes(got, columns, packed); err != nil || !slices.Equal(got, q.Q) {
		t.Fatalf("unpacked others: %v", err)
	}
	var is, plain float64
	most := make([]float64, columns)
	for i, v := range w {
		most[i%columns] = max(most[i%columns], math.Abs(float64(v)))
	}
	for i, v := range q.Floats() {
		d := math.Abs(float64(v - w[i]))
		step := most[i%columns] / 7
		if inside := math.Abs(float64(w[i])) < 0.4*most[i%columns]; inside && d > 0.51*step {
			t.Errorf("weight %g becomes %g, the largest step is %g", w[i], v, step)
		}
		is += d * d
		if step > 0 {
			e := float64(w[i]) - step*math.Round(float64(w[i])/step)
			plain += e * e
		}
	}
	if is > 0.8*plain {
		t.Errorf("squared error %g, with one step a column %g", is, plain)
	}
}

// TestHalfByteMultiples: weights that are of 4 bits already keep their values, and so do their
// roundings.
func TestHalfByteMultiples(t *testing.T) {
	const rows, columns = 64, 64
	w := make([]float32, rows*columns)
	for i := range w {
		w[i] = 0.0371 * float32(i*29%15-7)
	}
	for c := range columns {
		w[c], w[32*columns+c] = 7*0.0371, 7*0.0371
	}
	q, err := QuantizeWeights(w, columns, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range q.Floats() {
		if d := math.Abs(float64(v - w[i])); d > 1e-6 {
			t.Fatalf("weight %d, %g, becomes %g", i, w[i], v)
		}
	}
}

// TestWeightBits: 7 bits keep to their bound, few weights to 8 bits, and other bits are an error.
func TestWeightBits(t *testing.T) {
	const columns = 5
	w := numbers(40*columns, 4)
	q, err := QuantizeWeights(w, columns, 7)
	if err != nil {
		t.Fatal(err)
	}
	if least, most := slices.Min(q.Q), slices.Max(q.Q); least < -63 || most > 63 || max(most, -least) < 63 {
		t.Errorf("7 bits reach from %d to %d", least, most)
	}
	for i, v := range q.Floats() {
		if d := math.Abs(float64(v - w[i])); d > 0.51*float64(q.Scale[i%columns]) {
			t.Errorf("weight %g becomes %g, steps of %g", w[i], v, q.Scale[i%columns])
		}
	}
	small, err := QuantizeWeights(w, columns, 4)
	same, _ := QuantizeWeights(w, columns, 0)
	if err != nil || !slices.Equal(small.Q, same.Q) || slices.Max(same.Q) < 126 {
		t.Errorf("a small layer is not in 8 bits (%v)", err)
	}
	for _, bits := range []int{-1, 1, 5, 9} {
		if _, err := QuantizeWeights(w, columns, bits); !errors.Is(err, ErrRange) {
			t.Errorf("%d bits: error %v", bits, err)
		}
	}
}

// TestHalfByteColumns: weights that are no whole rows have no half bytes.
func TestHalfByteColumns(t *testing.T) {
	for _, n := range []int{-1, 0, 3} {
		q := []int8{1, 2, 3, 4, 5}
		if packed, ok := PackHalfBytes(q, n); ok {
			t.Errorf("%d weights in %d columns become % x", len(q), n, packed)
		}
		if err := UnpackHalfBytes(q, n, []byte{0x21, 3, 0x11, 1}); !errors.Is(err, ErrHalfBytes) {
			t.Errorf("%d weights in %d columns: error %v", len(q), n, err)
		}
	}
}
