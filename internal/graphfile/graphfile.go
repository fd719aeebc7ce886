package graphfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/gantiny/gantiny/model"
)

// ErrGraph is wrapped by errors about a text.
var ErrGraph = errors.New("no graph of a network")

// File is a network.
type File struct {
	Name    string
	Inputs  []Input
	Layers  []Layer
	Outputs []string // names of layers; the last layer if empty
}

// Input is an input: numbers of a shape (height, width, channels), or a class.
type Input struct {
	Name    string `json:"name"`
	Shape   []int  `json:"shape,omitempty"`
	Classes int    `json:"classes,omitempty"`
}

// Layer is an operator of package model at its place.
type Layer struct {
	Kind       string
	Name       string         // kind and index if empty
	In         []string       // inputs and layers that it reads; what stands before it if empty
	Weights    string         // what the names of its tensors begin with, in a file of weights
	Attributes map[string]any // all others
}

// Parse reads a text.
func Parse(text []byte) (*File, error) {
	var f struct {
		Name    string           `toml:"name"`
		Inputs  []Input          `toml:"inputs"`
		Layers  []map[string]any `toml:"layers"`
		Outputs []string         `toml:"outputs"`
	}
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGraph, err)
	}
	for _, k := range meta.Undecoded() {
		return nil, fmt.Errorf("%w: unknown key %s", ErrGraph, k)
	}
	out := &File{Name: f.Name, Inputs: f.Inputs, Outputs: f.Outputs}
	if len(f.Inputs) == 0 || len(f.Layers) == 0 {
		return nil, fmt.Errorf("%w: it wants [[inputs]] and [[layers]]", ErrGraph)
	}
	for i, a := range f.Layers {
		l, err := layerOf(a)
		if err != nil {
			return nil, fmt.Errorf("%w: layer %d: %w", ErrGraph, i, err)
		}
		out.Layers = append(out.Layers, l)
	}
	return out, nil
}

// layerOf takes the keys that all layers have out of a layer's table.
func layerOf(a map[string]any) (l Layer, err error) {
	for key, to := range map[string]*string{"kind": &l.Kind, "name": &l.Name, "weights": &l.Weights} {
		v, ok := a[key]
		if !ok {
			continue
		}
		if *to, ok = v.(string); !ok {
			return l, fmt.Errorf("%s is no text", key)
		}
		delete(a, key)
	}
	if l.Kind == "" {
		return l, errors.New("no kind")
	}
	switch in := a["in"].(type) {
	case nil:
	case string:
		l.In = []string{in}
	case []any:
		for _, v := range in {
			name, ok := v.(string)
			if !ok {
				return l, errors.New("in is no list of names")
			}
			l.In = append(l.In, name)
		}
	default:
		return l, errors.New("in is no list of names")
	}
	delete(a, "in")
	l.Attributes = a
	return l, nil
}

// Model makes the model, whose parameters have their first values, weights 0.
func (f *File) Model() (*model.Model, error) {
	const graph = 2 // the form of a description that names what layers read
	d := struct {
		Format  int              `json:"format"`
		Name    string           `json:"name"`
		Inputs  []Input          `json:"inputs"`
		Layers  []map[string]any `json:"layers"`
		Outputs []string         `json:"outputs,omitempty"`
	}{Format: graph, Name: f.Name, Inputs: f.Inputs, Outputs: f.Outputs}
	for _, l := range f.Layers {
		a := map[string]any{"kind": l.Kind}
		for k, v := range l.Attributes {
			a[k] = v
		}
		if l.Name != "" {
			a["name"] = l.Name
		}
		if len(l.In) > 0 {
			a["in"] = l.In
		}
		d.Layers = append(d.Layers, a)
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGraph, err)
	}
	return model.Build(b)
}

// Text is what Parse reads.
func (f *File) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name = %q\n", f.Name)
	if len(f.Outputs) > 0 {
		fmt.Fprintf(&b, "outputs = %s\n", text(f.Outputs))
	}
	for _, in := range f.Inputs {
		fmt.Fprintf(&b, "\n[[inputs]]\nname = %q\n", in.Name)
		if in.Classes > 0 {
			fmt.Fprintf(&b, "classes = %d\n", in.Classes)
		} else {
			fmt.Fprintf(&b, "shape = %s # height, width, channels\n", text(in.Shape))
		}
	}
	for _, l := range f.Layers {
		fmt.Fprintf(&b, "\n[[layers]]\nkind = %q\n", l.Kind)
		if l.Name != "" {
			fmt.Fprintf(&b, "name = %q\n", l.Name)
		}
		if len(l.In) > 0 {
			fmt.Fprintf(&b, "in = %s\n", text(l.In))
		}
		keys := make([]string, 0, len(l.Attributes))
		for k := range l.Attributes {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			fmt.Fprintf(&b, "%s = %s\n", k, text(l.Attributes[k]))
		}
		if l.Weights != "" {
			fmt.Fprintf(&b, "weights = %q\n", l.Weights)
		}
	}
	return b.String()
}

// text writes a value: JSON's texts, numbers and lists are TOML's too.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%q", fmt.Sprint(v))
	}
	return strings.ReplaceAll(string(b), ",", ", ")
}
