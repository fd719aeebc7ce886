package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// QTable is any function of a byte: y = table[x+128]. Every element-wise activation is one in an
// int8 model, and so is a change of scale: exact on every machine. Parameter: table (256 bytes).
type QTable struct {
	Output quant.Params `json:"output"`
	Pixels bool         `json:"pixels,omitempty"` // the table's bytes, plus 128, are pixels
}

func init() { Register[QTable]() }

// Kind returns "qtable".
func (QTable) Kind() string { return "qtable" }

// Infer returns bytes, or pixels, of the input's shape.
func (o QTable) Infer(in []Spec) (Spec, error) {
	if err := int8Inputs(in, 1); err != nil {
		return Spec{}, err
	}
	if err := checkZero(o.Output); err != nil {
		return Spec{}, err
	}
	if o.Pixels {
		return Spec{in[0].Shape, Type{Kind: Pixel}}, nil
	}
	return Bytes(in[0].Shape, o.Output), nil
}

// Params lists the table.
func (QTable) Params([]Spec) []Param {
	return []Param{{Name: "table", Shape: []int{256}, array: int8s, constant: true}}
}

func (o QTable) exact(y *bytesOf, x []*bytesOf, _ []Spec, p []*Param) {
	for i, v := range x[0].q {
		if b := p[0].Int8[int(v)+128]; o.Pixels {
			y.pix[i] = uint8(int(b) + 128)
		} else {
			y.q[i] = b
		}
	}
}

// qtable is a QTable on layouts.
type qtable struct {
	table  *simd.ByteTable
	pixels *[256]uint8 // of pixels
}

// Lower copies the table.
func (o QTable) Lower(l *Lowering) (Kernel, error) {
	if len(l.Params[0].Int8) != 256 {
		return nil, fmt.Errorf("%w: a table of %d bytes", ErrShape, len(l.Params[0].Int8))
	}
	if !o.Pixels {
		return &qtable{table: simd.NewByteTable((*[256]int8)(l.Params[0].Int8))}, nil
	}
	k := &qtable{pixels: new([256]uint8)}
	for i, b := range l.Params[0].Int8 {
		k.pixels[i] = uint8(int(b) + 128)
	}
	return k, nil
}

// Forward: y = table[x+128].
func (k *qtable) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	if k.pixels == nil {
		byteRuns(&y, &x[0], s, func(dst, x []int8) { w.Kernels.Bytes.Table(dst, x, k.table) })
		return
	}
	for p, n := range s.rows(y.Layout) {
		out := y.Pix[(n*y.Positions()+p)*y.C:][:y.C]
		for i, v := range x[0].row(p, n) {
			out[i] = k.pixels[int(v)+128]
		}
	}
}

// pointwise adds the QTable of an activation.
func (q *quantization) pointwise(o Pointwise, n *Node) (*Value, error) {
	in, out := q.of(n.In[0]).Type.Params, q.params[n.Out]
	last := q.sim.pixels[n.Out]
	v := q.add(n, QTable{Output: out, Pixels: last})
	if q.graph.err != nil {
		return v, nil
	}
	table := make([]int8, 256)
	for i := range table {
		y := o.At(float64(in.Scale) * float64(int32(i-128)-in.Zero))
		if last {
			table[i] = int8(quant.Pixel(float32(y)) - 128)
		} else {
			out.Quantize(table[i:i+1], []float32{float32(y)})
		}
	}
	v.Node.Params[0].Int8 = table
	return v, nil
}
