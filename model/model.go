package model

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gantiny/gantiny/internal/filemap"
)

// ErrLayer is wrapped by the errors of New, Build and Read about a layer.
var ErrLayer = errors.New("bad layer")

// Model is a chain of layers and their parameters. Sessions and passes of one
// Model may run at the same time as long as nobody changes the parameters.
type Model struct {
	Name       string
	Provenance Provenance

	input Shape
	nodes []node
	total []*Param

	mu    sync.Mutex
	packs map[packKey]*weights // see Session
	file  *filemap.Map         // that weights are read from, see Load
}

// node is one layer at its place.
type node struct {
	layer   Layer
	name    string // kind and index: conv2d0
	in, out Shape
	params  []*Param
}

// Provenance says where a model's parameters come from. All fields may be empty.
type Provenance struct {
	Command       string `json:"command,omitempty"` // that made the model
	Version       string `json:"version,omitempty"` // of the code
	Seed          uint64 `json:"seed,omitempty"`
	Epochs        int    `json:"epochs,omitempty"`
	Dataset       string `json:"dataset,omitempty"`
	DatasetSHA256 string `json:"dataset_sha256,omitempty"`
}

// New builds a model. BatchNorm's gamma and moving variance are 1, all other
// parameters 0; Init gives the weights their first values. An error names the
// layer and wraps ErrLayer.
func New(name string, input Shape, layers ...Layer) (*Model, error) {
	m, err := describe(name, input, layers)
	if err != nil {
		return nil, err
	}
	for _, p := range m.total {
		p.Data = make([]float32, p.Len())
		if p.role == one {
			p.fill(1)
		}
	}
	return m, nil
}

// describe builds a model whose parameters have no data yet.
func describe(name string, input Shape, layers []Layer) (*Model, error) {
	if err := input.check(); err != nil {
		return nil, fmt.Errorf("model: input: %w", err)
	}
	if len(layers) == 0 {
		return nil, fmt.Errorf("model: %w: there are none", ErrLayer)
	}
	m := &Model{Name: name, input: input}
	at := input
	for i, l := range layers {
		if l == nil {
			return nil, fmt.Errorf("model: layer %d: %w: nil", i, ErrLayer)
		}
		n := node{layer: l.withDefaults(), name: fmt.Sprint(l.Kind(), i), in: at}
		if err := n.describe(); err != nil {
			return nil, fmt.Errorf("model: layer %d (%s): %w: %w", i, l.Kind(), ErrLayer, err)
		}
		at = n.out
		m.nodes = append(m.nodes, n)
		m.total = append(m.total, n.params...)
	}
	return m, nil
}

// describe fills in what follows from layer and input.
func (n *node) describe() error {
	var err error
	if n.out, err = n.layer.Output(n.in); err != nil {
		return err
	}
	if err := n.out.check(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	for _, p := range n.layer.params(n.in) {
		if !fits(p.Shape...) {
			return fmt.Errorf("%s: %w: %s", p.Name, ErrShape, dims(p.Shape))
		}
		p.Name = n.name + "." + p.Name
		n.params = append(n.params, &p)
	}
	return nil
}

// Input is the shape of one image's input.
func (m *Model) Input() Shape { return m.input }

// Output is the shape of one image's output.
func (m *Model) Output() Shape { return m.nodes[len(m.nodes)-1].out }

// Params returns all parameters in the order of the layers. Who changes their
// Data calls Changed afterwards.
func (m *Model) Params() []*Param {
	m.own()
	return slices.Clone(m.total)
}

// TrainableParams returns those parameters that have gradients, in the order of
// the layers.
func (m *Model) TrainableParams() []*Param {
	return slices.DeleteFunc(m.Params(), func(p *Param) bool { return !p.Trainable })
}

// Changed tells the model that parameters have changed: sessions made from now
// on see the new values. Existing ones keep the old.
func (m *Model) Changed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packs = nil
}

// LayerInfo describes a layer of a model.
type LayerInfo struct {
	Name    string // kind and index: conv2d0
	Layer   Layer
	In, Out Shape
	Params  []*Param
	MACs    int64 // multiply-adds of one image that touch a pixel
	Nominal int64 // multiply-adds of one image as usually quoted, padding included
}

// Parameters is the number of the layer's parameters.
func (l LayerInfo) Parameters() int { return count(l.Params) }

// Layers describes the layers.
func (m *Model) Layers() []LayerInfo {
	m.own()
	list := make([]LayerInfo, len(m.nodes))
	for i, n := range m.nodes {
		list[i] = LayerInfo{Name: n.name, Layer: n.layer, In: n.in, Out: n.out, Params: slices.Clone(n.params)}
		list[i].MACs, list[i].Nominal = n.macs()
	}
	return list
}

// macs returns a layer's multiply-adds.
func (n *node) macs() (exact, nominal int64) {
	l, ok := n.layer.(linear)
	if !ok {
		return 0, 0
	}
	g, err := l.geometry(n.in, n.out)
	if err != nil { // Output has accepted it
		panic("model: " + err.Error())
	}
	return g.MACs()
}

// MACs returns the multiply-adds of one image: those that touch a pixel, and
// the nominal ones, which count the padding too.
func (m *Model) MACs() (exact, nominal int64) {
	for i := range m.nodes {
		e, n := m.nodes[i].macs()
		exact, nominal = exact+e, nominal+n
	}
	return exact, nominal
}

// Parameters is the number of all parameters, moving statistics included.
func (m *Model) Parameters() int { return count(m.total) }

func count(params []*Param) int {
	n := 0
	for _, p := range params {
		n += p.Len()
	}
	return n
}
