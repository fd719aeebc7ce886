package model

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// operatorTests make an operator and its inputs of random sizes.
var operatorTests = []struct {
	name string
	make func(r *rand.Rand) (Op, []Spec)
}{
	{"add", func(r *rand.Rand) (Op, []Spec) { return Add{}, pairOf(r, sameShape) }},
	{"add channels", func(r *rand.Rand) (Op, []Spec) { return Add{}, pairOf(r, perChannel) }},
	{"add positions", func(r *rand.Rand) (Op, []Spec) { return Add{}, pairOf(r, perPosition) }},
	{"add images", func(r *rand.Rand) (Op, []Spec) { return Add{}, pairOf(r, perImage) }},
	{"mul", func(r *rand.Rand) (Op, []Spec) { return Mul{}, pairOf(r, sameShape) }},
	{"mul channels", func(r *rand.Rand) (Op, []Spec) { return Mul{}, pairOf(r, perChannel) }},
	{"mul positions", func(r *rand.Rand) (Op, []Spec) { return Mul{}, pairOf(r, perPosition) }},
	{"mul images", func(r *rand.Rand) (Op, []Spec) { return Mul{}, pairOf(r, perImage) }},
	{"concat", func(r *rand.Rand) (Op, []Spec) {
		in := []Spec{anyShape(r)}
		for range r.IntN(3) {
			in = append(in, Floats(Shape{in[0].Shape.H, in[0].Shape.W, 1 + r.IntN(20)}))
		}
		return Concat{}, in
	}},
	{"slice", func(r *rand.Rand) (Op, []Spec) {
		in := anyShape(r)
		var l Slice
		for i, d := range [3]int{in.Shape.H, in.Shape.W, in.Shape.C} {
			l.From[i] = r.IntN(d)
			l.Size[i] = 1 + r.IntN(d-l.From[i])
		}
		return l, []Spec{in}
	}},
	{"pad zero", func(r *rand.Rand) (Op, []Spec) {
		return Pad{Pad: anyPad(r, 3, 3), Mode: PadZero, Value: float32(r.IntN(2))}, []Spec{anyShape(r)}
	}},
	{"pad edge", func(r *rand.Rand) (Op, []Spec) {
		return Pad{Pad: anyPad(r, 3, 3), Mode: PadEdge}, []Spec{anyShape(r)}
	}},
	{"pad reflect", func(r *rand.Rand) (Op, []Spec) {
		in := anyShape(r)
		return Pad{Pad: anyPad(r, in.Shape.H-1, in.Shape.W-1), Mode: PadReflect}, []Spec{in}
	}},
	{"transpose", func(r *rand.Rand) (Op, []Spec) {
		return Transpose{Perm: [3]int(r.Perm(3))}, []Spec{anyShape(r)}
	}},
	{"pixelshuffle", func(r *rand.Rand) (Op, []Spec) {
		in, f := anyShape(r), 1+r.IntN(3)
		in.Shape.C = f * f * (1 + r.IntN(9))
		return PixelShuffle{Factor: f}, []Spec{in}
	}},
	{"resize nearest", func(r *rand.Rand) (Op, []Spec) {
		return Resize{H: 1 + r.IntN(9), W: 1 + r.IntN(9), Mode: ResizeNearest, Coordinates: []string{Asymmetric, HalfPixel}[r.IntN(2)]}, []Spec{anyShape(r)}
	}},
	{"resize bilinear", func(r *rand.Rand) (Op, []Spec) {
		return Resize{H: 1 + r.IntN(9), W: 1 + r.IntN(9), Mode: ResizeBilinear, Coordinates: []string{Asymmetric, HalfPixel, AlignCorners}[r.IntN(3)]}, []Spec{anyShape(r)}
	}},
	{"avgpool", func(r *rand.Rand) (Op, []Spec) {
		w, in := anyWindow(r)
		return AvgPool{Kernel: w.kernel, Stride: w.stride, Pad: w.pad, CountPad: r.IntN(2) > 0}, in
	}},
	{"maxpool", func(r *rand.Rand) (Op, []Spec) {
		w, in := anyWindow(r)
		return MaxPool{Kernel: w.kernel, Stride: w.stride, Pad: w.pad}, in
	}},
	{"globalavgpool", func(r *rand.Rand) (Op, []Spec) { return GlobalAvgPool{}, []Spec{anyShape(r)} }},
	{"globalavgpool of many", func(r *rand.Rand) (Op, []Spec) {
		return GlobalAvgPool{}, []Spec{Floats(Shape{9, 8, 1 + r.IntN(40)})}
	}},
	{"embedding", func(r *rand.Rand) (Op, []Spec) {
		return Embedding{Dim: 1 + r.IntN(20)}, []Spec{{Shape: Flat(1), Type: Type{Kind: Class, Classes: 1 + r.IntN(5)}}}
	}},
	{"softmax", func(r *rand.Rand) (Op, []Spec) { return Softmax{}, []Spec{anyShape(r)} }},
	{"leakyrelu", func(r *rand.Rand) (Op, []Spec) { return LeakyReLU{Slope: 0.3}, []Spec{anyShape(r)} }},
	{"relu", func(r *rand.Rand) (Op, []Spec) { return ReLU{}, []Spec{anyShape(r)} }},
	{"tanh", func(r *rand.Rand) (Op, []Spec) { return Tanh{}, []Spec{anyShape(r)} }},
	{"sigmoid", func(r *rand.Rand) (Op, []Spec) { return Sigmoid{}, []Spec{anyShape(r)} }},
}

func anyShape(r *rand.Rand) Spec { return Floats(Shape{1 + r.IntN(5), 1 + r.IntN(5), 1 + r.IntN(37)}) }

func anyPad(r *rand.Rand, rows, columns int) [4]int {
	return [4]int{r.IntN(rows + 1), r.IntN(rows + 1), r.IntN(columns + 1), r.IntN(columns + 1)}
}

func pairOf(r *rand.Rand, b broadcast) []Spec {
	x := anyShape(r)
	second := map[broadcast]Shape{sameShape: x.Shape, perChannel: Flat(x.Shape.C), perPosition: {x.Shape.H, x.Shape.W, 1}, perImage: Flat(1)}
	return []Spec{x, Floats(second[b])}
}

func anyWindow(r *rand.Rand) (window, []Spec) {
	in, w := anyShape(r), window{}
	for d, n := range []int{in.Shape.H, in.Shape.W} {
		w.kernel[d], w.stride[d] = 1+r.IntN(n), 1+r.IntN(3)
		w.pad[2*d], w.pad[2*d+1] = r.IntN(w.kernel[d]), r.IntN(w.kernel[d])
	}
	return w, []Spec{in}
}

// TestOperatorRefusals: operators refuse attributes and inputs that do not fit.
func TestOperatorRefusals(t *testing.T) {
	image, vector := Floats(Shape{4, 3, 6}), Floats(Flat(6))
	class := Spec{Shape: Flat(1), Type: Type{Kind: Class, Classes: 3}}
	one := [2]int{1, 1}
	for _, c := range []struct {
		op    Op
		in    []Spec
		shape bool // the error is about the inputs
	}{
		{Add{}, []Spec{image}, true},
		{Add{}, []Spec{vector, image}, true},
		{Add{}, []Spec{image, Floats(Shape{4, 1, 6})}, true},
		{Mul{}, []Spec{image, class}, true},
		{Concat{}, nil, true},
		{Concat{}, []Spec{image, vector}, true},
		{Slice{Size: [3]int{4, 3, 7}}, []Spec{image}, true},
		{Slice{From: [3]int{-1, 0, 0}, Size: [3]int{1, 1, 1}}, []Spec{image}, true},
		{Slice{From: [3]int{math.MaxInt, 0, 0}, Size: [3]int{1, 1, 1}}, []Spec{image}, true},
		{Slice{Size: [3]int{1, 0, 1}}, []Spec{image}, true},
		{Pad{Mode: "mirror"}, []Spec{image}, false},
		{Pad{Mode: PadEdge, Value: 1}, []Spec{image}, false},
		{Pad{Mode: PadReflect, Pad: [4]int{4, 0, 0, 0}}, []Spec{image}, true},
		{Pad{Mode: PadReflect, Pad: [4]int{0, 0, 0, 3}}, []Spec{image}, true},
		{Pad{Mode: PadZero, Pad: [4]int{0, -1, 0, 0}}, []Spec{image}, true},
		{Pad{Mode: PadZero, Pad: [4]int{0, math.MaxInt, 0, 0}}, []Spec{image}, true},
		{Transpose{}, []Spec{image}, false},
		{Transpose{Perm: [3]int{0, 1, 3}}, []Spec{image}, false},
		{PixelShuffle{}, []Spec{image}, true},
		{PixelShuffle{Factor: 2}, []Spec{image}, true},
		{PixelShuffle{Factor: 1 << 30}, []Spec{image}, true},
		{Resize{H: 1, W: 1, Mode: "cubic", Coordinates: HalfPixel}, []Spec{image}, false},
		{Resize{H: 1, W: 1, Mode: ResizeNearest, Coordinates: AlignCorners}, []Spec{image}, false},
		{Resize{H: 1, W: 1, Mode: ResizeBilinear}, []Spec{image}, false},
		{Resize{W: 1, Mode: ResizeBilinear, Coordinates: HalfPixel}, []Spec{image}, true},
		{AvgPool{Kernel: [2]int{5, 1}, Stride: one}, []Spec{image}, true},
		{AvgPool{Kernel: one, Stride: one, Pad: [4]int{1, 0, 0, 0}}, []Spec{image}, true},
		{MaxPool{Kernel: [2]int{0, 1}, Stride: one}, []Spec{image}, true},
		{MaxPool{Kernel: one, Stride: [2]int{-1, 1}}, []Spec{image}, true},
		{MaxPool{Kernel: [2]int{math.MaxInt, 1}, Stride: one}, []Spec{image}, true},
		{GlobalAvgPool{}, []Spec{image, image}, true},
		{Embedding{Dim: 3}, []Spec{image}, true},
		{Embedding{}, []Spec{class}, true},
		{Softmax{}, []Spec{class}, true},
	} {
		g := &Graph{}
		var values []*Value
		for i, s := range c.in {
			values = append(values, g.input(fmt.Sprint("x", i), s))
		}
		g.Add(c.op, values...)
		if err := g.err; !errors.Is(err, ErrLayer) || errors.Is(err, ErrShape) != c.shape {
			t.Errorf("%+v of %v: %v", c.op, c.in, err)
		}
	}
}

// BenchmarkOperators: Forward of one call, in bytes of the output.
func BenchmarkOperators(b *testing.B) {
	x := Floats(Shape{14, 14, 64})
	for _, c := range []struct {
		op Op
		in []Spec
	}{
		{Add{}, []Spec{x, x}}, {Mul{}, []Spec{x, x}}, {Mul{}, []Spec{x, Floats(Flat(64))}}, {Mul{}, []Spec{x, Floats(Shape{14, 14, 1})}},
		{Concat{}, []Spec{x, x}}, {Slice{Size: [3]int{14, 14, 32}}, []Spec{x}}, {Pad{Pad: [4]int{1, 1, 1, 1}, Mode: PadReflect}, []Spec{x}},
		{Transpose{Perm: [3]int{1, 0, 2}}, []Spec{x}}, {Transpose{Perm: [3]int{2, 0, 1}}, []Spec{x}}, {PixelShuffle{Factor: 2}, []Spec{x}},
		{Resize{H: 28, W: 28, Mode: ResizeNearest, Coordinates: Asymmetric}, []Spec{x}}, {Resize{H: 28, W: 28, Mode: ResizeBilinear, Coordinates: HalfPixel}, []Spec{x}},
		{AvgPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, []Spec{x}}, {MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, []Spec{x}},
		{GlobalAvgPool{}, []Spec{x}}, {Softmax{}, []Spec{x}},
	} {
		for _, n := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%v/%d", c.op.Kind(), c.in[len(c.in)-1], n), func(b *testing.B) {
				r := newOperatorRun(b, c.op, c.in, n, 1)
				in, y := r.inputs(0, r.x), r.window(r.node.Out, 0, nil)
				o := r.kernel(b, r.lowering(simd.Best(), in, y))
				w := &Worker{Kernels: simd.Best()}
				b.SetBytes(int64(4 * n * r.node.Out.Shape.Len()))
				for b.Loop() {
					o.Forward(w, y, in, Share{N1: n})
				}
			})
		}
	}
}
