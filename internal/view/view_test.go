package view

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
)

func Example() {
	fmt.Println(Int8s([]byte{1, 255}))
	// Output: [1 -1]
}

func TestFloat32s(t *testing.T) {
	want := []float32{1.5, -2, float32(math.Inf(1))}
	var b []byte
	for _, v := range want {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	places := 0
	for shift := range 8 {
		shifted := append(make([]byte, shift, 64), b...)[shift:]
		got := Float32s(shifted)
		if got == nil {
			continue
		}
		places++
		if !slices.Equal(got, want) || cap(got) != len(want) {
			t.Errorf("shifted by %d: %v, capacity %d", shift, got, cap(got))
		}
		if shifted[3] = 0xbf; got[0] != -1.5 {
			t.Errorf("shifted by %d: a copy", shift)
		}
	}
	if wanted := 2; littleEndian && places != wanted || !littleEndian && places != 0 {
		t.Errorf("in place at %d of 8 shifts, want those that are multiples of 4", places)
	}
	for name, b := range map[string][]byte{"nothing": nil, "empty": {}, "a part": make([]byte, 7)} {
		if Float32s(b) != nil {
			t.Errorf("%s has a view", name)
		}
	}
}

func TestInt8s(t *testing.T) {
	b := []byte{0, 127, 128, 255}
	v := Int8s(b)
	if !slices.Equal(v, []int8{0, 127, -128, -1}) || cap(v) != len(b) {
		t.Errorf("%v, capacity %d", v, cap(v))
	}
	if b[1] = 7; v[1] != 7 {
		t.Error("a copy")
	}
	if Int8s(nil) != nil {
		t.Error("nothing has a view")
	}
}
