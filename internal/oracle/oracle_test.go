package oracle_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
)

func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func Example() {
	f, err := oracle.Parse(file(`{"__metadata__":{"steps":"10"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}`,
		0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0))
	if err != nil {
		fmt.Println(err)
		return
	}
	var steps int
	if err := f.Meta("steps", &steps); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(steps, f.Shape("x"), f.Float32("x"))
	// Output: 10 [1 2] [1 -2]
}

func TestKinds(t *testing.T) {
	f, err := oracle.Parse(file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"b":{"dtype":"U32","shape":[],"data_offsets":[0,4]}}`,
		1, 2, 0, 0, 7, 8, 9))
	if err != nil {
		t.Fatal(err)
	}
	if a := f.Bytes("a"); !slices.Equal(a, []byte{7, 8, 9}) {
		t.Errorf("a = %v", a)
	}
	if b := f.Uint32("b"); !slices.Equal(b, []uint32{0x201}) {
		t.Errorf("b = %v", b)
	}
	if !f.Has("a") || f.Has("c") {
		t.Error("Has is wrong")
	}
	if f.Meta("none", new(int)) == nil {
		t.Error("no error for metadata that is missing")
	}
}

func TestMalformed(t *testing.T) {
	for _, b := range [][]byte{
		nil,
		file(`{`)[:8],
		file(`{`),
		file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 1, 2, 3, 4),
		file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 1, 2, 3, 4),
		file(`{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, 1, 2, 3, 4, 5, 6, 7, 8),
	} {
		if _, err := oracle.Parse(b); !errors.Is(err, oracle.ErrFormat) {
			t.Errorf("%q: error %v", b, err)
		}
	}
}

func TestError(t *testing.T) {
	nan := float32(math.NaN())
	inf := math.Inf(1)
	for _, c := range []struct {
		got, want []float32
		error     float64
	}{
		{nil, nil, 0},
		{[]float32{1, -4}, []float32{1, -4}, 0},
		{[]float32{1, -4}, []float32{2, -4}, .25},
		{[]float32{0, 0}, []float32{0, 0}, 0},
		{[]float32{0, 1}, []float32{0, 0}, inf},
		{[]float32{0, nan}, []float32{0, 1}, inf},
		{[]float32{0}, []float32{0, 0}, inf},
	} {
		if e := oracle.Error(c.got, c.want); e != c.error {
			t.Errorf("Error(%v, %v) = %v, want %v", c.got, c.want, e, c.error)
		}
	}
}
