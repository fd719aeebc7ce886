package onnx

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// parse reads a ModelProto.
func parse(b []byte, m *meter) (*file, error) {
	f := &file{}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 2:
			f.producer, err = at.text(m)
		case 7:
			if err = at.want(protowire.BytesType); err == nil {
				f.hasGraph = true
				err = parseGraph(&f.graph, at.bytes, m)
			}
		case 8:
			if err = at.want(protowire.BytesType); err == nil {
				err = parseOpset(f, at.bytes, m)
			}
		}
		return err
	})
	if err == nil && !f.hasGraph {
		err = damaged("it holds no graph")
	}
	return f, err
}

func parseOpset(f *file, b []byte, m *meter) error {
	o := opset{}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			o.domain, err = at.text(m)
		case 2:
			o.version = int(min(at.number, 1<<30))
		}
		return err
	})
	if o.domain == "" || o.domain == "ai.onnx" {
		f.opset = o.version
	} else if err == nil {
		err = m.take(wordBytes)
		f.opsets = append(f.opsets, o)
	}
	return err
}

func parseGraph(g *graphProto, b []byte, m *meter) error {
	// Counted first, for lists that grow cost more than what they hold.
	var counts [16]int
	err := fields(b, func(at field) error {
		if at.num < protowire.Number(len(counts)) {
			counts[at.num]++
		}
		return nil
	})
	if err == nil {
		err = m.take(int64(counts[1]*nodeBytes + (counts[11]+counts[12])*infoBytes + counts[5]*8))
	}
	if err != nil {
		return err
	}
	g.nodes, g.initializers = slices.Grow(g.nodes, counts[1]), slices.Grow(g.initializers, counts[5])
	g.inputs, g.outputs = slices.Grow(g.inputs, counts[11]), slices.Grow(g.outputs, counts[12])
	return fillGraph(g, b, m)
}

func fillGraph(g *graphProto, b []byte, m *meter) error {
	return fields(b, func(at field) (err error) {
		if at.num != 2 && at.typ != protowire.BytesType {
			return at.want(protowire.BytesType)
		}
		switch at.num {
		case 1:
			var n nodeProto
			n, err = parseNode(at.bytes, m)
			g.nodes = append(g.nodes, n)
		case 2:
			g.name, err = at.text(m)
		case 5:
			var t *tensorProto
			t, err = parseTensor(at.bytes, m)
			g.initializers = append(g.initializers, t)
		case 11, 12:
			var v valueInfo
			v, err = parseInfo(at.bytes, m)
			if at.num == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
		case 15:
			g.sparse = true
		}
		return err
	})
}

func parseNode(b []byte, m *meter) (n nodeProto, err error) {
	names := func(list *[]string, at field) error {
		s, err := at.text(m)
		if err == nil {
			err = m.take(2 * wordBytes)
		}
		*list = append(*list, s)
		return err
	}
	err = fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			err = names(&n.in, at)
		case 2:
			err = names(&n.out, at)
		case 3:
			n.name, err = at.text(m)
		case 4:
			n.op, err = at.text(m)
		case 5:
			var a attribute
			if err = at.want(protowire.BytesType); err == nil {
				err = m.take(2 * attributeBytes)
			}
			if err == nil {
				a, err = parseAttribute(at.bytes, m)
				n.attributes = append(n.attributes, a)
			}
		case 7:
			n.domain, err = at.text(m)
		}
		return err
	})
	if n.domain == "ai.onnx" {
		n.domain = ""
	}
	return n, err
}

func parseAttribute(b []byte, m *meter) (a attribute, err error) {
	err = fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			a.name, err = at.text(m)
		case 2:
			a.f = math.Float32frombits(uint32(at.number))
		case 3:
			a.i = int64(at.number)
		case 4:
			a.s, err = at.text(m)
		case 5:
			if err = at.want(protowire.BytesType); err == nil {
				a.t, err = parseTensor(at.bytes, m)
			}
		case 6, 10, 11, 22, 23:
			a.graph = true
		case 7:
			err = addFloats(&a, at, m)
		case 8:
			err = at.varints(func(v uint64) error {
				a.ints = append(a.ints, int64(v))
				return m.take(2 * 8)
			})
		case 9:
			var s string
			s, err = at.text(m)
			if err == nil {
				err = m.take(2 * wordBytes)
			}
			a.strings = append(a.strings, s)
		}
		return err
	})
	return a, err
}

func addFloats(a *attribute, at field, m *meter) error {
	if at.typ == protowire.Fixed32Type {
		a.floats = append(a.floats, math.Float32frombits(uint32(at.number)))
		return m.take(2 * 4)
	}
	if err := at.want(protowire.BytesType); err != nil {
		return err
	}
	if err := m.take(int64(len(at.bytes))); err != nil {
		return err
	}
	a.floats = slices.Grow(a.floats, len(at.bytes)/4)
	for b := at.bytes; len(b) >= 4; b = b[4:] {
		v, _ := protowire.ConsumeFixed32(b)
		a.floats = append(a.floats, math.Float32frombits(v))
	}
	return nil
}

// parseInfo reads a ValueInfoProto. Types other than tensors have no element type.
func parseInfo(b []byte, m *meter) (v valueInfo, err error) {
	inside := func(b []byte, num protowire.Number, f func(field) error) error {
		return fields(b, func(at field) error {
			if at.num != num {
				return nil
			}
			if err := at.want(protowire.BytesType); err != nil {
				return err
			}
			return f(at)
		})
	}
	dim := func(at field) error {
		size := dynamic
		err := fields(at.bytes, func(at field) error {
			if at.num == 1 {
				if size = int(at.number); at.number > maxElements {
					return damaged("a dimension of %d", at.number)
				}
			}
			return nil
		})
		v.dims = append(v.dims, size)
		if err == nil {
			err = m.take(2 * 8)
		}
		return err
	}
	err = fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			v.name, err = at.text(m)
		case 2:
			if err = at.want(protowire.BytesType); err != nil {
				return err
			}
			err = inside(at.bytes, 1, func(at field) error { // tensor_type
				return fields(at.bytes, func(at field) error {
					switch at.num {
					case 1:
						v.elem = int(min(at.number, 1<<20))
					case 2:
						v.rank, v.dims = true, nil
						return inside(at.bytes, 1, dim)
					}
					return nil
				})
			})
		}
		return err
	})
	return v, err
}
