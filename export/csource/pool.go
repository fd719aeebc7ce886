package csource

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

var poolRules = map[string]rule{
	"qmaxpool":       {write: maxPool},
	"qavgpool":       {write: mean},
	"qglobalavgpool": {write: mean},
	"qbilinear":      {write: mean},
}

func maxPool(s *step) {
	o := s.Op.(model.QMaxPool).Op
	in, out := s.in[0].Shape, s.Out.Shape
	two := func(a, b int) string { return constant(s.Program, []int32{int32(a), int32(b)}) }
	s.call([]string{"largest"}, "largest(%s, %s, %d, %d, %d, %d, %d, %s, %s, %s)", s.out.at(), s.in[0].at(), out.H, out.W, out.C, in.H, in.W,
		two(o.Kernel[0], o.Kernel[1]), two(o.Stride[0], o.Stride[1]), two(o.Pad[0], o.Pad[2]))
}

// share is what one row or column of the output is the mean of: count of the input's from first on,
// with two weights if there are at most two, and the total of the weights that it counts for.
type share struct{ first, count, w0, w1, total int }

// window returns the rows (d = 0) or columns (1) of a pool.
func window(kernel, stride [2]int, pad [4]int, countPad bool, d, n, out int) (list []share) {
	for i := range out {
		at := i*stride[d] - pad[2*d]
		first, end := max(at, 0), min(at+kernel[d], n)
		total := end - first
		if countPad {
			total = kernel[d]
		}
		list = append(list, share{first, end - first, 1, 1, total})
	}
	return list
}

// between returns those of a bilinear resizing, whose fractions are in lowest terms.
func between(coordinates string, rows, outRows int) (list []share) {
	n, out := int64(rows), int64(outRows)
	for i := range out {
		num, den := i*n, out
		switch coordinates {
		case model.HalfPixel:
			num, den = (2*i+1)*n-out, 2*out
		case model.AlignCorners:
			num, den = i*(n-1), max(out-1, 1)
		}
		num = min(max(num, 0), (n-1)*den)
		lo, part := int(num/den), num%den
		a, b := den, part
		for b != 0 {
			a, b = b, a%b
		}
		w1, total := int(part/a), int(den/a)
		if w1 == 0 {
			list = append(list, share{lo, 1, total, 0, total})
		} else {
			list = append(list, share{lo, 2, total - w1, w1, total})
		}
	}
	return list
}

// shares returns the rows and columns of an operator.
func shares(op model.Op, in, out model.Shape) (rows, columns []share, err error) {
	switch o := op.(type) {
	case model.AvgPool:
		return window(o.Kernel, o.Stride, o.Pad, o.CountPad, 0, in.H, out.H), window(o.Kernel, o.Stride, o.Pad, o.CountPad, 1, in.W, out.W), nil
	case model.GlobalAvgPool:
		return []share{{0, in.H, 1, 1, in.H}}, []share{{0, in.W, 1, 1, in.W}}, nil
	case model.Resize:
		return between(o.Coordinates, in.H, o.H), between(o.Coordinates, in.W, o.W), nil
	}
	return nil, nil, fmt.Errorf("means of %T", op)
}

func mean(s *step) {
	op, out, ok := s.floatForm()
	if !ok {
		return
	}
	in := s.in[0]
	rows, columns, err := shares(op, in.Shape, s.Out.Shape)
	if err != nil {
		s.refuse("%v", err)
		return
	}
	rowKinds, columnKinds := kinds(rows), kinds(columns)
	var factors []int32
	for _, r := range rowKinds {
		for _, c := range columnKinds { // as model.QAverage has it
			m, shift, err := quant.Fixed(23, float64(in.Type.Scale)/(float64(r*c)*float64(out.Scale)))
			if err != nil {
				s.refuse("%v", err)
				return
			}
			factors = append(factors, int32(m[0]), int32(shift))
		}
	}
	const bytes = 7*4 + 3*4
	m := s.structure("mean", bytes, s.Out.Shape.H, s.Out.Shape.W, s.Out.Shape.C, in.Shape.W, in.Type.Zero, out.Zero, len(columnKinds),
		s.records("share", 5, flat(rows, rowKinds)), s.records("share", 5, flat(columns, columnKinds)), s.records("factor", 2, factors))
	s.call([]string{"number", "mean"}, "mean(%s, %s, &%s)", s.out.at(), in.at(), m)
}

// kinds lists the totals that there are.
func kinds(list []share) (totals []int) {
	for _, s := range list {
		if !slices.Contains(totals, s.total) {
			totals = append(totals, s.total)
		}
	}
	return totals
}

// flat lists the fields of the shares one after another.
func flat(list []share, kinds []int) (out []int32) {
	for _, s := range list {
		for _, v := range []int{s.first, s.count, s.w0, s.w1, slices.Index(kinds, s.total)} {
			out = append(out, int32(v))
		}
	}
	return out
}

// records declares an array of structs of n numbers each.
func (p *Program) records(kind string, n int, x []int32) string {
	name := fmt.Sprintf("data%d", len(p.data))
	p.bytes += 4 * len(x)
	text := ""
	for i := 0; i < len(x); i += n {
		text += "\n  {"
		for k, v := range x[i : i+n] {
			if k > 0 {
				text += ", "
			}
			text += fmt.Sprint(v)
		}
		text += "},"
	}
	p.data = append(p.data, fmt.Sprintf("static const struct %s %s[%d] = {%s\n};\n", kind, name, len(x)/n, text))
	return name
}
