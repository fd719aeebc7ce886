package tflite

import (
	"fmt"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// network is a file's first subgraph, with what its operators refer to.
type network struct {
	*buffer
	producer  string
	codes     []code
	tensors   []tensor
	in, out   []int
	operators vector
	name      string
	subgraphs int
}

// code is a kind of operator that the file uses.
type code struct {
	builtin int
	custom  string
}

// tensor is a constant, an input or what an operator makes.
type tensor struct {
	name   string
	dims   []int // ir.Dynamic for those that are not fixed
	typ    int   // as ONNX numbers it, 0 for one that is not read
	flat   int   // the type as the file numbers it
	data   []byte
	sparse bool
	scales []float32
	zeros  []int64
	axis   int // of scales, where there are several
}

// What an element of each kind of list costs.
const (
	codeBytes   = 32
	tensorBytes = 192
)

// types are the elements' types: the file's numbers to ONNX's.
var types = map[int]int{
	0: ir.TypeFloat, 1: ir.TypeFloat16, 2: ir.TypeInt32, 3: ir.TypeUint8, 4: ir.TypeInt64, 6: ir.TypeBool, 7: ir.TypeInt16,
	9: ir.TypeInt8, 10: ir.TypeDouble, 12: ir.TypeUint64, 15: ir.TypeUint32, 16: ir.TypeUint16,
}

// version is the only one of the format there is.
const version = 3

// parse reads a file's tables.
func parse(b []byte, m *ir.Meter) (*network, error) {
	if len(b) < 8 || string(b[4:8]) != "TFL3" {
		return nil, ir.Damaged("it does not begin as TensorFlow Lite's files do")
	}
	n := &network{buffer: &buffer{b: b, m: m}}
	root := n.root()
	if v := root.index(0); v != version && n.err == nil {
		return nil, ir.Damaged("version %d, want %d", v, version)
	}
	n.producer = root.text(3)
	n.addCodes(root.vector(1, 4))
	subgraphs := root.vector(2, 4)
	if n.subgraphs = subgraphs.n; n.subgraphs == 0 && n.err == nil {
		return nil, ir.Damaged("it holds no graph")
	}
	if n.err != nil {
		return nil, n.err
	}
	g := subgraphs.table(0)
	n.in, n.out, n.name = g.ints(1), g.ints(2), g.text(4)
	n.operators = g.vector(3, 4)
	n.addTensors(g.vector(0, 4), root.vector(4, 4))
	if len(n.out) == 0 && n.err == nil {
		return nil, ir.Damaged("its graph has no outputs")
	}
	for _, i := range append(append([]int(nil), n.in...), n.out...) {
		if (i < 0 || i >= len(n.tensors)) && n.err == nil {
			return nil, ir.Damaged("an input or output is tensor %d of %d", i, len(n.tensors))
		}
	}
	return n, n.err
}

func (n *network) addCodes(list vector) {
	if n.take(list.n * codeBytes); n.err != nil {
		return
	}
	n.codes = make([]code, 0, list.n)
	for i := range list.n {
		t := list.table(i)
		// The first of the two fields is of old files, and holds 127 where the code is larger.
		c := code{builtin: max(t.uint8(0), t.int32(3, 0)), custom: t.text(1)}
		if n.err != nil {
			return
		}
		n.codes = append(n.codes, c)
	}
}

func (n *network) addTensors(list, buffers vector) {
	if n.take(list.n * tensorBytes); n.err != nil {
		return
	}
	n.tensors = make([]tensor, 0, list.n)
	widened := map[int]bool{}
	for i := range list.n {
		t := list.table(i)
		v := tensor{name: t.text(3), dims: t.ints(7), flat: t.uint8(1)}
		if v.dims == nil {
			v.dims = t.ints(0)
		}
		v.typ, v.sparse = types[v.flat], t.table(6).pos != 0
		n.scaled(&v, t.table(4))
		if k := t.index(2); k > 0 && k < buffers.n {
			v.data = n.contents(buffers.table(k))
			if !widened[k] && len(v.data) > 0 {
				n.take(32)
				widened[k] = true
				n.m.Widen(len(v.data), ir.TypeSize[v.typ])
			}
		} else if k != 0 && n.err == nil {
			n.fail(ir.Damaged("tensor %q has buffer %d of %d", v.name, k, buffers.n))
		}
		if n.err != nil {
			return
		}
		n.tensors = append(n.tensors, v)
	}
}

// scaled reads what integers stand for.
func (n *network) scaled(v *tensor, q table) {
	scales, zeros := q.vector(2, 4), q.vector(3, 8)
	v.axis = q.int32(6, 0)
	n.take(4*scales.n + 8*zeros.n)
	if scales.n == 0 || n.err != nil {
		return
	}
	if zeros.n != 0 && zeros.n != scales.n {
		n.fail(ir.Damaged("tensor %q has %d scales and %d zero points", v.name, scales.n, zeros.n))
		return
	}
	v.scales, v.zeros = make([]float32, scales.n), make([]int64, scales.n)
	for i := range v.scales {
		v.scales[i] = float32At(n.at(scales.pos+4*int64(i), 4))
		if zeros.n > 0 {
			v.zeros[i] = int64At(n.at(zeros.pos+8*int64(i), 8))
			if z := v.zeros[i]; v.typ == ir.TypeInt8 && z != int64(int8(z)) || v.typ == ir.TypeUint8 && z != int64(uint8(z)) {
				n.fail(ir.Damaged("tensor %q has the zero point %d, which is none of its bytes", v.name, z))
				return
			}
		}
	}
}

// contents returns a buffer's bytes: in the table, or behind all tables in large files.
func (n *network) contents(t table) []byte {
	if off, size := t.uint64(1), t.uint64(2); off > 1 {
		if size > uint64(len(n.b)) || off > uint64(len(n.b))-size {
			n.fail(ir.Damaged("a buffer of %d bytes at %d is outside of the file", size, off))
			return nil
		}
		return n.b[off : off+size]
	}
	return t.bytes(0)
}

// constant tells whether a tensor's values are in the file.
func (t *tensor) constant() bool { return len(t.data) > 0 }

// quantized tells whether a tensor holds integers that stand for other numbers.
func (t *tensor) quantized() bool {
	return len(t.scales) > 0 && t.typ != 0 && !ir.IsFloat(t.typ) && t.typ != ir.TypeBool
}

// kind names the type of a tensor's elements.
func (t *tensor) kind() string {
	names := map[int]string{5: "texts", 8: "complex numbers", 11: "complex numbers", 13: "resources", 14: "variants", 17: "4-bit integers"}
	if s := names[t.flat]; s != "" {
		return s
	}
	return fmt.Sprint("type ", t.flat)
}
