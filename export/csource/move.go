package csource

import (
	"strconv"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

var moveRules = map[string]rule{
	"qconcat":       {write: move},
	"qslice":        {write: move},
	"qpad":          {write: move},
	"qnearest":      {write: move},
	"qtranspose":    {write: move},
	"qpixelshuffle": {write: move},
}

func itoa(n int) string { return strconv.Itoa(n) }

// floatForm returns the operator in floats that an int8 one follows.
func (s *step) floatForm() (model.Op, quant.Params, bool) {
	o, ok := s.Op.(interface {
		FloatForm() (model.Op, quant.Params)
	})
	if !ok {
		s.refuse("its form in floats is not known")
		return nil, quant.Params{}, false
	}
	op, p := o.FloatForm()
	return op, p, true
}

// move copies what the operator in floats moves. Where each element comes from shows when its
// reference is given the elements' own numbers; it is a sum of one number for the row, one for the
// column and one for the channel.
func move(s *step) {
	op, out, ok := s.floatForm()
	if !ok {
		return
	}
	ref, ok := op.(model.Referencer)
	if !ok {
		s.refuse("it has no reference")
		return
	}
	const first = 1000 // above any constant of the operator, which is a byte
	x, specs, starts := [][]float64{}, []model.Spec{}, []int{}
	next := first
	for _, v := range s.in {
		starts, specs = append(starts, next), append(specs, model.Floats(v.Shape))
		numbers := make([]float64, v.Shape.Len())
		for i := range numbers {
			numbers[i] = float64(next)
			next++
		}
		x = append(x, numbers)
	}
	y := make([]float64, s.Out.Shape.Len())
	ref.Reference(y, x, nil, specs)
	shape := s.Out.Shape
	channel := 0
	for i, v := range s.in {
		c := shape.C
		if len(s.in) > 1 {
			c = v.Shape.C // side by side
		}
		from := source{y: y, shape: shape, offset: channel, c: c, start: starts[i], end: starts[i] + v.Shape.Len()}
		rows, columns, channels, ok := from.sums()
		if !ok {
			s.refuse("elements that no row, column and channel add up to")
			return
		}
		fill := int32(0)
		if p, ok := op.(model.Pad); ok {
			fill = int32(p.Value)
		}
		table := "NULL"
		if p := v.Type.Params; p != out {
			t := p.Rescale(out)
			table = constant(s.Program, t[:])
		}
		const bytes = 9 * 4
		m := s.structure("move", bytes, shape.H, shape.W, c, shape.C, fill,
			constant(s.Program, rows), constant(s.Program, columns), constant(s.Program, channels), table)
		s.call([]string{"move"}, "move(%s + %d, %s, &%s)", s.out.at(), channel, v.at(), m)
		channel += c
	}
}

// source is the part of an output that one input makes.
type source struct {
	y          []float64
	shape      model.Shape
	offset, c  int // channels
	start, end int // the input's numbers
}

// of returns the number of the input's element at a place of the output, -1 for the constant; false
// for another input's.
func (s source) of(i, j, k int) (int32, bool) {
	v := int(s.y[(i*s.shape.W+j)*s.shape.C+s.offset+k])
	if v >= s.start && v < s.end {
		return int32(v - s.start), true
	}
	return -1, v < 1000
}

// sums returns what rows, columns and channels add up to, -1 for those of the constant.
func (s source) sums() (rows, columns, channels []int32, ok bool) {
	i0, j0, k0, found := s.anchor()
	if !found {
		return nil, nil, nil, false
	}
	base, _ := s.of(i0, j0, k0)
	list := func(n int, of func(i int) (int32, bool)) (list []int32, least int32) {
		least = base
		for i := range n {
			v, _ := of(i)
			if list = append(list, v); v >= 0 {
				least = min(least, v)
			}
		}
		return list, least
	}
	less := func(list []int32, least int32) {
		for i := range list {
			if list[i] >= 0 {
				list[i] -= least
			}
		}
	}
	rows, _ = list(s.shape.H, func(i int) (int32, bool) { return s.of(i, j0, k0) })
	columns, leastColumn := list(s.shape.W, func(j int) (int32, bool) { return s.of(i0, j, k0) })
	channels, leastChannel := list(s.c, func(k int) (int32, bool) { return s.of(i0, j0, k) })
	less(columns, leastColumn)
	less(channels, leastChannel)
	less(rows, 2*base-leastColumn-leastChannel)
	return rows, columns, channels, s.holds(rows, columns, channels)
}

// anchor returns a place that the input makes.
func (s source) anchor() (i, j, k int, ok bool) {
	for i := range s.shape.H {
		for j := range s.shape.W {
			for k := range s.c {
				if v, own := s.of(i, j, k); own && v >= 0 {
					return i, j, k, true
				}
			}
		}
	}
	return 0, 0, 0, false
}

// holds tells whether the sums are right everywhere.
func (s source) holds(rows, columns, channels []int32) bool {
	for i, r := range rows {
		for j, c := range columns {
			for k, ch := range channels {
				want, own := s.of(i, j, k)
				got := r + c + ch
				if r == -1 || c == -1 || ch == -1 {
					got = -1
				}
				if !own || got != want || min(r, c, ch) < -1 {
					return false
				}
			}
		}
	}
	return true
}
