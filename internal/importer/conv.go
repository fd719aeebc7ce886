package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	register("Conv", convertConv)
	register("ConvTranspose", convertConvTranspose)
}

// window are the attributes that convolutions and pools share, for rows and columns.
type window struct {
	kernel, stride, dilation [2]int
	pad                      [4]int // above, below, left, right
	auto                     string
}

// two makes rows and columns of a list for as many dimensions as an image has; a missing row is
// unset.
func two(list []int, spatial, unset int) ([2]int, error) {
	switch {
	case list == nil:
		return [2]int{unset, unset}, nil
	case len(list) != spatial:
		return [2]int{}, ir.Refuse("%v of %d dimensions", list, spatial)
	case spatial == 1:
		if unset == 0 {
			unset = 1
		}
		return [2]int{unset, list[0]}, nil
	}
	return [2]int{list[0], list[1]}, nil
}

// window reads the attributes, for an image of 1 or 2 dimensions besides its channels.
func (s *step) window(spatial int) (w window, err error) {
	pads := s.intsAttr("pads")
	w.auto = s.textAttr("auto_pad", "NOTSET")
	if w.auto == "" {
		w.auto = "NOTSET"
	}
	if w.kernel, err = two(s.intsAttr("kernel_shape"), spatial, 0); err != nil {
		return w, err
	}
	if w.stride, err = two(s.intsAttr("strides"), spatial, 1); err != nil {
		return w, err
	}
	if w.dilation, err = two(s.intsAttr("dilations"), spatial, 1); err != nil {
		return w, err
	}
	switch {
	case pads == nil:
	case len(pads) != 2*spatial:
		return w, ir.Refuse("pads %v", pads)
	case spatial == 1:
		w.pad = [4]int{0, 0, pads[0], pads[1]}
	default:
		w.pad = [4]int{pads[0], pads[2], pads[1], pads[3]}
	}
	for _, v := range slices.Concat(w.stride[:], w.dilation[:], w.kernel[:], w.pad[:]) {
		if v > 1<<16 || v < -1<<16 {
			return w, ir.Refuse("an attribute of %d", v)
		}
	}
	if slices.Min(w.stride[:]) < 1 || slices.Min(w.dilation[:]) < 1 {
		return w, ir.RefusePlain("strides %v, dilations %v", w.stride, w.dilation)
	}
	switch w.auto {
	case "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER":
		return w, nil
	}
	return w, ir.RefusePlain("auto_pad %q", w.auto)
}

// same sets the padding that auto_pad asks for, before any that is explicit.
func (w *window) same(in [2]int) {
	switch w.auto {
	case "VALID":
		w.pad = [4]int{}
	case "SAME_UPPER", "SAME_LOWER":
		for d := range 2 {
			out := (in[d] + w.stride[d] - 1) / w.stride[d]
			total := max((out-1)*w.stride[d]+w.dilation[d]*(w.kernel[d]-1)+1-in[d], 0)
			w.pad[2*d], w.pad[2*d+1] = halves(total, w.auto == "SAME_UPPER")
		}
	}
}

// halves cuts padding in two, of which the second one is larger if upper.
func halves(total int, upper bool) (before, after int) {
	before, after = total/2, total-total/2
	if !upper {
		before, after = after, before
	}
	return before, after
}

// picture is an image that a convolution or pool reads.
type picture struct {
	n       *node // rows, columns, channels
	spatial int
	batched bool
}

// picture returns input 0 as an image: (N, C, H, W), or (N, C, W) with one row.
func (s *step) picture() (p picture, err error) {
	v, err := s.any()
	if err != nil {
		return p, err
	}
	if v.class || v.quantized != nil {
		return p, ir.Refuse("an input of integers")
	}
	p.spatial = len(v.dims) - 2
	if p.spatial != 1 && p.spatial != 2 || v.batch > 0 || len(v.dims[0]) > 0 {
		return p, ir.Refuse("an input of %v, want (N, C, H, W)", v.sizes(s.im.batch))
	}
	d := v.dims[1:]
	p.batched = v.batch == 0
	if p.spatial == 1 {
		p.n, err = s.im.arrange(v, nil, d[1], d[0])
	} else {
		p.n, err = s.im.arrange(v, d[1], d[2], d[0])
	}
	return p, err
}

// value returns what a node makes of the image.
func (p picture) value(n *node) *value {
	s := n.shape()
	var v *value
	if p.spatial == 1 {
		v = made(n, false, []int{s.C, s.W}, 1, 0)
	} else {
		v = made(n, false, []int{s.C, s.H, s.W}, 1, 2, 0)
	}
	v.dims = append([][]*atom{nil}, v.dims...)
	if v.batch = -1; p.batched {
		v.batch = 0
	}
	return v
}

// weights returns input 1, of (a, b, KH, KW) or (a, b, KW), as a function of (a, b, row, column),
// and checks the kernel's size.
func (s *step) weights(p picture, w *window) (a, b int, at func(a, b, y, x int) float64, err error) {
	k, err := s.constant(1)
	if err != nil {
		return 0, 0, nil, err
	}
	if len(k.dims) != p.spatial+2 || k.n == 0 {
		return 0, 0, nil, ir.Refuse("weights of %v", k.dims)
	}
	kernel, err := two(k.dims[2:], p.spatial, 0)
	if err != nil {
		return 0, 0, nil, err
	}
	if w.kernel == [2]int{} {
		w.kernel = kernel
	}
	if w.kernel != kernel {
		return 0, 0, nil, ir.Refuse("kernel_shape %v, weights of %v", w.kernel, k.dims)
	}
	n := k.dims[1]
	return k.dims[0], n, func(a, b, y, x int) float64 { return k.float(((a*n+b)*kernel[0]+y)*kernel[1] + x) }, nil
}

// bias adds input i to params, if there is one.
func (s *step) bias(i, n int, params []param) ([]param, error) {
	if s.get(i).none() {
		return params, nil
	}
	b, err := s.constant(i)
	if err != nil {
		return nil, err
	}
	if b.n != n {
		return nil, ir.Refuse("a bias of %v for %d channels", b.dims, n)
	}
	return append(params, b.float), nil
}

func convertConv(s *step) error {
	p, err := s.picture()
	if err != nil {
		return err
	}
	w, err := s.window(p.spatial)
	if err != nil {
		return err
	}
	groups := s.intAttr("group", 1)
	co, ci, at, err := s.weights(p, &w)
	if err != nil {
		return err
	}
	in := p.n.shape()
	if groups < 1 || in.C != ci*groups || co%groups != 0 {
		return ir.Refuse("group %d, %d channels, weights of (%d,%d)", groups, in.C, co, ci)
	}
	w.same([2]int{in.H, in.W})
	if slices.Min(w.pad[:]) < 0 {
		return ir.Refuse("pads %v", w.pad)
	}
	params, err := s.bias(2, co, []param{func(i int) float64 {
		tap := i / (ci * co)
		return at(i%co, i/co%ci, tap/w.kernel[1], tap%w.kernel[1])
	}})
	if err != nil {
		return err
	}
	n, err := s.im.add(model.Conv2D{
		Filters: co, Kernel: w.kernel, Stride: w.stride, Dilation: w.dilation, Groups: groups, Pad: w.pad, Bias: len(params) > 1,
	}, params, p.n)
	if err != nil {
		return err
	}
	return s.done(p.value(n), nil)
}

func convertConvTranspose(s *step) error {
	p, err := s.picture()
	if err != nil {
		return err
	}
	w, err := s.window(p.spatial)
	if err != nil {
		return err
	}
	groups := s.intAttr("group", 1)
	outPad, err := two(s.intsAttr("output_padding"), p.spatial, 0)
	if err != nil {
		return err
	}
	if p.spatial == 1 {
		outPad[0] = 0
	}
	outShape := s.intsAttr("output_shape")
	if len(outShape) == p.spatial+2 { // as some exporters write it
		outShape = outShape[2:]
	}
	if !s.get(3).none() { // rows and columns, which other formats compute
		size, err := s.constant(3)
		if err != nil {
			return err
		}
		if outShape, err = size.ints(s.im.meter); err != nil {
			return err
		}
	}
	ci, each, at, err := s.weights(p, &w)
	if err != nil {
		return err
	}
	in := p.n.shape()
	if groups < 1 || in.C != ci || ci%groups != 0 || each < 1 {
		return ir.Refuse("group %d, %d channels, weights of (%d,%d)", groups, in.C, ci, each)
	}
	co, per := each*groups, ci/groups
	params, err := s.bias(2, co, []param{func(i int) float64 {
		tap, c := i/(per*co), i%co
		return at(c/each*per+i/co%per, c%each, tap/w.kernel[1], tap%w.kernel[1])
	}})
	if err != nil {
		return err
	}
	if err := w.crop([2]int{in.H, in.W}, &outPad, outShape, p.spatial); err != nil {
		return err
	}
	l := model.ConvTranspose2D{
		Filters: co, Kernel: w.kernel, Stride: w.stride, Dilation: w.dilation, Groups: groups, Pad: w.pad, OutPad: outPad, Bias: len(params) > 1,
	}
	n, err := s.im.spread(l, params, p.n)
	if err != nil {
		return err
	}
	return s.done(p.value(n), nil)
}

// crop settles what a transposed convolution crops, by auto_pad or output_shape.
func (w *window) crop(in [2]int, outPad *[2]int, outShape []int, spatial int) error {
	if outShape == nil && w.auto == "NOTSET" {
		return nil
	}
	want, err := two(outShape, spatial, 0)
	if err != nil {
		return err
	}
	if w.auto == "VALID" && outShape == nil {
		w.pad = [4]int{}
		return nil
	}
	for d := range 2 {
		if outShape == nil {
			want[d] = in[d] * w.stride[d]
		}
		if spatial == 1 && d == 0 {
			continue
		}
		total := w.stride[d]*(in[d]-1) + outPad[d] + w.dilation[d]*(w.kernel[d]-1) + 1 - want[d]
		if total < 0 { // an output that is larger than what the kernel reaches
			outPad[d] -= total
			total = 0
		}
		// As the operator's text has it, for any auto_pad but SAME_UPPER the first half is the
		// larger one.
		w.pad[2*d], w.pad[2*d+1] = halves(total, w.auto == "SAME_UPPER")
	}
	return nil
}

// spread makes a transposed convolution. What package model does not take in one (an output that
// is larger than the kernel reaches) it makes of two operators.
func (im *importer) spread(l model.ConvTranspose2D, params []param, in *node) (*node, error) {
	if slices.Min(l.Pad[:]) >= 0 {
		if n, err := im.add(l, params, in); err == nil {
			return n, nil
		}
	}
	if len(params) > 1 {
		return nil, ir.Refuse("output_padding %v, pads %v", l.OutPad, l.Pad)
	}
	grow := [4]int{0, l.OutPad[0], 0, l.OutPad[1]}
	l.OutPad = [2]int{}
	for i, v := range l.Pad {
		grow[i] += max(-v, 0)
		l.Pad[i] = max(v, 0)
		take := min(grow[i], l.Pad[i])
		grow[i] -= take
		l.Pad[i] -= take
	}
	if slices.Min(grow[:]) < 0 {
		return nil, ir.Refuse("output_padding below 0")
	}
	n, err := im.add(l, params, in)
	if err != nil {
		return nil, err
	}
	return im.add(model.Pad{Pad: grow, Mode: model.PadZero}, nil, n)
}
