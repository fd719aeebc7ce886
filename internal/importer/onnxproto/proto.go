package onnxproto

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// Read reads a ModelProto.
func Read(b []byte, m *ir.Meter) (*ir.File, error) {
	f := &ir.File{}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 2:
			f.Producer, err = at.text(m)
		case 7:
			if err = at.want(protowire.BytesType); err == nil {
				f.HasGraph = true
				err = parseGraph(&f.Graph, at.bytes, m, 0)
			}
		case 8:
			if err = at.want(protowire.BytesType); err == nil {
				err = parseOpset(f, at.bytes, m)
			}
		case 14:
			if err = at.want(protowire.BytesType); err == nil {
				err = parseMeta(f, at.bytes, m)
			}
		case 25:
			if err = at.want(protowire.BytesType); err == nil {
				err = parseFunction(f, at.bytes, m)
			}
		}
		return err
	})
	if err == nil && !f.HasGraph {
		err = ir.Damaged("it holds no graph")
	}
	return f, err
}

// parseMeta keeps an entry of the metadata if it is one of gantiny's.
func parseMeta(f *ir.File, b []byte, m *ir.Meter) error {
	var key, value []byte
	err := fields(b, func(at field) error {
		switch at.num {
		case 1:
			key = at.bytes
		case 2:
			value = at.bytes
		}
		return nil
	})
	if k := string(key); err == nil && (k == ir.KeyRange || k == ir.KeyImages || k == ir.KeyClasses) {
		if f.Meta == nil {
			f.Meta = map[string]string{}
		}
		f.Meta[k] = string(value)
		err = m.Take(int64(256 + len(value)))
	}
	return err
}

func parseOpset(f *ir.File, b []byte, m *ir.Meter) error {
	o := ir.Opset{}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			o.Domain, err = at.text(m)
		case 2:
			o.Version = int(min(at.number, 1<<30))
		}
		return err
	})
	if o.Domain == "" || o.Domain == "ai.onnx" {
		f.Opset = o.Version
	} else if err == nil {
		err = m.Take(ir.WordBytes)
		f.Opsets = append(f.Opsets, o)
	}
	return err
}

// deepest bounds how many graphs may lie in one another.
const deepest = 16

func parseGraph(g *ir.Graph, b []byte, m *ir.Meter, depth int) error {
	if depth > deepest {
		return ir.Damaged("more than %d graphs in one another", deepest)
	}
	// Counted first, for lists that grow cost more than what they hold.
	var counts [16]int
	err := fields(b, func(at field) error {
		if at.num < protowire.Number(len(counts)) {
			counts[at.num]++
		}
		return nil
	})
	if err == nil {
		err = m.Take(int64(counts[1]*ir.NodeBytes + (counts[11]+counts[12])*ir.InfoBytes + counts[5]*8))
	}
	if err != nil {
		return err
	}
	g.Nodes, g.Initializers = slices.Grow(g.Nodes, counts[1]), slices.Grow(g.Initializers, counts[5])
	g.Inputs, g.Outputs = slices.Grow(g.Inputs, counts[11]), slices.Grow(g.Outputs, counts[12])
	return fillGraph(g, b, m, depth)
}

func fillGraph(g *ir.Graph, b []byte, m *ir.Meter, depth int) error {
	return fields(b, func(at field) (err error) {
		if at.num != 2 && at.typ != protowire.BytesType {
			return at.want(protowire.BytesType)
		}
		switch at.num {
		case 1:
			var n ir.Node
			n, err = parseNode(at.bytes, m, depth)
			g.Nodes = append(g.Nodes, n)
		case 2:
			g.Name, err = at.text(m)
		case 5:
			var t *ir.Tensor
			t, err = ReadTensor(at.bytes, m)
			g.Initializers = append(g.Initializers, t)
		case 11, 12:
			var v ir.Info
			v, err = parseInfo(at.bytes, m)
			if at.num == 11 {
				g.Inputs = append(g.Inputs, v)
			} else {
				g.Outputs = append(g.Outputs, v)
			}
		case 15:
			g.Sparse = true
		}
		return err
	})
}

func parseNode(b []byte, m *ir.Meter, depth int) (n ir.Node, err error) {
	err = fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			err = addName(&n.In, at, m)
		case 2:
			err = addName(&n.Out, at, m)
		case 3:
			n.Name, err = at.text(m)
		case 4:
			n.Op, err = at.text(m)
		case 5:
			err = addAttribute(&n.Attributes, at, m, depth)
		case 7:
			n.Domain, err = at.text(m)
		case 8:
			n.Overload, err = at.text(m)
		}
		return err
	})
	if n.Domain == "ai.onnx" {
		n.Domain = ""
	}
	return n, err
}

func parseAttribute(b []byte, m *ir.Meter, depth int) (a ir.Attribute, err error) {
	err = fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			a.Name, err = at.text(m)
		case 2:
			a.F = math.Float32frombits(uint32(at.number))
		case 3:
			a.I = int64(at.number)
		case 4:
			a.S, err = at.text(m)
		case 5:
			if err = at.want(protowire.BytesType); err == nil {
				a.T, err = ReadTensor(at.bytes, m)
			}
		case 6:
			if err = at.want(protowire.BytesType); err == nil {
				a.Graph = &ir.Graph{}
				err = parseGraph(a.Graph, at.bytes, m, depth+1)
			}
		case 7:
			err = addFloats(&a, at, m)
		case 8:
			err = at.varints(func(v uint64) error {
				a.Ints = append(a.Ints, int64(v))
				return m.Take(2 * 8)
			})
		case 9:
			err = addName(&a.Strings, at, m)
		case 21:
			a.Ref, err = at.text(m)
		}
		return err
	})
	return a, err
}

func addFloats(a *ir.Attribute, at field, m *ir.Meter) error {
	if at.typ == protowire.Fixed32Type {
		a.Floats = append(a.Floats, math.Float32frombits(uint32(at.number)))
		return m.Take(2 * 4)
	}
	if err := at.want(protowire.BytesType); err != nil {
		return err
	}
	if err := m.Take(int64(len(at.bytes))); err != nil {
		return err
	}
	a.Floats = slices.Grow(a.Floats, len(at.bytes)/4)
	for b := at.bytes; len(b) >= 4; b = b[4:] {
		v, _ := protowire.ConsumeFixed32(b)
		a.Floats = append(a.Floats, math.Float32frombits(v))
	}
	return nil
}

// parseInfo reads a ValueInfoProto. Types other than tensors have no element type.
func parseInfo(b []byte, m *ir.Meter) (v ir.Info, err error) {
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
		size := ir.Dynamic
		err := fields(at.bytes, func(at field) error {
			if at.num == 1 {
				if size = int(at.number); at.number > ir.MaxElements {
					return ir.Damaged("a dimension of %d", at.number)
				}
			}
			return nil
		})
		v.Dims = append(v.Dims, size)
		if err == nil {
			err = m.Take(2 * 8)
		}
		return err
	}
	err = fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			v.Name, err = at.text(m)
		case 2:
			if err = at.want(protowire.BytesType); err != nil {
				return err
			}
			err = inside(at.bytes, 1, func(at field) error { // tensor_type
				return fields(at.bytes, func(at field) error {
					switch at.num {
					case 1:
						v.Type = int(min(at.number, 1<<20))
					case 2:
						v.Rank, v.Dims = true, nil
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
