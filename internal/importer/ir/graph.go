package ir

import "fmt"

// File is a network, as much of it as an importer needs.
type File struct {
	Producer  string
	Opset     int     // of ONNX itself
	Opsets    []Opset // of others
	Graph     Graph
	HasGraph  bool
	Functions []Function
	Meta      map[string]string // KeyRange and KeyImages, where the file has them

	ChannelsLast bool // whether images are (H, W, C), unless something says otherwise
}

// The metadata of files that gantiny has written.
const (
	KeyRange   = "gantiny.range"   // the range of the first output's pixels: a Range of package importer
	KeyImages  = "gantiny.images"  // a list in JSON of the inputs that are images
	KeyClasses = "gantiny.classes" // a list in JSON of the classes' names
)

// Opset is the version of a set of operators.
type Opset struct {
	Domain  string
	Version int
}

// Graph is the nodes of a network, each after those that it reads.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []*Tensor
	Inputs       []Info
	Outputs      []Info
	Sparse       bool
}

// Function is an operator that the file defines by nodes, whose names are its own.
type Function struct {
	Name, Domain, Overload string
	In, Out                []string
	Nodes                  []Node
	Attributes             []Attribute // what a call that lacks them has
	Opset                  int         // of ONNX itself; 0 for the file's
}

// Node is an operator of ONNX with the names of what it reads and makes.
type Node struct {
	Name, Op, Domain string
	Overload         string // of a function of the file
	In, Out          []string
	Attributes       []Attribute
	Origin           string // what the file has in its place, if that is no ONNX
	Refused          string // why nothing can be made of it
}

// Attribute is one of a node.
type Attribute struct {
	Name    string
	F       float32
	I       int64
	S       string
	T       *Tensor
	Floats  []float32
	Ints    []int64
	Strings []string
	Ref     string // the attribute of a function's call that it stands for, in place of a value
	Graph   *Graph // a branch of an If
}

// Info is an input or output: its name and its type.
type Info struct {
	Name string
	Type int
	Dims []int // Dynamic for those that are not fixed
	Rank bool  // whether dims are known
}

// Dynamic is a dimension that is not fixed.
const Dynamic = -1

// What an element of each kind of list costs at most.
const (
	NodeBytes      = 176 // as a file has it
	StepBytes      = 512 // while it is converted
	OperatorBytes  = 2048
	AttributeBytes = 192
	TensorBytes    = 192
	InfoBytes      = 64
	FunctionBytes  = 224
	WordBytes      = 16
)

// Title names the node in messages.
func (n *Node) Title() string {
	if n.Origin != "" {
		return n.Origin
	}
	op := n.Op
	if n.Domain != "" {
		op = n.Domain + "." + op
	}
	switch {
	case n.Name != "":
		return fmt.Sprintf("%s %q", op, n.Name)
	case len(n.Out) > 0:
		return fmt.Sprintf("%s -> %q", op, n.Out[0])
	}
	return op
}
