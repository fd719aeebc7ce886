package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by the errors about a description or a file that is not
// one of a model.
var ErrFormat = errors.New("not a gantiny model")

// formatVersion is the version of the description that this package reads and writes.
const formatVersion = 1

// description is a model's JSON in a file's metadata.
type description struct {
	Format     int               `json:"format"`
	Name       string            `json:"name"`
	Input      []int             `json:"input"` // H, W, C
	Layers     []json.RawMessage `json:"layers"`
	Provenance Provenance        `json:"provenance"`
}

// Architecture returns the model's description, without its parameters' values, as one JSON object.
func (m *Model) Architecture() ([]byte, error) {
	d := description{Format: formatVersion, Name: m.Name, Input: []int{m.input.H, m.input.W, m.input.C}, Provenance: m.Provenance}
	for i, n := range m.nodes {
		l, err := encodeLayer(n.layer)
		if err != nil {
			return nil, fmt.Errorf("model: layer %d (%s): %w", i, n.layer.Kind(), err)
		}
		d.Layers = append(d.Layers, l)
	}
	return json.Marshal(d)
}

// Build returns the model that Architecture described, with the parameters'
// values as New leaves them.
func Build(architecture []byte) (*Model, error) {
	d, layers, err := parse(architecture)
	if err != nil {
		return nil, err
	}
	m, err := New(d.Name, Shape{d.Input[0], d.Input[1], d.Input[2]}, layers...)
	if err != nil {
		return nil, err
	}
	m.Provenance = d.Provenance
	return m, nil
}

// parse reads a description. Layers must be known in every attribute: one that
// was ignored would give another network.
func parse(architecture []byte) (description, []Layer, error) {
	var d description
	if err := json.Unmarshal(architecture, &d); err != nil {
		return d, nil, fmt.Errorf("model: %w: %v", ErrFormat, err)
	}
	if d.Format != formatVersion {
		return d, nil, fmt.Errorf("model: %w: format %d, want %d", ErrFormat, d.Format, formatVersion)
	}
	if len(d.Input) != 3 {
		return d, nil, fmt.Errorf("model: %w: input %v, want height, width, channels", ErrFormat, d.Input)
	}
	layers := make([]Layer, len(d.Layers))
	for i, raw := range d.Layers {
		kind, l, err := parseLayer(raw)
		if err != nil {
			return d, nil, fmt.Errorf("model: layer %d (%s): %w: %v", i, kind, ErrFormat, err)
		}
		layers[i] = l
	}
	return d, layers, nil
}

func parseLayer(raw []byte) (kind string, l Layer, err error) {
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(raw, &attributes); err != nil {
		return "", nil, err
	}
	if err := json.Unmarshal(attributes["kind"], &kind); err != nil {
		return "", nil, errors.New("no kind")
	}
	delete(attributes, "kind")
	rest, err := json.Marshal(attributes)
	if err != nil {
		return kind, nil, err
	}
	l, err = decodeLayer(kind, rest)
	return kind, l, err
}

// strict decodes a JSON object all of whose fields v must have.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
