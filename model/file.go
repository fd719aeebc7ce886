package model

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/filemap"
	"github.com/gantiny/gantiny/model/safetensors"
)

// metadataKey is where a file's metadata holds the model's description.
const metadataKey = "gantiny"

// What a quantised model adds to a file, see package model/quantized. Read passes over it.
const (
	QuantizedKey    = "gantiny.int8" // the metadata with its description
	QuantizedPrefix = "int8."        // of its tensors' names
)

// SaveOptions says how parameters are stored.
type SaveOptions struct {
	Half bool // weights in half precision; vectors (biases, BatchNorm) stay float32
}

// Save writes the model to a .safetensors file, which appears whole or not at all.
func (m *Model) Save(path string, o SaveOptions) error {
	return atomicfile.Write(path, func(w io.Writer) error { return m.Encode(w, o) })
}

// Encode writes the model as a .safetensors file to w. The same model gives the same bytes.
func (m *Model) Encode(w io.Writer, o SaveOptions) error {
	meta, tensors, err := m.Contents(o)
	if err != nil {
		return err
	}
	return safetensors.Write(w, meta, tensors)
}

// Contents returns what Encode writes, for a file that holds more. The tensors share the parameters' memory.
func (m *Model) Contents(o SaveOptions) (map[string]string, []safetensors.Tensor, error) {
	architecture, err := m.Architecture()
	if err != nil {
		return nil, nil, err
	}
	m.own()
	tensors := make([]safetensors.Tensor, len(m.total))
	for i, p := range m.total {
		t := safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape, Floats: p.Data}
		if o.Half && p.role == kernel {
			t.DType = safetensors.F16
		}
		tensors[i] = t
	}
	return map[string]string{metadataKey: string(architecture)}, tensors, nil
}

// Load reads a model from the .safetensors file at path. Errors about its
// content wrap ErrFormat, ErrLayer, ErrShape or safetensors.ErrFormat.
//
// Where the system can, float32 weights stay in the file, mapped, and take no
// memory but while a Session packs them. Whoever asks for parameters, by Params for one, gets
// copies of the Model's own from then on. Until then the file must not change in
// place: one that is cut short gives an error that wraps filemap.ErrChanged.
// Files that Save replaces do no harm.
func Load(path string) (*Model, error) { return filemap.Decode(path, load, Read) }

// load reads a model whose weights may stay in a mapped file.
func load(file *filemap.Map) (m *Model, err error) {
	if fault := file.Guard(func() { m, err = View(file.Bytes()) }); fault != nil {
		err = fmt.Errorf("model: %w", fault)
	}
	if err != nil || !m.placed() {
		file.Close()
		return m, err
	}
	m.file = file
	for _, p := range m.total {
		file.Drop(p.place) // what its checksum has brought to memory
	}
	runtime.AddCleanup(m, (*filemap.Map).Close, file)
	return m, nil
}

// Read reads a model from a .safetensors file of size bytes. The file must hold
// the parameters of its architecture, in their shapes, and nothing else but a
// quantised model; nothing is allocated for them before that is known.
func Read(r io.ReaderAt, size int64) (*Model, error) {
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return decodeFile(f)
}

// View is Read of a file in memory, to which nothing may write from then on:
// float32 weights stay there until somebody asks for parameters.
func View(data []byte) (*Model, error) {
	f, err := safetensors.View(data)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return decodeFile(f)
}

func decodeFile(f *safetensors.File) (*Model, error) {
	architecture, ok := f.Meta[metadataKey]
	if _, quantized := f.Meta[QuantizedKey]; !ok && quantized {
		return nil, fmt.Errorf("model: %w: it holds a quantised model only", ErrFormat)
	}
	if !ok {
		return nil, fmt.Errorf("model: %w: no metadata %q", ErrFormat, metadataKey)
	}
	d, layers, err := parse([]byte(architecture))
	if err != nil {
		return nil, err
	}
	m, err := describe(d.Name, Shape{d.Input[0], d.Input[1], d.Input[2]}, layers)
	if err != nil {
		return nil, err
	}
	m.Provenance = d.Provenance
	if err := m.match(f); err != nil {
		return nil, err
	}
	for _, p := range m.total {
		if p.role == kernel {
			p.Data, p.place, err = f.Floats(p.Name)
		} else {
			p.Data = make([]float32, p.Len())
			err = f.ReadFloats(p.Data, p.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
	}
	return m, nil
}

// placed tells whether weights are read in place, from a file.
func (m *Model) placed() bool {
	return slices.ContainsFunc(m.total, func(p *Param) bool { return p.place != nil })
}

// own gives the model memory of its own for all parameters, which others may then write to.
func (m *Model) own() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.placed() {
		return
	}
	err := m.file.Guard(func() {
		for _, p := range m.total {
			if p.place != nil {
				p.Data, p.place = slices.Clone(p.Data), nil
			}
		}
	})
	if err != nil {
		panic("model: " + err.Error())
	}
	m.file.Close()
	m.file = nil
}

// match checks the file's tensors against the parameters.
func (m *Model) match(f *safetensors.File) error {
	for i, n := range m.nodes {
		for _, p := range n.params {
			role := p.Name[len(n.name)+1:]
			t, err := f.Find(p.Name)
			if errors.Is(err, safetensors.ErrMissing) {
				return fmt.Errorf("model: layer %d (%s): %w: no %s %s", i, n.layer.Kind(), ErrFormat, role, dims(p.Shape))
			}
			if t.DType != safetensors.F32 && t.DType != safetensors.F16 {
				return fmt.Errorf("model: layer %d (%s): %w: %s of type %s, want F32 or F16", i, n.layer.Kind(), ErrFormat, role, t.DType)
			}
			if !slices.Equal(t.Shape, p.Shape) {
				return fmt.Errorf("model: layer %d (%s): %w: %s %s, want %s", i, n.layer.Kind(), ErrShape, role, dims(t.Shape), dims(p.Shape))
			}
		}
	}
	mine := len(f.Tensors)
	if _, quantized := f.Meta[QuantizedKey]; quantized {
		for _, t := range f.Tensors {
			if strings.HasPrefix(t.Name, QuantizedPrefix) {
				mine--
			}
		}
	}
	if mine != len(m.total) {
		return fmt.Errorf("model: %w: %d tensors, the layers have %d", ErrFormat, mine, len(m.total))
	}
	return nil
}
