package fuzz

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/npy"
)

func FuzzNPY(f *testing.F) {
	seed := func(data []float32, shape ...int) []byte {
		var b bytes.Buffer
		if err := npy.WriteHeader(&b, shape...); err != nil {
			f.Fatal(err)
		}
		if err := npy.WriteFloats(&b, data); err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	f.Add(seed([]float32{1, -2, 3, float32(math.NaN()), 0, 6}, 2, 3))
	f.Add(seed([]float32{1}))
	f.Add(seed(nil, 0, 100))
	f.Add(seed([]float32{1, 2}, 1<<30))
	f.Add(seed(make([]float32, 1030), 103, 10))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{"))
	f.Add([]byte("\x93NUMPY\x01\x00\x3c\x00{'descr':'<f4','fortran_order':True,'shape':(2,),'shape':()}   "))
	f.Add([]byte("\x93NUMPY\x03\x00\x2e\x00\x00\x00{\"shape\":(1L,),'descr':'<f4','fortran_order':F"))

	one := "\x00\x00\x00\x00\x00\x00\xf0\x3f"
	f.Add([]byte("\x93NUMPY\x01\x00\x39\x00{'descr':'<f8','fortran_order':True ,'shape':(2,2)}     \n" + one + one + one + one))
	f.Add([]byte("\x93NUMPY\x01\x00\x39\x00{'descr':'>f4','fortran_order':False,'shape':(2,)}      \n" + one))

	f.Fuzz(func(t *testing.T, file []byte) {
		var data []float32
		var shape []int
		var err error
		limit := uint64(512<<10 + 16*len(file))
		if used := allocated(func() { data, shape, err = npy.Read(bytes.NewReader(file), "f") }); used > limit {
			t.Errorf("%d bytes allocated for a file of %d", used, len(file))
		}
		if err != nil {
			if !errors.Is(err, npy.ErrFormat) {
				t.Errorf("error %v", err)
			}
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if n != len(data) || 4*n > len(file) {
			t.Fatalf("shape %v with %d numbers from %d bytes", shape, len(data), len(file))
		}
		var again bytes.Buffer
		if err := npy.WriteHeader(&again, shape...); err != nil {
			t.Fatal(err)
		}
		if err := npy.WriteFloats(&again, data); err != nil {
			t.Fatal(err)
		}
		other, otherShape, err := npy.Read(&again, "again")
		sameBits := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
		if err != nil || !slices.Equal(otherShape, shape) || !slices.EqualFunc(other, data, sameBits) {
			t.Errorf("written and read again: %v %v, %v; want %v %v", other, otherShape, err, data, shape)
		}
	})
}
