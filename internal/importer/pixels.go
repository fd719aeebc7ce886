package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// Range says what the output's numbers stand for: black and white.
type Range string

// The ranges of pixels.
const (
	RangeAuto    Range = ""        // by the graph's last operators; as they are if these do not tell
	RangeNone    Range = "none"    // as they are
	RangeTanh    Range = "tanh"    // -1 to 1, which is package model's own
	RangeSigmoid Range = "sigmoid" // 0 to 1
	RangeBytes   Range = "0..255"
)

var allRanges = []Range{RangeAuto, RangeNone, RangeTanh, RangeSigmoid, RangeBytes}

// ends returns the numbers for black and white.
func (r Range) ends() (black, white float64) {
	switch r {
	case RangeSigmoid:
		return 0, 1
	case RangeBytes:
		return 0, 255
	}
	return -1, 1
}

// picture arranges an output of an image as rows, columns and channels; anything else as a vector.
func (im *importer) output(v *value) (*node, error) {
	v, err := im.plain(v)
	if err != nil {
		return nil, err
	}
	d := v.image()
	for len(d) > 3 && len(d[0]) == 0 {
		d = d[1:]
	}
	switch layout := im.options.Layout; {
	case layout == "" && len(d) == 2 && len(d[0]) > 0 && len(d[1]) > 0:
		return im.arrange(v, d[0], d[1], nil)
	case len(d) != 3 || size(d[0])*size(d[1]) == 1 || size(d[1])*size(d[2]) == 1:
		return im.vector(v)
	case layout == "NHWC" || layout == "" && (im.file.ChannelsLast || channelsLast([]int{size(d[0]), size(d[1]), size(d[2])})):
		return im.arrange(v, d[0], d[1], d[2])
	default:
		return im.arrange(v, d[1], d[2], d[0])
	}
}

// vector arranges an output without rows and columns, or with those of the option Size.
func (im *importer) vector(v *value) (*node, error) {
	n, err := im.arrange(v, nil, nil, v.atoms())
	s := im.options.Size
	if err != nil || s == (model.Shape{}) {
		return n, err
	}
	if s.Len() != n.shape().Len() {
		return nil, ir.Refuse("size %v of an output of %v", s, n.shape())
	}
	if im.options.Layout == "NHWC" {
		return im.reshape(n, s)
	}
	n, err = im.reshape(n, model.Shape{H: s.C, W: s.H, C: s.W})
	if err != nil || s.C == 1 {
		return im.reshape(n, s)
	}
	return im.transpose(n, [3]int{1, 2, 0})
}

// pixels gives an image package model's range and order of colors.
func (im *importer) pixels(n *node) (*node, error) {
	if n.shape().IsFlat() || n.shape().C > mostColors {
		return n, nil
	}
	r := im.options.Range
	if r == RangeAuto {
		if said := Range(im.file.Meta[ir.KeyRange]); slices.Contains(allRanges, said) {
			r = said
		}
	}
	if r == RangeAuto {
		r = rangeOf(n)
	}
	var err error
	if black, white := r.ends(); r != RangeNone && (black != -1 || white != 1) {
		if n, err = im.rescaled(n, black, white); err != nil {
			return nil, err
		}
	}
	if im.options.BGR && n.shape().C >= 3 {
		n, err = im.swapColors(n)
	}
	return n, err
}

// rescaled makes black -1 and white 1. A sigmoid between 0 and 1 becomes a tanh: 2*sigmoid(x)-1 is
// tanh(x/2).
func (im *importer) rescaled(n *node, black, white float64) (*node, error) {
	a := 2 / (white - black)
	b := -1 - a*black
	at := n
	for {
		if _, ok := at.op.(model.Reshape); !ok {
			break
		}
		at = at.in[0]
	}
	if _, ok := at.op.(model.Sigmoid); ok && a == 2 && b == -1 {
		to, err := im.halved(at.in[0])
		if err == nil {
			to, err = im.add(model.Tanh{}, nil, to)
		}
		if err != nil {
			return nil, err
		}
		return im.reshape(to, n.shape())
	}
	return im.affine(n, fixed(a), fixed(b))
}

// halved returns n / 2. Of what is rounded to steps it is before that, to half the steps.
func (im *importer) halved(n *node) (*node, error) {
	o, ok := n.op.(model.FakeQuantize)
	if !ok {
		return im.affine(n, fixed(0.5), nil)
	}
	to, err := im.affine(n.in[0], fixed(0.5), nil)
	if err != nil {
		return nil, err
	}
	o.Steps.Scale /= 2
	return im.add(o, nil, to)
}

// swapColors exchanges the first and the third channel.
func (im *importer) swapColors(n *node) (*node, error) {
	s := n.shape()
	channels := make([]*node, s.C)
	for c := range channels {
		var err error
		if channels[c], err = im.add(model.Slice{From: [3]int{0, 0, c}, Size: [3]int{s.H, s.W, 1}}, nil, n); err != nil {
			return nil, err
		}
	}
	channels[0], channels[2] = channels[2], channels[0]
	return im.add(model.Concat{}, nil, channels...)
}

// rangeOf returns the range that the operators which make n leave it in.
func rangeOf(n *node) Range {
	low, high := bounds(n, 0)
	for _, r := range []Range{RangeTanh, RangeSigmoid, RangeBytes} {
		black, white := r.ends()
		if math.Abs(low-black) < 1e-3*(white-black) && math.Abs(high-white) < 1e-3*(white-black) {
			return r
		}
	}
	return RangeNone
}

// bounds returns the least and the largest value that n can have, as far as that is easily seen.
func bounds(n *node, depth int) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if depth > 100 || len(n.in) == 0 {
		return low, high
	}
	switch o := n.op.(type) {
	case model.Tanh:
		return -1, 1
	case model.Sigmoid, model.HardSigmoid, model.Softmax:
		return 0, 1
	case model.Clip:
		x, y := bounds(n.in[0], depth+1)
		return max(x, float64(o.Min)), min(y, float64(o.Max))
	case model.Reshape, model.Transpose, model.Slice, model.PixelShuffle, model.Resize, model.FakeQuantize:
		return bounds(n.in[0], depth+1)
	case model.BatchNorm:
		x, y := bounds(n.in[0], depth+1)
		if a, b, ok := uniform(n); ok && a > 0 {
			return a*x + b, a*y + b
		}
	}
	return low, high
}

// outputs returns the nodes of the graph's outputs: the one that the options name, or all, the
// first one ready to be shown.
func (im *importer) outputs() ([]*node, error) {
	var list []*node
	for i, o := range im.file.Graph.Outputs {
		if im.options.Output != "" && o.Name != im.options.Output {
			continue
		}
		title := fmt.Sprintf("output %q", o.Name)
		v, ok := im.values[o.Name]
		why, lost := im.missing[o.Name]
		switch {
		case lost:
			if why != "" {
				im.items = append(im.items, title+": "+why)
			}
			continue
		case im.guessed[o.Name]:
			continue
		case !ok:
			return nil, ir.Damaged("nothing makes output %q", o.Name)
		case v.v == nil || v.v.class || v.v.quantized != nil:
			im.items = append(im.items, title+": it depends on no input of numbers")
			continue
		}
		n, err := im.output(v.v)
		if err == nil && (i == 0 || im.options.Output != "") {
			n, err = im.pixels(n)
		}
		if err = im.refused(title, err); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	if im.options.Output != "" && len(list) == 0 && len(im.items) == 0 {
		im.items = append(im.items, fmt.Sprintf("no output %q", im.options.Output))
	}
	if slices.Contains(list, nil) || len(im.items) > 0 {
		return nil, &ir.UnsupportedError{Items: im.items}
	}
	return list, nil
}
