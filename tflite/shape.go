package tflite

import (
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file holds the operators that move elements.

func reshape(o *op) error {
	to := o.get(1)
	if to == "" {
		dims := o.options.ints(0)
		if len(dims) == 0 {
			dims = o.tensors[o.out[0]].dims
		}
		to = o.integers(dims...)
	}
	return o.moved(o.emit("Reshape", nil, o.get(0), to))
}

func squeeze(o *op) error {
	var a []ir.Attribute
	if over := o.options.ints(0); len(over) > 0 {
		a = list(wholes("axes", over...))
	}
	return o.moved(o.emit("Squeeze", a, o.get(0)))
}

func transpose(o *op) error {
	perm, err := o.known(1)
	if err != nil {
		return err
	}
	return o.moved(o.emit("Transpose", list(wholes("perm", perm...)), o.get(0)))
}

func concatenation(o *op) error {
	in := make([]string, len(o.in))
	for k := range in {
		in[k] = o.get(k)
	}
	return o.done(o.emit("Concat", list(whole("axis", o.options.int32(0, 0))), in...), o.options.uint8(1))
}

// pack puts its inputs side by side along a new axis.
func pack(o *op) error {
	axis := o.options.int32(1, 0)
	in := make([]string, len(o.in))
	for k := range in {
		in[k] = o.emit("Unsqueeze", list(wholes("axes", axis)), o.get(k))
	}
	return o.moved(o.emit("Concat", list(whole("axis", axis)), in...))
}

// unpack is the reverse of pack.
func unpack(o *op) error {
	axis, x := o.options.int32(1, 0), o.get(0)
	for i, to := range o.out {
		at := o.emit("Squeeze", list(wholes("axes", 0)), o.integers(i))
		o.values[to] = o.emit("Gather", list(whole("axis", axis)), x, at)
	}
	return nil
}

// split cuts input x along the axis that input k holds, into equal parts or those of sizes.
func (o *op) split(x, k int, sizes string) error {
	axis, err := o.known(k)
	if err != nil {
		return err
	}
	if len(axis) != 1 {
		return ir.Refuse("axes %v", axis)
	}
	in := []string{o.get(x)}
	if sizes != "" {
		in = append(in, sizes)
	}
	first := o.fresh()
	n := o.node("Split", first, in...)
	n.Attributes = list(whole("axis", axis[0]))
	for i, to := range o.out {
		name := first
		if i > 0 {
			name = o.fresh()
			n.Out = append(n.Out, name)
		}
		o.values[to] = name
	}
	o.take(64 * len(o.out))
	return nil
}

func gather(o *op) error {
	if n := o.options.int32(1, 0); n != 0 {
		return ir.Refuse("batch_dims %d", n)
	}
	return o.moved(o.emit("Gather", list(whole("axis", o.options.int32(0, 0))), o.get(0), o.get(1)))
}

// pad has (axes, 2) numbers of elements as input 1, and perhaps what to fill them with as input 2.
func pad(o *op) error {
	in, err := o.pads()
	if err != nil {
		return err
	}
	if v := o.get(2); v != "" {
		in = append(in, v)
	}
	return o.moved(o.emit("Pad", nil, in...))
}

func mirrorPad(o *op) error {
	in, err := o.pads()
	if err != nil {
		return err
	}
	if o.options.uint8(0) != 0 {
		return ir.Refuse("mode SYMMETRIC")
	}
	return o.moved(o.emit("Pad", list(text("mode", "reflect")), in...))
}

// pads returns the inputs of a Pad, whose numbers are all those before and then all those behind.
func (o *op) pads() ([]string, error) {
	pairs, err := o.known(1)
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 || len(pairs)%2 != 0 {
		return nil, ir.Refuse("paddings %v", pairs)
	}
	n := len(pairs) / 2
	all := make([]int, 2*n)
	for i := range n {
		all[i], all[n+i] = pairs[2*i], pairs[2*i+1]
	}
	return []string{o.get(0), o.integers(all...)}, nil
}

// slice has the first elements and the sizes as inputs 1 and 2.
func slice(o *op) error {
	from, err := o.known(1)
	if err != nil {
		return err
	}
	size, err := o.known(2)
	if err != nil {
		return err
	}
	if len(from) != len(size) {
		return ir.Refuse("begin %v, size %v", from, size)
	}
	to := make([]int, len(from))
	for i, n := range size {
		if to[i] = from[i] + n; n < 0 {
			to[i] = math.MaxInt32
		}
	}
	return o.moved(o.emit("Slice", nil, o.get(0), o.integers(from...), o.integers(to...)))
}

// stridedSlice has begins, ends and strides as inputs, and bits for those that do not count.
func stridedSlice(o *op) error {
	var lists [3][]int
	for i := range lists {
		var err error
		if lists[i], err = o.known(i + 1); err != nil {
			return err
		}
	}
	from, to, step := lists[0], lists[1], lists[2]
	if len(from) != len(to) || len(from) != len(step) {
		return ir.Refuse("begin %v, end %v, strides %v", from, to, step)
	}
	noBegin, noEnd, shrink := o.options.int32(0, 0), o.options.int32(1, 0), o.options.int32(4, 0)
	if e, a := o.options.int32(2, 0), o.options.int32(3, 0); e != 0 || a != 0 || o.options.uint8(5) != 0 {
		return ir.Refuse("ellipsis_mask %d, new_axis_mask %d, offset %d", e, a, o.options.uint8(5))
	}
	var gone []int
	for i := range from {
		bit := 1 << min(i, 30)
		switch {
		case shrink&bit != 0:
			gone = append(gone, i)
			if to[i], step[i] = from[i]+1, 1; from[i] == -1 {
				to[i] = math.MaxInt32
			}
			continue
		case step[i] < 1:
			return ir.Refuse("strides %v", step)
		}
		if noBegin&bit != 0 {
			from[i] = 0
		}
		if noEnd&bit != 0 {
			to[i] = math.MaxInt32
		}
	}
	axes := make([]int, len(from))
	for i := range axes {
		axes[i] = i
	}
	y := o.emit("Slice", nil, o.get(0), o.integers(from...), o.integers(to...), o.integers(axes...), o.integers(step...))
	if gone = slices.Compact(gone); len(gone) > 0 {
		y = o.emit("Squeeze", list(wholes("axes", gone...)), y)
	}
	return o.moved(y)
}
