package dataset

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
)

func stackBatches(t *testing.T, n, size int, at Cursor) [StackImages]*Batches {
	t.Helper()
	list, err := NewStackBatches(n, size, at)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Each channel has each image once an epoch, in an order of its own, and goes on from any place.
func TestStackBatches(t *testing.T) {
	const n, size, total = 24, 4, 14 // 6 batches an epoch
	var want [StackImages][][]int32
	var cursors []Cursor
	list, plain := stackBatches(t, n, size, Cursor{Seed: 3}), batches(t, n, size, Cursor{Seed: 3})
	for range total {
		cursors = append(cursors, list[0].Cursor())
		for c, b := range list {
			want[c] = append(want[c], slices.Clone(b.Next()))
		}
		if red := plain.Next(); !slices.Equal(red, want[0][len(want[0])-1]) {
			t.Errorf("red has %v, pictures that are not stacked %v", want[0][len(want[0])-1], red)
		}
	}
	var orders [][]int32
	for c := range want {
		for epoch := range 2 {
			order := slices.Concat(want[c][6*epoch : 6*epoch+6]...)
			for _, other := range orders {
				if slices.Equal(order, other) {
					t.Errorf("channel %d, epoch %d: the order of another", c, epoch)
				}
			}
			orders = append(orders, order)
			sorted := slices.Sorted(slices.Values(order))
			if len(slices.Compact(sorted)) != n {
				t.Errorf("channel %d, epoch %d: dealt %v", c, epoch, order)
			}
		}
	}
	for i, at := range cursors {
		for c, b := range stackBatches(t, n, size, at) {
			for j := i; j < total; j++ {
				if got := b.Next(); !slices.Equal(got, want[c][j]) {
					t.Fatalf("channel %d, from %+v: batch %d is %v, want %v", c, at, j, got, want[c][j])
				}
			}
		}
	}
	if _, err := NewStackBatches(3, 4, Cursor{}); err == nil {
		t.Error("3 images make batches of 4")
	}
}

// grayDigits is 7 labeled images of 3x2 pixels.
func grayDigits() *Dataset {
	d := &Dataset{Name: "gray", H: 3, W: 2, C: 1, N: 7, Labels: []int32{0, 1, 2, 3, 0, 1, 2}}
	for i := range d.N * d.H * d.W {
		d.Pix = append(d.Pix, uint8(7*i+1))
	}
	return d
}

func TestFillChannel(t *testing.T) {
	d := grayDigits()
	idx := []int32{4, 0, 6}
	m := conv.Layout{H: 3, W: 2, C: 3, N: 4, Row: 5, Stride: 23} // room for a fourth image
	dst := slices.Repeat([]float32{-9}, 5*m.Stride+4*m.Row)
	d.FillChannel(dst, m, 1, idx)
	for i, v := range dst {
		want := float32(-9)
		if p, n := i/m.Stride, i%m.Stride/m.Row; i%m.Stride%m.Row == 1 && n < len(idx) {
			want = (float32(d.Image(int(idx[n]))[p]) - 127.5) / 127.5
		}
		if v != want {
			t.Fatalf("value %d is %v, want %v", i, v, want)
		}
	}
	color := &Dataset{H: 3, W: 2, C: 3, N: 1, Pix: make([]uint8, 18)}
	for what, fill := range map[string]func(){
		"a fourth channel":  func() { d.FillChannel(dst, m, 3, idx) },
		"too many images":   func() { d.FillChannel(dst, m, 0, make([]int32, 5)) },
		"images of color":   func() { color.FillChannel(dst, m, 0, []int32{0}) },
		"another size":      func() { d.FillChannel(dst, conv.Layout{H: 2, W: 3, C: 3, N: 4, Row: 3, Stride: 12}, 0, idx) },
		"a negative number": func() { d.FillChannel(dst, m, -1, idx) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			fill()
		}()
	}
}

// Stacked pictures are those that training sees, in its order, with the digits of their channels as
// label.
func TestStacked(t *testing.T) {
	d := grayDigits()
	const n = 10 // more than there are images
	s, err := d.Stacked(n, 5, 4)
	if err != nil {
		t.Fatal(err)
	}
	if s.N != n || s.C != 3 || s.H != 3 || s.W != 2 || len(s.Pix) != n*18 {
		t.Fatalf("%d pictures of %dx%dx%d in %d bytes", s.N, s.H, s.W, s.C, len(s.Pix))
	}
	list := stackBatches(t, d.N, 1, Cursor{Seed: 5})
	for i := range n {
		label := int32(0)
		for c, b := range list {
			from := int(b.Next()[0])
			label = 4*label + d.Labels[from]
			for p, v := range d.Image(from) {
				if got := s.Image(i)[3*p+c]; got != v {
					t.Fatalf("picture %d, channel %d: pixel %d is %d, want %d", i, c, p, got, v)
				}
			}
		}
		if s.Labels[i] != label {
			t.Errorf("picture %d has label %d, want %d", i, s.Labels[i], label)
		}
	}
	again, _ := d.Stacked(n, 5, 4)
	other, _ := d.Stacked(n, 6, 4)
	if !bytes.Equal(s.Pix, again.Pix) || bytes.Equal(s.Pix, other.Pix) {
		t.Error("pictures do not follow from the seed alone")
	}
	if few, err := d.Stacked(n, 5, 3); err != nil || few.Labels != nil {
		t.Errorf("labels %v of 3 classes, where there are 4; %v", few.Labels, err)
	}
	if _, err := s.Stacked(n, 5, 4); err == nil || !strings.Contains(err.Error(), "of one channel, these have 3") {
		t.Errorf("a stack of stacks: %v", err)
	}
	if _, err := d.Stacked(0, 5, 4); err == nil {
		t.Error("no pictures are no error")
	}
	if _, err := d.Stacked(n, 5, 2000); err == nil || !strings.Contains(err.Error(), "want at most 1024") {
		t.Errorf("labels that do not fit: %v", err)
	}
	if _, err := (&Dataset{H: 3, W: 2, C: 1}).Stacked(2, 5, 4); err == nil {
		t.Error("stacked of no images")
	}
}
