package model

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gantiny/gantiny/internal/filemap"
)

// Model is a graph and its parameters. Sessions and passes of one Model may run at the same time
// as long as nothing changes the parameters.
type Model struct {
	Name       string
	Provenance Provenance
	ClassNames []string // of the classes of an input, or of the logits of a classifier, in order; nil where they have none
	Direct     bool     // float32 Sessions without the option Winograd are as with the option Strict, see SettleSums

	graph *Graph
	total []*Param

	mu    sync.Mutex
	packs map[packKey]any // see Session
	file  *filemap.Map    // that weights are read from, see Load
}

// inherit takes what holds for another form of the model from, too.
func (m *Model) inherit(from *Model) { m.Provenance, m.Direct = from.Provenance, from.Direct }

// Provenance says where a model's parameters come from. All fields may be empty.
type Provenance struct {
	Command       string `json:"command,omitempty"` // that made the model
	Version       string `json:"version,omitempty"` // of the code
	Seed          uint64 `json:"seed,omitempty"`
	Epochs        int    `json:"epochs,omitempty"`
	Dataset       string `json:"dataset,omitempty"`
	DatasetSHA256 string `json:"dataset_sha256,omitempty"`

	// Of a generator that was measured in training: after how many steps, its Frechet distance, and
	// in what.
	Step     uint64  `json:"step,omitempty"`
	Frechet  float64 `json:"frechet,omitempty"`
	Measured string  `json:"measured,omitempty"`
}

// New builds a model that is a chain: each operator reads the output of the one before it.
// Parameters start as FromGraph leaves them. An error names the layer and wraps ErrLayer.
func New(name string, input Shape, layers ...Op) (*Model, error) {
	return FromGraph(name, chainOf(input, layers))
}

// FromGraph builds a model from g, which the model then owns. Without outputs, the last value is
// the output. Weights are 0 and other parameters have their first values; Init sets the weights.
func FromGraph(name string, g *Graph, outputs ...*Value) (*Model, error) {
	m, err := describe(name, g, outputs...)
	if err != nil {
		return nil, err
	}
	for _, p := range m.total {
		p.allocate()
	}
	return m, nil
}

// Assemble is FromGraph for a graph whose parameters have their values already.
func Assemble(name string, g *Graph, outputs ...*Value) (*Model, error) {
	m, err := describe(name, g, outputs...)
	if err != nil {
		return nil, err
	}
	for _, n := range g.Nodes {
		for _, p := range n.Params {
			if have := len(p.Data) + len(p.Int8) + len(p.Int32); have != p.Len() {
				return nil, n.error(fmt.Errorf("%w: %s has %d values, want %d", ErrShape, p.Name, have, p.Len()))
			}
		}
		if err := n.checkValues(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// chainOf returns the graph of a chain.
func chainOf(input Shape, layers []Op) *Graph {
	g := &Graph{}
	g.Input("x", input)
	for _, l := range layers {
		g.Add(l)
	}
	return g
}

// describe builds a model whose parameters have no data yet.
func describe(name string, g *Graph, outputs ...*Value) (*Model, error) {
	g.Outputs = outputs
	if len(outputs) == 0 {
		g.Outputs = g.last()
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	m := &Model{Name: name, graph: g}
	for _, n := range g.Nodes {
		m.total = append(m.total, n.Params...)
	}
	return m, nil
}

// Input is the shape of one image's first input, the latents of a generator.
func (m *Model) Input() Shape { return m.graph.Inputs[0].Shape }

// Output is the shape of one image's first output.
func (m *Model) Output() Shape { return m.graph.Outputs[0].Shape }

// Inputs describes all inputs, in the graph's order.
func (m *Model) Inputs() []Port { return ports(m.graph.Inputs) }

// Outputs describes all outputs.
func (m *Model) Outputs() []Port { return ports(m.graph.Outputs) }

// Port is an input or output of a model.
type Port struct {
	Name string
	Spec
}

func ports(values []*Value) []Port {
	list := make([]Port, len(values))
	for i, v := range values {
		list[i] = Port{v.Name, v.Spec}
	}
	return list
}

// Params returns all parameters in the order of the nodes. Callers that change Data must call
// Changed afterwards. If Load has mapped the model's file, Params first copies the weights to
// memory, and panics if the file has been cut short; ReadParams returns an error instead.
func (m *Model) Params() []*Param {
	list, err := m.ReadParams()
	if err != nil {
		panic(err.Error())
	}
	return list
}

// ReadParams is Params, but returns an error that wraps ErrChanged instead of panicking.
func (m *Model) ReadParams() ([]*Param, error) {
	if err := m.detach(); err != nil {
		return nil, err
	}
	return slices.Clone(m.total), nil
}

// TrainableParams returns the parameters that have gradients, in the order of the nodes.
func (m *Model) TrainableParams() []*Param {
	return slices.DeleteFunc(m.Params(), func(p *Param) bool { return !p.Trainable })
}

// Changed tells the model that parameters have changed. Sessions made afterwards use the new
// values; existing ones keep the old.
func (m *Model) Changed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packs = nil
}

// MACs returns the multiply-adds of one image: those that touch a pixel, and
// the nominal ones, which count the padding too.
func (m *Model) MACs() (exact, nominal int64) {
	for _, at := range m.graph.Nodes {
		e, n := at.macs()
		exact, nominal = exact+e, nominal+n
	}
	return exact, nominal
}

// Parameters is the number of all parameters, moving statistics included.
func (m *Model) Parameters() int { return count(m.total) }
