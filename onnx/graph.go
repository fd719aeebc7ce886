package onnx

import "fmt"

// file is a ModelProto: as much of it as an importer needs.
type file struct {
	producer string
	opset    int
	opsets   []opset
	graph    graphProto
	hasGraph bool
}

type opset struct {
	domain  string
	version int
}

// graphProto is a GraphProto.
type graphProto struct {
	name         string
	nodes        []nodeProto
	initializers []*tensorProto
	inputs       []valueInfo
	outputs      []valueInfo
	sparse       bool
}

// nodeProto is a NodeProto.
type nodeProto struct {
	name, op, domain string
	in, out          []string
	attributes       []attribute
}

// attribute is an AttributeProto.
type attribute struct {
	name    string
	f       float32
	i       int64
	s       string
	t       *tensorProto
	floats  []float32
	ints    []int64
	strings []string
	graph   bool // a subgraph, which nothing here takes
}

// valueInfo is a ValueInfoProto: a name and a tensor's type.
type valueInfo struct {
	name string
	elem int
	dims []int // dynamic for those that are not fixed
	rank bool  // whether dims are known
}

// dynamic is a dimension that is not fixed.
const dynamic = -1

// What an element of each kind of list costs at most.
const (
	nodeBytes      = 160 // as a file has it
	stepBytes      = 512 // while it is converted
	operatorBytes  = 2048
	attributeBytes = 192
	tensorBytes    = 192
	infoBytes      = 64
	wordBytes      = 16
)

// title names the node in messages.
func (n *nodeProto) title() string {
	op := n.op
	if n.domain != "" {
		op = n.domain + "." + op
	}
	switch {
	case n.name != "":
		return fmt.Sprintf("%s %q", op, n.name)
	case len(n.out) > 0:
		return fmt.Sprintf("%s -> %q", op, n.out[0])
	}
	return op
}
