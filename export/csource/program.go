package csource

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/engine"
	"github.com/gantiny/gantiny/model"
)

// ErrUnsupported is wrapped by the error about a model that cannot be written as C.
var ErrUnsupported = errors.New("cannot be written as C")

// ErrFloat is wrapped, besides, by the error about a model in floats.
var ErrFloat = errors.New("it is in floats: quantize it first")

// UnsupportedError lists everything in a model that cannot be written.
type UnsupportedError struct{ Items []string }

func (e *UnsupportedError) Error() string {
	return "csource: " + ErrUnsupported.Error() + ":\n  " + strings.Join(e.Items, "\n  ")
}

func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// Options say what a program is called.
type Options struct {
	Name    string // of its functions and constants, in front of theirs: "gen" if empty
	Version string // of the program that writes
}

// Program is a model as a C program.
type Program struct {
	m       *model.Model
	options Options
	latents model.Port
	classes int // 0 without a class

	step  int32 // of the latents
	input string
	body  []string        // the calls of its operators
	data  []string        // declarations of constants
	bytes int             // of the constants
	parts map[string]bool // files of the folder c
	taps  int             // the most of any kernel

	values map[string]*value
	arena  int
	items  []string
}

// value is bytes in the arena, or the pixels.
type value struct {
	model.Spec
	name   string
	buffer *engine.Buffer // nil of pixels and of the class
	class  bool
	pixels bool
}

// New plans the program of an int8 model with one output, an image of at most four channels, and
// the inputs of a generator. The error about what cannot be written wraps ErrUnsupported and lists
// all of it.
func New(m *model.Model, o Options) (*Program, error) {
	if o.Name == "" {
		o.Name = "gen"
	}
	if !isIdentifier(o.Name) {
		return nil, fmt.Errorf("csource: %q is no name of C", o.Name)
	}
	if !m.Quantized() {
		return nil, fmt.Errorf("csource: %w: %w", ErrUnsupported, ErrFloat)
	}
	params, err := m.ReadParams()
	if err != nil {
		return nil, fmt.Errorf("csource: %w", err)
	}
	p := &Program{m: m, options: o, parts: map[string]bool{}, values: map[string]*value{}, taps: 1}
	p.checkPorts()
	p.plan(params)
	if len(p.items) > 0 {
		return nil, &UnsupportedError{p.items}
	}
	return p, nil
}

func isIdentifier(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func (p *Program) refuse(format string, args ...any) {
	p.items = append(p.items, fmt.Sprintf(format, args...))
}

// checkPorts refuses inputs and outputs that are not a generator's.
func (p *Program) checkPorts() {
	latent, class, err := p.m.GeneratorInputs()
	if err != nil {
		p.refuse("inputs: %v: want latents and perhaps a class", err)
	} else {
		p.latents = p.m.Inputs()[latent]
		if class >= 0 {
			p.classes = p.m.Inputs()[class].Type.Classes
		}
	}
	outputs := p.m.Outputs()
	if s := outputs[0].Shape; len(outputs) != 1 || s.IsFlat() || s.C > 4 {
		p.refuse("outputs: %d, the first of %v: want one image of 1 to 4 channels", len(outputs), s)
	}
}

// maxFeatures bounds a value: no microcontroller has memory for more, and indices stay within 32
// bits.
const maxFeatures = 1 << 24

// plan makes the values, their places in the arena, and the calls.
func (p *Program) plan(params []*model.Param) {
	g := p.m.Graph()
	all, last := rules(), map[string]int{}
	for i, n := range g.Nodes {
		for _, name := range n.Inputs {
			last[name] = i
		}
	}
	for _, in := range g.Inputs {
		p.values[in.Name] = &value{Spec: in.Spec, name: in.Name, class: in.Type.Kind == model.Class}
	}
	var buffers []*engine.Buffer
	var steps []*step
	byName := map[string]*model.Param{}
	for _, q := range params {
		byName[q.Name] = q
	}
	for i, n := range g.Nodes {
		s := &step{Program: p, LayerInfo: n, out: &value{Spec: n.Out, name: n.Name}}
		for _, name := range n.Inputs {
			s.in = append(s.in, p.values[name])
		}
		for _, q := range n.Params {
			s.params = append(s.params, byName[q.Name])
		}
		p.values[n.Name] = s.out
		r, ok := all[n.Op.Kind()]
		if !ok || n.Out.Shape.Len() > maxFeatures {
			if ok {
				p.refuse("layer %s (%s): %v are too many features", n.Name, n.Op.Kind(), n.Out.Shape)
			} else {
				p.refuse("layer %s (%s): C has no such operator", n.Name, n.Op.Kind())
			}
			continue
		}
		s.write = r.write
		buffers = s.place(buffers, r, i, max(i, last[n.Name]))
		steps = append(steps, s)
	}
	if len(p.items) > 0 {
		return
	}
	p.arena = engine.Place(buffers)
	for _, s := range steps {
		if s.write != nil {
			s.write(s)
		}
	}
}

// place gives a step's output its memory: that of an input where the operator is a view or may
// write over what nothing reads later.
func (s *step) place(buffers []*engine.Buffer, r rule, at, last int) []*engine.Buffer {
	isOutput := s.m.Graph().Outputs[0] == s.Name
	switch {
	case s.Out.Type.Kind == model.Pixel || s.Op.Kind() == "qdequantize" && isOutput:
		s.out.pixels = true
		return buffers
	case r.view:
		s.out.buffer = s.in[0].buffer
		s.out.buffer.Last = max(s.out.buffer.Last, last)
		return buffers
	case r.inPlace && s.in[0].buffer.Last == at && (len(s.in) < 2 || s.in[1].buffer != s.in[0].buffer):
		s.out.buffer = s.in[0].buffer
		s.out.buffer.Last = last
		return buffers
	}
	s.out.buffer = &engine.Buffer{Size: s.Out.Shape.Len(), First: at, Last: last}
	return append(buffers, s.out.buffer)
}

// step is one operator on its way.
type step struct {
	*Program
	model.LayerInfo
	in     []*value
	out    *value
	params []*model.Param
	write  func(s *step)
}

// rule says how an operator becomes C.
type rule struct {
	write   func(s *step)
	view    bool // the output is the input's memory
	inPlace bool // the output may be the first input's memory
}

// rules has a rule for each kind of operator; the parts are in the files of this package.
func rules() map[string]rule {
	all := map[string]rule{}
	for _, part := range []map[string]rule{linearRules, elementRules, moveRules, poolRules} {
		for kind, r := range part {
			all[kind] = r
		}
	}
	return all
}

// at is the C expression of a value's memory.
func (v *value) at() string {
	switch {
	case v.pixels:
		return "pixels"
	case v.class:
		return "class"
	}
	return fmt.Sprintf("arena + %d", v.buffer.At)
}

// call adds a call of a function of the folder c, with the parts that it needs.
func (s *step) call(parts []string, format string, args ...any) {
	for _, part := range parts {
		s.parts[part] = true
	}
	s.body = append(s.body, fmt.Sprintf("/* %s, %s */", s.Name, s.Out.Shape), fmt.Sprintf(format, args...)+";")
}

// refuse notes what C cannot hold of a step.
func (s *step) refuse(format string, args ...any) {
	s.Program.refuse("layer %s (%s): %s", s.Name, s.Op.Kind(), fmt.Sprintf(format, args...))
}

// number is an element of a constant.
type number interface {
	int8 | uint8 | int32 | float32
}

// constant declares an array and returns its name.
func constant[T number](p *Program, x []T) string {
	var zero T
	kind, size := "", 0
	switch any(zero).(type) {
	case int8:
		kind, size = "int8_t", 1
	case uint8:
		kind, size = "uint8_t", 1
	case int32:
		kind, size = "int32_t", 4
	case float32:
		kind, size = "float", 4
	}
	name := fmt.Sprintf("data%d", len(p.data))
	p.bytes += size * len(x)
	p.data = append(p.data, fmt.Sprintf("static const %s %s[%d] = {%s};\n", kind, name, len(x), list(x)))
	return name
}

// structure declares a struct and returns its name.
func (p *Program) structure(kind string, bytes int, fields ...any) string {
	name := fmt.Sprintf("data%d", len(p.data))
	p.bytes += bytes
	text := make([]string, len(fields))
	for i, f := range fields {
		text[i] = fmt.Sprint(f)
		if v, ok := f.(float32); ok {
			text[i] = literal(v)
		}
	}
	p.data = append(p.data, fmt.Sprintf("static const struct %s %s = {%s};\n", kind, name, strings.Join(text, ", ")))
	return name
}

// literal is a float as C writes it, exactly.
func literal(v float32) string { return fmt.Sprintf("%xf", v) }

// list writes numbers in lines of at most 100 columns.
func list[T number](x []T) string {
	var b strings.Builder
	width := 100
	for i, v := range x {
		text := fmt.Sprint(v)
		if f, ok := any(v).(float32); ok {
			text = literal(f)
		}
		if any(v) == any(int32(math.MinInt32)) {
			text = "INT32_MIN" // whose digits are no int
		}
		if width+len(text)+2 > 100 {
			b.WriteString("\n ")
			width = 1
		}
		width += len(text) + 2
		b.WriteString(" " + text)
		if i < len(x)-1 {
			b.WriteByte(',')
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// sortedParts lists the parts in an order in which each knows what it needs.
func (p *Program) sortedParts() (list []string) {
	for _, name := range []string{
		"number", "nearest", "requantize", "tanh", "linear", "linear_bytes", "linear_pixels", "table", "table_pixels", "pair", "add", "multiply",
		"affine", "norm", "move", "mean", "largest",
	} {
		if p.parts[name] {
			list = append(list, name)
		}
	}
	return slices.Clip(list)
}
