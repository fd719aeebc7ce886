package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by errors about a description or a file that is not that of a model.
var ErrFormat = errors.New("not a gantiny model")

// The versions of the description: a chain, whose layers each read the one before, and a graph,
// whose layers name what they read.
const (
	chainFormat = 1
	graphFormat = 2
)

// description is a model's JSON in a file's metadata.
type description struct {
	Format     int                `json:"format"`
	Name       string             `json:"name"`
	Input      []int              `json:"input,omitempty"`  // of a chain: H, W, C
	Inputs     []inputDescription `json:"inputs,omitempty"` // of a graph
	Layers     layerList          `json:"layers"`
	Outputs    []string           `json:"outputs,omitempty"` // of a graph; the last layer if unset
	ClassNames []string           `json:"class_names,omitempty"`
	Direct     bool               `json:"direct,omitempty"`
	Provenance Provenance         `json:"provenance"`
}

// layerList is the layers of a description, each as its text. What it holds after decoding are
// parts of that text, and too many are an error before there is anything to hold.
type layerList []json.RawMessage

// UnmarshalJSON cuts a list, which the decoder has found to be valid JSON, into its elements.
func (l *layerList) UnmarshalJSON(b []byte) error {
	*l = nil
	if b[0] != '[' {
		return errors.New("layers are no list")
	}
	depth, quoted, from := 0, false, 1
	for i := 1; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted && c == '\\':
			i++ // the escaped byte
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == '}' || c == ']' && depth > 0:
			depth--
		case c == ',' && depth == 0, c == ']':
			if layer := bytes.TrimSpace(b[from:i]); len(layer) > 0 {
				*l = append(*l, layer)
			}
			if len(*l) > maxNodes {
				return fmt.Errorf("more than %d layers", maxNodes)
			}
			from = i + 1
		}
	}
	return nil
}

// inputDescription is an input of a graph: floats of a shape, or a class.
type inputDescription struct {
	Name    string `json:"name"`
	Shape   []int  `json:"shape,omitempty"`
	Classes int    `json:"classes,omitempty"`
}

// Architecture returns the description of the model, without the values of its parameters, as one
// JSON object.
func (m *Model) Architecture() ([]byte, error) {
	if d := m.describeInt8Chain(); d != nil {
		return json.Marshal(d)
	}
	d := description{Format: chainFormat, Name: m.Name, ClassNames: m.ClassNames, Direct: m.Direct, Provenance: m.Provenance}
	chain := m.graph.chain() && !m.graph.renamed() && !m.Quantized() // format 1 of int8 models is describeInt8Chain's
	if chain {
		s := m.Input()
		d.Input = []int{s.H, s.W, s.C}
	} else {
		d.Format = graphFormat
		for _, v := range m.graph.Inputs {
			in := inputDescription{Name: v.Name, Classes: v.Type.Classes}
			if v.Type.Kind == Float32 {
				in.Shape = []int{v.Shape.H, v.Shape.W, v.Shape.C}
			}
			d.Inputs = append(d.Inputs, in)
		}
		for _, v := range m.graph.Outputs {
			d.Outputs = append(d.Outputs, v.Name)
		}
	}
	for i, n := range m.graph.Nodes {
		var in []string
		if !chain {
			for _, v := range n.In {
				in = append(in, v.Name)
			}
		}
		l, err := encodeOp(n, in)
		if err != nil {
			return nil, fmt.Errorf("model: layer %d (%s): %w", i, n.Op.Kind(), err)
		}
		d.Layers = append(d.Layers, l)
	}
	return json.Marshal(d)
}

// Build returns the model that Architecture described. Its parameters have the values that
// FromGraph sets.
func Build(architecture []byte) (*Model, error) {
	d, g, outputs, err := parse(architecture)
	if err != nil {
		return nil, err
	}
	m, err := FromGraph(d.Name, g, outputs...)
	if err != nil {
		return nil, err
	}
	m.Provenance, m.Direct = d.Provenance, d.Direct
	return m, m.setClassNames(d.ClassNames)
}

// setClassNames takes the names of the classes, of which no more may be than there are classes: of
// an input, or of the logits that a classifier makes.
func (m *Model) setClassNames(names []string) error {
	m.ClassNames = names
	classes := 0
	if out := m.graph.Outputs[0]; out.Type.Kind == Float32 && out.Shape.IsFlat() {
		classes = out.Shape.C
	}
	for _, v := range m.graph.Inputs {
		if v.Type.Kind == Class {
			classes = v.Type.Classes
		}
	}
	if len(names) > classes {
		return fmt.Errorf("model: %w: %d names of classes, more than the model has", ErrFormat, len(names))
	}
	return nil
}

// parse reads a description. Layers must be known in every attribute: one that
// was ignored would give another network.
func parse(architecture []byte) (d description, g *Graph, outputs []*Value, err error) {
	if err := json.Unmarshal(architecture, &d); err != nil {
		return d, nil, nil, fmt.Errorf("model: %w: %v", ErrFormat, err)
	}
	g = &Graph{}
	switch d.Format {
	case chainFormat:
		if len(d.Input) != 3 {
			return d, nil, nil, fmt.Errorf("model: %w: input %v, want height, width, channels", ErrFormat, d.Input)
		}
		g.Input("x", Shape{d.Input[0], d.Input[1], d.Input[2]})
	case graphFormat:
		if err := d.addInputs(g); err != nil {
			return d, nil, nil, err
		}
	default:
		return d, nil, nil, fmt.Errorf("model: %w: format %d, want %d or %d", ErrFormat, d.Format, chainFormat, graphFormat)
	}
	for i, raw := range d.Layers {
		kind, name, o, in, err := parseLayer(raw)
		if err == nil && d.Format == chainFormat && (in != nil || name != "") {
			err = errors.New("a chain's layer names itself or its input")
		}
		var values []*Value
		for _, read := range in {
			v := g.find(read)
			if v == nil && err == nil {
				err = fmt.Errorf("no value %q stands before it", read)
			}
			values = append(values, v)
		}
		if err != nil {
			return d, nil, nil, fmt.Errorf("model: layer %d (%s): %w: %v", i, kind, ErrFormat, err)
		}
		if g.add(name, o, values...); g.err != nil {
			return d, nil, nil, g.err
		}
	}
	for _, name := range d.Outputs {
		v := g.find(name)
		if v == nil {
			return d, nil, nil, fmt.Errorf("model: %w: no value %q for an output", ErrFormat, name)
		}
		outputs = append(outputs, v)
	}
	return d, g, outputs, nil
}

// addInputs adds the inputs of a graph.
func (d *description) addInputs(g *Graph) error {
	for _, in := range d.Inputs {
		switch {
		case len(in.Shape) == 3 && in.Classes == 0:
			g.Input(in.Name, Shape{in.Shape[0], in.Shape[1], in.Shape[2]})
		case len(in.Shape) == 0 && in.Classes > 0:
			g.Class(in.Name, in.Classes)
		default:
			return fmt.Errorf("model: input %q: %w: want a shape of height, width, channels, or a number of classes", in.Name, ErrFormat)
		}
	}
	return nil
}

// parseLayer reads one layer's kind, name, attributes and inputs.
func parseLayer(raw []byte) (kind, name string, o Op, in []string, err error) {
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(raw, &attributes); err != nil {
		return "", "", nil, nil, err
	}
	if err := json.Unmarshal(attributes["kind"], &kind); err != nil {
		return "", "", nil, nil, errors.New("no kind")
	}
	if text, ok := attributes["name"]; ok {
		if err := json.Unmarshal(text, &name); err != nil || name == "" {
			return kind, "", nil, nil, errors.New("name is no text")
		}
	}
	if names, ok := attributes["in"]; ok {
		if err := json.Unmarshal(names, &in); err != nil || len(in) == 0 {
			return kind, name, nil, nil, errors.New("in is no list of names")
		}
	}
	for _, reserved := range []string{"kind", "name", "in"} {
		delete(attributes, reserved)
	}
	rest, err := json.Marshal(attributes)
	if err != nil {
		return kind, name, nil, nil, err
	}
	o, err = decodeOp(kind, rest)
	return kind, name, o, in, err
}

// strict decodes a JSON object all of whose fields v must have.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
