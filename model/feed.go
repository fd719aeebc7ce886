package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// GeneratorInputs returns the indices of the inputs of a generator: one vector of latents, and one
// class, or -1 without classes. The error, which wraps ErrShape, names an input that is neither.
func (m *Model) GeneratorInputs() (latent, class int, err error) {
	latent, class = -1, -1
	for i, v := range m.graph.Inputs {
		switch {
		case v.Type.Kind == Class && class < 0:
			class = i
		case v.Type.Kind == Float32 && v.Shape.IsFlat() && latent < 0:
			latent = i
		default:
			return -1, -1, fmt.Errorf("%w: input %s of %v", ErrShape, v.Name, v.Spec)
		}
	}
	if latent < 0 {
		return -1, -1, fmt.Errorf("%w: no input of latents", ErrShape)
	}
	return latent, class, nil
}

// check returns how many images a Feed has, and an error unless it fits the model.
func (s *Session) check(f Feed) (n int, err error) {
	g := s.m.graph
	if len(f.In) != len(g.Inputs) || len(f.Out) != len(g.Outputs) {
		return 0, fmt.Errorf("%w: %d inputs and %d outputs, want %d and %d", ErrShape, len(f.In), len(f.Out), len(g.Inputs), len(g.Outputs))
	}
	for i, v := range g.Inputs {
		images, err := v.images(f.In[i])
		if err != nil {
			return 0, err
		}
		if i > 0 && images != n {
			return 0, fmt.Errorf("%w: %d images of input %s, %d of %s", ErrShape, images, v.Name, n, g.Inputs[0].Name)
		}
		n = images
	}
	for i, v := range g.Outputs {
		if err := v.fits(f.Out[i], n, len(g.Outputs) == 1); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// fits returns an error unless a Data takes n images of output v. An empty one does if the output
// need not be wanted.
func (v *Value) fits(d Data, n int, wanted bool) error {
	if len(d.Classes) > 0 || v.Type.Kind == Int8 || v.Type.Kind == Class {
		return fmt.Errorf("%w: output %s is %v", ErrShape, v.Name, v.Type)
	}
	want := int64(n) * int64(v.Shape.Len()) // perhaps more than an int of 32 bits
	for _, got := range []int{len(d.Floats), len(d.Pixels)} {
		if int64(got) != want && (got > 0 || wanted && len(d.Floats)+len(d.Pixels) == 0) {
			return fmt.Errorf("%w: output of %d values, want %d for %d images of %v", ErrShape, got, want, n, v.Shape)
		}
	}
	return nil
}

// images returns how many images of input v a Data holds.
func (v *Value) images(d Data) (int, error) {
	if v.Type.Kind == Class {
		if len(d.Classes) == 0 || len(d.Floats)+len(d.Pixels) > 0 {
			return 0, fmt.Errorf("%w: input %s wants classes", ErrShape, v.Name)
		}
		for i, c := range d.Classes {
			if c < 0 || int(c) >= v.Type.Classes {
				return 0, fmt.Errorf("%w: image %d of class %d, want 0 to %d", ErrShape, i, c, v.Type.Classes-1)
			}
		}
		return len(d.Classes), nil
	}
	each := v.Shape.Len()
	switch {
	case len(d.Floats) == 0:
		return 0, fmt.Errorf("%w: no images", ErrShape)
	case len(d.Floats)%each != 0:
		return 0, fmt.Errorf("%w: input of %d values, want a multiple of %d", ErrShape, len(d.Floats), each)
	}
	return len(d.Floats) / each, nil
}

// load brings n images from image lo on into a worker's memory.
func (s *Session) load(m *memory, lo, n int) {
	for i, v := range s.program.inputs {
		t, d := &m.values[v], s.feed.In[i]
		if s.program.values[v].kind == Class {
			s.program.setClasses(m, v, d.Classes[lo:lo+n])
			continue
		}
		l := t.Layout
		l.N = n
		l.Import(t.F, d.Floats[lo*s.m.graph.Inputs[i].Shape.Len():])
	}
	for i, v := range s.program.outputs {
		if s.program.values[v].kind == Pixel {
			m.values[v].Pix = s.pixelsOf(m, i, lo, n)
		}
	}
}

// pixelsOf is where n images of output i go from image lo on: the caller's memory or, if floats are
// wanted or nothing, the worker's.
func (s *Session) pixelsOf(m *memory, i, lo, n int) []uint8 {
	each := s.m.graph.Outputs[i].Shape.Len()
	if p := s.feed.Out[i].Pixels; len(p) > 0 {
		return p[lo*each:][:n*each]
	}
	if len(m.pixels) < len(s.program.outputs) {
		m.pixels = make([][]uint8, len(s.program.outputs))
	}
	if m.pixels[i] == nil {
		m.pixels[i] = make([]uint8, s.program.chunk*each)
	}
	return m.pixels[i][:n*each]
}

// store brings n images of worker id's memory to their places in the outputs from image lo on.
func (s *Session) store(id, lo, n int) {
	m := &s.memory[id]
	for i, v := range s.program.outputs {
		t, d := &m.values[v], s.feed.Out[i]
		each := s.m.graph.Outputs[i].Shape.Len()
		floats, pixels := d.Floats, d.Pixels
		if len(floats) > 0 {
			floats = floats[lo*each:][:n*each]
		}
		if s.program.values[v].kind == Pixel {
			if len(floats) > 0 {
				quant.Floats(floats, t.Pix)
			}
			continue
		}
		if len(floats)+len(pixels) == 0 {
			continue
		}
		if len(floats) == 0 {
			if len(m.floats) < n*each {
				m.floats = make([]float32, s.program.chunk*each)
			}
			floats = m.floats[:n*each]
		}
		l := t.Layout
		l.N = n
		l.Export(floats, t.F)
		if len(pixels) > 0 {
			quant.Pixels(pixels[lo*each:][:n*each], floats)
		}
	}
}
