package importer

import (
	"slices"
	"strconv"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// step is a node in the course of an import: its inputs' values, and which of its attributes were
// read, so that those nobody knows are refused.
type step struct {
	*ir.Node
	im   *importer
	in   []operand
	seen []string

	guessed bool // whether an input is not what the file has, see importer.fail
}

// operand is what a node reads: a constant, a value of the graph or, with neither, nothing.
type operand struct {
	a *array
	v *value
}

func (o operand) none() bool { return o.a == nil && o.v == nil }

func (s *step) attribute(name string) *ir.Attribute {
	s.seen = append(s.seen, name)
	for i := range s.Attributes {
		if s.Attributes[i].Name == name {
			return &s.Attributes[i]
		}
	}
	return nil
}

func (s *step) intAttr(name string, unset int) int {
	if a := s.attribute(name); a != nil {
		return int(a.I)
	}
	return unset
}

func (s *step) floatAttr(name string, unset float64) float64 {
	if a := s.attribute(name); a != nil {
		return decimal(a.F)
	}
	return unset
}

// decimal is the number that an exporter has rounded to f, as far as one can tell: the shortest one
// that does. So an epsilon of 0.001 is the same in float64, too.
func decimal(f float32) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64) // which reads all that the other writes
	return v
}

func (s *step) textAttr(name, unset string) string {
	if a := s.attribute(name); a != nil {
		return a.S
	}
	return unset
}

// intsAttr returns a list of integers, nil if it is unset.
func (s *step) intsAttr(name string) []int {
	a := s.attribute(name)
	if a == nil {
		return nil
	}
	list := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		list[i] = int(v)
	}
	return list
}

// ignore marks attributes that say nothing about the result.
func (s *step) ignore(names ...string) { s.seen = append(s.seen, names...) }

// unread lists the attributes that nobody has read.
func (s *step) unread() (list []string) {
	for _, a := range s.Attributes {
		if !slices.Contains(s.seen, a.Name) {
			list = append(list, a.Name)
		}
	}
	return list
}

// get returns input i, nothing if there is none.
func (s *step) get(i int) operand {
	if i < len(s.in) {
		return s.in[i]
	}
	return operand{}
}

// constant returns input i, which must be one.
func (s *step) constant(i int) (*array, error) {
	o := s.get(i)
	switch {
	case o.a != nil:
		return o.a, nil
	case o.v != nil:
		return nil, ir.RefusePlain("input %d (%s) is no constant", i, s.Node.In[i])
	}
	return nil, ir.Refuse("input %d is missing", i)
}

// dynamic returns input i as a value of the graph; a constant becomes one.
func (s *step) dynamic(i int) (*value, error) {
	o := s.get(i)
	switch {
	case o.v != nil && o.v.class:
		return nil, ir.Refuse("input %d (%s) is a class", i, s.Node.In[i])
	case o.v != nil && o.v.quantized != nil:
		return nil, ir.Refuse("input %d (%s) is quantized", i, s.Node.In[i])
	case o.v != nil:
		return s.im.plain(o.v)
	case o.a != nil:
		return s.im.lift(o.a)
	}
	return nil, ir.Refuse("input %d is missing", i)
}

// list returns integers that are an attribute in old opsets and input i in new ones; nil for none.
func (s *step) list(name string, i int) ([]int, error) {
	if v := s.intsAttr(name); v != nil {
		return v, nil
	}
	if s.get(i).none() {
		return nil, nil
	}
	a, err := s.constant(i)
	if err != nil {
		return nil, err
	}
	return a.ints(s.im.meter)
}

// axis makes an axis of rank dimensions count from the front.
func axis(k, rank int) (int, error) {
	if k < -rank || k >= rank {
		return 0, ir.Refuse("axis %d of %d dimensions", k, rank)
	}
	if k < 0 {
		k += rank
	}
	return k, nil
}

func axes(list []int, rank int) ([]int, error) {
	out := make([]int, len(list))
	for i, k := range list {
		k, err := axis(k, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out[:i], k) {
			return nil, ir.Refuse("axis %d twice", k)
		}
		out[i] = k
	}
	return out, nil
}
