package quantized

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/filemap"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
)

// ErrNone is wrapped by Read's error for a file that holds no quantised model. It may hold one in floats.
var ErrNone = errors.New("no quantised model")

// formatVersion is the version of the description that this package reads and writes.
const formatVersion = 1

// description is the JSON in a file's metadata, under model.QuantizedKey.
type description struct {
	Format     int              `json:"format"`
	Name       string           `json:"name"`
	Step       int32            `json:"latent_step"` // of latents, in units of 2^-21
	Ops        []opDescription  `json:"ops"`
	Provenance model.Provenance `json:"provenance"`
}

// opDescription is an operator without its tensors, which are NAME.weight (I8), NAME.bias (I32) and NAME.scale (F32) behind
// model.QuantizedPrefix.
type opDescription struct {
	Name     string        `json:"name"`
	Kind     string        `json:"kind"`
	Geometry conv.Geometry `json:"geometry"`
	In       [3]int        `json:"in"` // H, W, C
	Out      [3]int        `json:"out"`
	Slope    float32       `json:"slope"`
	Input    quant.Params  `json:"input"`
	Output   quant.Params  `json:"output"`
}

// Save writes the model to a .safetensors file, which appears whole or not at all. If float is not nil, the file holds that
// model too, stored as o says.
func (m *Model) Save(path string, float *model.Model, o model.SaveOptions) error {
	return atomicfile.Write(path, func(w io.Writer) error { return m.Encode(w, float, o) })
}

// Encode writes the model as a .safetensors file to w, together with float unless that is nil. The same models give the same bytes.
func (m *Model) Encode(w io.Writer, float *model.Model, o model.SaveOptions) error {
	m.own()
	d := description{Format: formatVersion, Name: m.name, Step: m.step, Provenance: m.provenance}
	var tensors []safetensors.Tensor
	meta := map[string]string{}
	if float != nil {
		var err error
		if meta, tensors, err = float.Contents(o); err != nil {
			return err
		}
	}
	for i := range m.ops {
		o := &m.ops[i]
		d.Ops = append(d.Ops, opDescription{
			Name: o.Name, Kind: o.Kind, Geometry: o.Geometry, In: [3]int{o.In.H, o.In.W, o.In.C}, Out: [3]int{o.Out.H, o.Out.W, o.Out.C},
			Slope: o.Slope, Input: o.Input, Output: o.Output,
		})
		weights, bias := make([]byte, len(o.Weight)), make([]byte, 0, 4*len(o.Bias))
		for k, v := range o.Weight {
			weights[k] = byte(v)
		}
		for _, v := range o.Bias {
			bias = binary.LittleEndian.AppendUint32(bias, uint32(v))
		}
		name := model.QuantizedPrefix + o.Name
		tensors = append(tensors,
			safetensors.Tensor{Name: name + ".weight", DType: safetensors.I8, Shape: o.weightShape(), Raw: weights},
			safetensors.Tensor{Name: name + ".bias", DType: safetensors.I32, Shape: []int{len(o.Bias)}, Raw: bias},
			safetensors.Tensor{Name: name + ".scale", DType: safetensors.F32, Shape: []int{len(o.Scale)}, Floats: o.Scale})
	}
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("quantized: %w", err)
	}
	meta[model.QuantizedKey] = string(b)
	return safetensors.Write(w, meta, tensors)
}

// weightShape is the shape that the weight has in the layer it came from.
func (o *Op) weightShape() []int {
	g := o.Geometry
	if g.IsDense() {
		return []int{o.In.Len(), o.Out.Len()}
	}
	return []int{g.KH, g.KW, g.InC / g.Groups, g.OutC}
}

// Load reads the quantised model of the .safetensors file at path, see Read. Where the system can, the weights stay in the
// file, as model.Load describes, until somebody asks for Ops.
func Load(path string) (*Model, error) { return filemap.Decode(path, load, Read) }

// load reads a model whose weights may stay in a mapped file.
func load(file *filemap.Map) (m *Model, err error) {
	if fault := file.Guard(func() { m, err = view(file.Bytes()) }); fault != nil {
		err = fmt.Errorf("quantized: %w", fault)
	}
	if err != nil || !m.placed() {
		file.Close()
		return m, err
	}
	m.keep(file)
	runtime.AddCleanup(m, (*filemap.Map).Close, file)
	return m, nil
}

// keep remembers the file that weights stay in, and gives back what checking them has brought to memory.
func (m *Model) keep(file *filemap.Map) {
	m.file = file
	for i := range m.places {
		file.Drop(m.places[i])
	}
}

// placed tells whether weights are read in place.
func (m *Model) placed() bool {
	return slices.ContainsFunc(m.places, func(b []byte) bool { return b != nil })
}

// own gives the model memory of its own for all weights.
func (m *Model) own() {
	m.packs.mu.Lock()
	defer m.packs.mu.Unlock()
	if !m.placed() {
		return
	}
	err := m.file.Guard(func() {
		for i := range m.ops {
			if m.places[i] != nil {
				m.ops[i].Weight, m.places[i] = slices.Clone(m.ops[i].Weight), nil
			}
		}
	})
	if err != nil {
		panic("quantized: " + err.Error())
	}
	m.file.Close()
	m.file = nil
}

// Read reads the quantised model of a .safetensors file of size bytes. A file without one gives an error that wraps ErrNone;
// others wrap model.ErrFormat, ErrOp or safetensors.ErrFormat. Tensors of a model in floats are passed over. Nothing is allocated
// for a tensor before its size is known to be right.
func Read(r io.ReaderAt, size int64) (*Model, error) {
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("quantized: %w", err)
	}
	return decode(f)
}

// View is Read of a file in memory, to which nothing may write from then on: the weights stay there until somebody asks for Ops.
// If data is part of the program, as go:embed makes a string, they take no memory but while a Session packs them.
func View(data []byte) (*Model, error) {
	m, err := view(data)
	if err == nil && m.placed() {
		if file := filemap.Program(data); file != nil {
			m.keep(file)
		}
	}
	return m, err
}

func view(data []byte) (*Model, error) {
	f, err := safetensors.View(data)
	if err != nil {
		return nil, fmt.Errorf("quantized: %w", err)
	}
	return decode(f)
}

func decode(f *safetensors.File) (*Model, error) {
	text, ok := f.Meta[model.QuantizedKey]
	if !ok {
		return nil, fmt.Errorf("quantized: %w: no metadata %q", ErrNone, model.QuantizedKey)
	}
	var d description
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("quantized: %w: %v", model.ErrFormat, err)
	}
	if d.Format != formatVersion {
		return nil, fmt.Errorf("quantized: %w: format %d, want %d", model.ErrFormat, d.Format, formatVersion)
	}
	ops, places := make([]Op, len(d.Ops)), make([][]byte, len(d.Ops))
	names := map[string]bool{}
	for i, o := range d.Ops {
		if names[o.Name] {
			return nil, fmt.Errorf("quantized: operator %d (%s): %w: the name is taken", i, o.Name, model.ErrFormat)
		}
		names[o.Name] = true
		ops[i] = Op{
			Name: o.Name, Kind: o.Kind, Geometry: o.Geometry, Slope: o.Slope, Input: o.Input, Output: o.Output,
			In: model.Shape{H: o.In[0], W: o.In[1], C: o.In[2]}, Out: model.Shape{H: o.Out[0], W: o.Out[1], C: o.Out[2]},
		}
		var err error
		if places[i], err = ops[i].read(f); err != nil {
			return nil, fmt.Errorf("quantized: operator %d (%s): %w", i, o.Name, err)
		}
	}
	mine := 0
	for _, t := range f.Tensors {
		if strings.HasPrefix(t.Name, model.QuantizedPrefix) {
			mine++
		}
	}
	if mine != 3*len(ops) {
		return nil, fmt.Errorf("quantized: %w: %d tensors, the operators have %d", model.ErrFormat, mine, 3*len(ops))
	}
	m, err := New(d.Name, d.Provenance, d.Step, ops)
	if err == nil {
		m.places = places
	}
	return m, err
}

// read fills in an operator's tensors. It returns where the weights stand if that is no copy.
func (o *Op) read(f *safetensors.File) (place []byte, err error) {
	_, columns, err := o.lengths()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOp, err)
	}
	name := model.QuantizedPrefix + o.Name
	if err := match(f, name+".weight", safetensors.I8, o.weightShape()); err != nil {
		return nil, err
	}
	if o.Weight, place, err = f.Int8s(name + ".weight"); err != nil {
		return nil, err
	}
	bias, err := raw(f, name+".bias", safetensors.I32, []int{columns})
	if err != nil {
		return nil, err
	}
	scale, err := raw(f, name+".scale", safetensors.F32, []int{columns})
	if err != nil {
		return nil, err
	}
	o.Bias, o.Scale = make([]int32, columns), make([]float32, columns)
	for c := range columns {
		o.Bias[c] = int32(binary.LittleEndian.Uint32(bias[4*c:]))
		o.Scale[c] = math.Float32frombits(binary.LittleEndian.Uint32(scale[4*c:]))
	}
	return place, nil
}

// match checks a tensor's type and shape.
func match(f *safetensors.File, name string, dtype safetensors.DType, shape []int) error {
	t, err := f.Find(name)
	if err != nil {
		return fmt.Errorf("%w: %w", model.ErrFormat, err)
	}
	if t.DType != dtype || !slices.Equal(t.Shape, shape) {
		return fmt.Errorf("%w: %s is %s %v, want %s %v", model.ErrFormat, name, t.DType, t.Shape, dtype, shape)
	}
	return nil
}

// raw returns a tensor's bytes after checking its type and shape.
func raw(f *safetensors.File, name string, dtype safetensors.DType, shape []int) ([]byte, error) {
	if err := match(f, name, dtype, shape); err != nil {
		return nil, err
	}
	return f.ReadRaw(name)
}
