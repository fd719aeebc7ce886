package conv

import (
	"errors"
	"fmt"
	"math"
)

// ErrGeometry is wrapped by the errors of Validate, Out and the functions that make plans.
var ErrGeometry = errors.New("bad geometry")

// Geometry is the shape of one layer: a convolution, a transposed convolution or, if DenseH is set,
// a fully connected layer. Strides, dilations and Groups must be at least 1. Same, Valid and Dense
// fill them in.
type Geometry struct {
	InH, InW, InC, OutC int

	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	Groups               int
	PadTop, PadBottom    int // rows of zeros around the input; of a transposed one: rows cropped from the output
	PadLeft, PadRight    int
	OutPadH, OutPadW     int // rows added below and to the right, transposed only
	Transposed           bool
	DenseH, DenseW       int // output positions of a fully connected layer, else 0
}

// Valid returns a square kernel's geometry without padding.
func Valid(inH, inW, inC, outC, kernel, stride int, transposed bool) Geometry {
	return Geometry{
		InH: inH, InW: inW, InC: inC, OutC: outC,
		KH: kernel, KW: kernel, StrideH: stride, StrideW: stride,
		DilationH: 1, DilationW: 1, Groups: 1, Transposed: transposed,
	}
}

// Same returns a square kernel's geometry with TensorFlow's SAME padding.
func Same(inH, inW, inC, outC, kernel, stride int, transposed bool) Geometry {
	return Valid(inH, inW, inC, outC, kernel, stride, transposed).SamePads()
}

// SamePads returns g with TensorFlow's SAME padding for its kernel, strides and
// dilations: the output has ceil(in/stride) rows, or in*stride if transposed,
// and an odd row of padding goes below. A transposed kernel shorter than its
// stride gets output padding for the rows that it never reaches.
func (g Geometry) SamePads() Geometry {
	g.PadTop, g.PadBottom, g.OutPadH = samePads(g.InH, g.KH, g.StrideH, g.DilationH, g.Transposed)
	g.PadLeft, g.PadRight, g.OutPadW = samePads(g.InW, g.KW, g.StrideW, g.DilationW, g.Transposed)
	return g
}

func samePads(in, k, stride, dilation int, transposed bool) (before, after, outPad int) {
	if in < 1 || k < 1 || stride < 1 || dilation < 1 {
		return 0, 0, 0 // Validate reports these
	}
	reach := (k-1)*dilation + 1
	total := reach - stride
	if !transposed {
		total = ((in+stride-1)/stride-1)*stride + reach - in
	} else {
		outPad = max(-total, 0)
	}
	total = max(total, 0)
	return total / 2, total - total/2, outPad
}

// Dense returns the fully connected geometry: every input position meets every
// output position. Its weights have the shape (inH*inW*inC, outH*outW*outC),
// features in (H, W, C) order.
func Dense(inH, inW, inC, outH, outW, outC int) Geometry {
	return Geometry{
		InH: inH, InW: inW, InC: inC, OutC: outC,
		KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
		DenseH: outH, DenseW: outW,
	}
}

// IsDense reports whether g is fully connected.
func (g Geometry) IsDense() bool { return g.DenseH != 0 || g.DenseW != 0 }

// Limits of a valid Geometry. They are the same on every architecture, so that
// a model that loads on one loads on all.
const (
	maxField    = 1 << 30       // any one number; products of two stay far inside int64
	maxElements = math.MaxInt32 // of one image or of the weights
	maxTaps     = 1 << 16       // of a convolution
	maxLinks    = 1 << 25       // (input, output, tap) triples, and positions of either side
)

// Validate returns an error wrapping ErrGeometry unless g is usable: positive
// sizes, strides and dilations, pads of at least 0, at least one output
// position, Groups a divisor of both channel counts, and nothing so large that
// an index could overflow 32 bits.
func (g Geometry) Validate() error {
	_, _, err := g.Out()
	return err
}

// Out returns the number of output rows and columns.
func (g Geometry) Out() (h, w int, err error) {
	if err := g.checkFields(); err != nil {
		return 0, 0, err
	}
	oh, ow := int64(g.DenseH), int64(g.DenseW)
	if !g.IsDense() {
		oh = outSize(g.InH, g.KH, g.StrideH, g.DilationH, g.PadTop, g.PadBottom, g.OutPadH, g.Transposed)
		ow = outSize(g.InW, g.KW, g.StrideW, g.DilationW, g.PadLeft, g.PadRight, g.OutPadW, g.Transposed)
	}
	if oh < 1 || ow < 1 {
		return 0, 0, g.errorf("output would be %dx%d", oh, ow)
	}
	if !within(maxElements, oh, ow, int64(g.OutC)) {
		return 0, 0, g.errorf("output of %dx%dx%d is too large", oh, ow, g.OutC)
	}
	h, w = int(oh), int(ow)
	if err := g.checkLinks(h, w); err != nil {
		return 0, 0, err
	}
	return h, w, nil
}

func (g Geometry) checkFields() error {
	for _, f := range []struct {
		name  string
		v     int
		least int
	}{
		{"InH", g.InH, 1}, {"InW", g.InW, 1}, {"InC", g.InC, 1}, {"OutC", g.OutC, 1},
		{"KH", g.KH, 1}, {"KW", g.KW, 1},
		{"StrideH", g.StrideH, 1}, {"StrideW", g.StrideW, 1},
		{"DilationH", g.DilationH, 1}, {"DilationW", g.DilationW, 1}, {"Groups", g.Groups, 1},
		{"PadTop", g.PadTop, 0}, {"PadBottom", g.PadBottom, 0},
		{"PadLeft", g.PadLeft, 0}, {"PadRight", g.PadRight, 0},
		{"OutPadH", g.OutPadH, 0}, {"OutPadW", g.OutPadW, 0},
		{"DenseH", g.DenseH, 0}, {"DenseW", g.DenseW, 0},
	} {
		if f.v < f.least {
			return g.errorf("%s is %d, want at least %d", f.name, f.v, f.least)
		}
		if f.v > maxField {
			return g.errorf("%s is %d, want at most %d", f.name, f.v, maxField)
		}
	}
	if g.IsDense() && g != Dense(g.InH, g.InW, g.InC, g.DenseH, g.DenseW, g.OutC) {
		return g.errorf("a dense layer has no kernel, stride, padding or groups")
	}
	if g.InC%g.Groups != 0 || g.OutC%g.Groups != 0 {
		return g.errorf("%d groups do not divide %d -> %d channels", g.Groups, g.InC, g.OutC)
	}
	if !g.Transposed && (g.OutPadH != 0 || g.OutPadW != 0) {
		return g.errorf("output padding without Transposed")
	}
	// As PyTorch has it: more would only append rows that no tap can ever reach.
	if g.OutPadH > 0 && g.OutPadH >= max(g.StrideH, g.DilationH) || g.OutPadW > 0 && g.OutPadW >= max(g.StrideW, g.DilationW) {
		return g.errorf("output padding of %dx%d is not smaller than stride or dilation", g.OutPadH, g.OutPadW)
	}
	if !within(maxElements, int64(g.InH), int64(g.InW), int64(g.InC)) {
		return g.errorf("input of %dx%dx%d is too large", g.InH, g.InW, g.InC)
	}
	if !within(maxTaps, int64(g.KH), int64(g.KW)) {
		return g.errorf("kernel of %dx%d is too large", g.KH, g.KW)
	}
	return nil
}

// checkLinks bounds what a plan has to list and the weights' size. The output is h x w.
func (g Geometry) checkLinks(h, w int) error {
	in, out := int64(g.InH)*int64(g.InW), int64(h)*int64(w)
	if in > maxLinks || out > maxLinks {
		return g.errorf("more than %d positions", maxLinks)
	}
	taps, ok := int64(g.KH)*int64(g.KW), true
	if g.IsDense() {
		taps, ok = in*out, in*out <= maxLinks
	} else {
		ay, ax := g.axes(h, w)
		ok = within(maxLinks, ay.links(), ax.links())
	}
	if !ok {
		return g.errorf("more than %d pairs of positions meet", maxLinks)
	}
	if !within(maxElements, taps, int64(g.InC/g.Groups), int64(g.OutC)) {
		return g.errorf("weights of %d taps x %d x %d are too large", taps, g.InC/g.Groups, g.OutC)
	}
	return nil
}

// errorf wraps ErrGeometry with the shape in question.
func (g Geometry) errorf(format string, args ...any) error {
	kind := "conv"
	switch {
	case g.IsDense():
		kind = "dense"
	case g.Transposed:
		kind = "transposed conv"
	}
	return fmt.Errorf("conv: %w: %s %dx%dx%d -> %d channels: %s", ErrGeometry, kind, g.InH, g.InW, g.InC, g.OutC, fmt.Sprintf(format, args...))
}

// within reports whether the product of v, none negative, is at most limit.
func within(limit int64, v ...int64) bool {
	p := int64(1)
	for _, n := range v {
		if n != 0 && p > limit/n {
			return false
		}
		p *= n
	}
	return p <= limit
}

func outSize(in, k, stride, dilation, before, after, outPad int, transposed bool) int64 {
	i, s, pads := int64(in), int64(stride), int64(before)+int64(after)
	reach := int64(k-1)*int64(dilation) + 1
	if transposed {
		return (i-1)*s + reach - pads + int64(outPad)
	}
	if i+pads < reach {
		return 0
	}
	return (i+pads-reach)/s + 1
}

// WeightLen returns the number of weights: KH*KW*(InC/Groups)*OutC or, for a dense layer, input
// features times output features.
func (g Geometry) WeightLen() int {
	if g.IsDense() {
		return g.InH * g.InW * g.InC * g.DenseH * g.DenseW * g.OutC
	}
	return g.KH * g.KW * (g.InC / g.Groups) * g.OutC
}

// MACs returns the multiply-adds of one image. exact counts those that touch a pixel; nominal, the
// usual figure, includes those with padding. Both are 0 if g is not valid.
func (g Geometry) MACs() (exact, nominal int64) {
	h, w, err := g.Out()
	if err != nil {
		return 0, 0
	}
	each := int64(g.InC/g.Groups) * int64(g.OutC)
	if g.IsDense() {
		n := int64(g.InH) * int64(g.InW) * int64(h) * int64(w) * each
		return n, n
	}
	ay, ax := g.axes(h, w)
	positions := int64(h) * int64(w)
	if g.Transposed {
		positions = int64(g.InH) * int64(g.InW)
	}
	return ay.links() * ax.links() * each, positions * int64(g.KH) * int64(g.KW) * each
}
