package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/filemap"
	"github.com/gantiny/gantiny/model/safetensors"
)

// ErrNone is wrapped by the error about a file that does not hold the requested form of a model.
// It may hold the other form.
var ErrNone = errors.New("no such model in the file")

// form is one of the two forms of a model that a file can hold beside one another.
type form struct {
	key    string // the metadata with its description
	prefix string // of its tensors' names
	parse  func(text []byte) (description, *Graph, []*Value, error)
}

var (
	floatForm = form{"gantiny", "", parse}
	int8Form  = form{"gantiny.int8", "int8.", parseInt8}
)

// form returns the form that m has.
func (m *Model) form() form {
	if m.Quantized() {
		return int8Form
	}
	return floatForm
}

// SaveOptions says in which forms a model is stored.
type SaveOptions struct {
	Half bool   // weights in half precision; vectors (biases, BatchNorm) stay float32
	Int8 *Model // the same model in 8-bit integers, to be stored in the same file; nil for none
}

// Save writes the model to a .safetensors file. The file appears whole or not at all.
func (m *Model) Save(path string, o SaveOptions) error {
	return atomicfile.Write(path, func(w io.Writer) error { return m.Encode(w, o) })
}

// Encode writes the model as a .safetensors file to w. The same model gives the same bytes.
// Weights that stay in a file are read from there.
func (m *Model) Encode(w io.Writer, o SaveOptions) (err error) {
	other := o.Int8
	if other == nil {
		other = m
	}
	fault := m.file.Guard(func() {
		if fault := other.file.Guard(func() { err = m.encode(w, o) }); fault != nil {
			err = fmt.Errorf("model: %w", fault)
		}
	})
	if fault != nil {
		err = fmt.Errorf("model: %w", fault)
	}
	runtime.KeepAlive(m) // whose cleanup closes the file
	runtime.KeepAlive(other)
	return err
}

func (m *Model) encode(w io.Writer, o SaveOptions) error {
	meta := map[string]string{}
	tensors, err := m.contents(meta, o)
	if err == nil && o.Int8 != nil {
		var more []safetensors.Tensor
		more, err = o.Int8.contents(meta, o)
		tensors = append(tensors, more...)
	}
	if err != nil {
		return err
	}
	return safetensors.Write(w, meta, tensors)
}

// contents enters the model's description into a file's metadata and returns its tensors, which
// share the parameters' memory.
func (m *Model) contents(meta map[string]string, o SaveOptions) ([]safetensors.Tensor, error) {
	architecture, err := m.Architecture()
	if err != nil {
		return nil, err
	}
	m.mu.Lock() // on parameters that detach might replace
	defer m.mu.Unlock()
	f := m.form()
	meta[f.key] = string(architecture)
	tensors := make([]safetensors.Tensor, len(m.total))
	for i, p := range m.total {
		t := safetensors.Tensor{Name: f.prefix + p.Name, DType: p.dtype(), Shape: p.Shape, Floats: p.Data}
		switch {
		case p.array == int8s:
			p.encodeInt8(&t)
		case p.array == int32s:
			for _, v := range p.Int32 {
				t.Raw = binary.LittleEndian.AppendUint32(t.Raw, uint32(v))
			}
		case o.Half && p.Init == Weight:
			t.DType = safetensors.F16
		}
		tensors[i] = t
	}
	return tensors, nil
}

// dtype is the type that a parameter has in a file.
func (p *Param) dtype() safetensors.DType {
	return [...]safetensors.DType{float32s: safetensors.F32, int8s: safetensors.I8, int32s: safetensors.I32}[p.array]
}

// Load reads a model from the .safetensors file at path: that in floats or, if the file holds none,
// the one in 8-bit integers. Errors about its content wrap ErrFormat, ErrLayer, ErrShape or
// safetensors.ErrFormat.
//
// Where the system can, weights stay in the file, mapped, and take no memory but while a Session
// packs them. Callers that ask for parameters, by Params for one, get copies of the Model's own
// from then on, and so do Passes. Until then the file must not change in place: one that is cut
// short gives an error that wraps ErrChanged, from whatever reads weights. Files that Save replaces
// do no harm.
//
// Of a file that holds both forms the one that is not asked for is verified, too.
func Load(path string) (*Model, error) { return loadForms(path, floatForm, int8Form) }

// LoadInt8 is Load of the form in 8-bit integers alone; without one the error wraps ErrNone.
func LoadInt8(path string) (*Model, error) { return loadForms(path, int8Form) }

// LoadForm is Load of the form in floats alone, or of either with the preference for 8-bit integers
// that programs have which draw.
func LoadForm(path string, float bool) (*Model, error) { return loadForms(path, forms(float)...) }

// ViewForm is View with the choice of LoadForm.
func ViewForm(data []byte, float bool) (*Model, error) { return viewProgram(data, forms(float)...) }

func forms(float bool) []form {
	if float {
		return []form{floatForm}
	}
	return []form{int8Form, floatForm}
}

// ErrChanged is wrapped by the error about a file that was cut short while its weights were in
// use.
var ErrChanged = filemap.ErrChanged

func loadForms(path string, forms ...form) (*Model, error) {
	return filemap.Decode(path,
		func(file *filemap.Map) (*Model, error) { return load(file, forms) },
		func(r io.ReaderAt, size int64) (*Model, error) { return read(r, size, forms) })
}

// load reads a model whose weights may stay in a mapped file.
func load(file *filemap.Map, forms []form) (m *Model, err error) {
	if fault := file.Guard(func() { m, err = view(file.Bytes(), forms) }); fault != nil {
		err = fmt.Errorf("model: %w", fault)
	}
	if err != nil || !m.placed() {
		file.Close()
		return m, err
	}
	m.keep(file)
	runtime.AddCleanup(m, (*filemap.Map).Close, file)
	return m, nil
}

// keep remembers the file that weights stay in, and gives back what checking them has brought to
// memory.
func (m *Model) keep(file *filemap.Map) {
	m.file = file
	for _, p := range m.total {
		file.Drop(p.source)
	}
}

// Read reads a model from a .safetensors file of size bytes, as Load does. The file must hold the
// parameters of its architecture, in their shapes, and nothing else but those of its other form;
// nothing is allocated for them before that is known.
func Read(r io.ReaderAt, size int64) (*Model, error) {
	return read(r, size, []form{floatForm, int8Form})
}

// ReadInt8 is Read of the form in 8-bit integers alone; without one the error wraps ErrNone.
func ReadInt8(r io.ReaderAt, size int64) (*Model, error) { return read(r, size, []form{int8Form}) }

func read(r io.ReaderAt, size int64, forms []form) (*Model, error) {
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return decodeFile(f, forms)
}

// View is Read of a file in memory, to which nothing may write from then on: weights stay there
// until a caller asks for parameters. If data is part of the program, as go:embed makes a string,
// they take no memory but while a Session packs them.
func View(data []byte) (*Model, error) { return viewProgram(data, floatForm, int8Form) }

// ViewInt8 is View of the form in 8-bit integers alone; without one the error wraps ErrNone.
func ViewInt8(data []byte) (*Model, error) { return viewProgram(data, int8Form) }

func viewProgram(data []byte, forms ...form) (*Model, error) {
	m, err := view(data, forms)
	if err == nil && m.placed() {
		if file := filemap.Program(data); file != nil {
			m.keep(file)
		}
	}
	return m, err
}

func view(data []byte, forms []form) (*Model, error) {
	f, err := safetensors.View(data)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return decodeFile(f, forms)
}

// decodeFile reads the first of the forms that the file holds.
func decodeFile(f *safetensors.File, forms []form) (*Model, error) {
	for _, form := range forms {
		if text, ok := f.Meta[form.key]; ok {
			m, err := form.decode(f, text)
			if err == nil {
				err = form.other().verify(f)
			}
			if err != nil {
				return nil, err
			}
			return m, nil
		}
	}
	for name, other := range map[string]form{"floats": floatForm, "8-bit integers": int8Form} {
		if _, ok := f.Meta[other.key]; ok {
			return nil, fmt.Errorf("model: %w: it has %s only", ErrNone, name)
		}
	}
	return nil, fmt.Errorf("model: %w: %w: no metadata %q", ErrFormat, ErrNone, forms[0].key)
}

// other is the other form.
func (f form) other() form {
	if f.key == floatForm.key {
		return int8Form
	}
	return floatForm
}

// describe reads the description of one form of a file's model, and holds the file's tensors to it.
func (form form) describe(f *safetensors.File, text string) (*Model, error) {
	d, g, outputs, err := form.parse([]byte(text))
	if err != nil {
		return nil, err
	}
	m, err := describe(d.Name, g, outputs...)
	if err != nil {
		return nil, err
	}
	m.Provenance, m.Direct = d.Provenance, d.Direct
	if err := m.setClassNames(d.ClassNames); err != nil {
		return nil, err
	}
	return m, form.match(m, f)
}

// decode reads one form of a file's model.
func (form form) decode(f *safetensors.File, text string) (*Model, error) {
	m, err := form.describe(f, text)
	if err != nil {
		return nil, err
	}
	for _, n := range m.graph.Nodes {
		for _, p := range n.Params {
			if err := p.read(f, form.prefix+p.Name, n.weightLen() > 0); err != nil {
				return nil, fmt.Errorf("model: %w", err)
			}
		}
		if err := n.checkValues(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// verify returns an error if the file holds this form too and it is damaged: its description, its
// tensors' shapes or, where there are checksums, their values.
func (form form) verify(f *safetensors.File) error {
	text, ok := f.Meta[form.key]
	if !ok {
		return nil
	}
	m, err := form.describe(f, text)
	if err != nil {
		return fmt.Errorf("%w (in the form %q)", err, form.key)
	}
	for _, p := range m.total {
		if err := f.Verify(form.prefix + p.Name); err != nil {
			return fmt.Errorf("model: %w", err)
		}
	}
	return nil
}

// checker is an Op that not all values of its parameters suit.
type checker interface {
	Op
	check(p []*Param) error
}

// checkValues returns an error unless the parameters' values are finite and suit the operator.
func (n *Node) checkValues() error {
	err := finite(n.Params)
	if c, ok := n.Op.(checker); ok && err == nil {
		err = c.check(n.Params)
	}
	if err != nil {
		return n.error(fmt.Errorf("%w: %w", ErrLayer, err))
	}
	return nil
}

// finite returns an error if a value is no number.
func (p *Param) finite() error {
	const all = 8 // at a time: of those that are numbers, the highest bit of odd stays 0
	x, at := p.Data, 0
	for ; len(x)-at >= all; at += all {
		v := (*[all]float32)(x[at:])
		if odd(v[0])|odd(v[1])|odd(v[2])|odd(v[3])|odd(v[4])|odd(v[5])|odd(v[6])|odd(v[7]) >= 1<<31 {
			break
		}
	}
	for i, v := range x[at:] {
		if odd(v) >= 1<<31 {
			return fmt.Errorf("%s: value %d is %v", p.Name, at+i, v)
		}
	}
	return nil
}

// odd is 1<<31 or more for NaN and the infinities, whose exponent is all ones.
func odd(v float32) uint32 { return math.Float32bits(v)&(1<<31-1) + 1<<23 }

// read reads a parameter's values: weights in place where that can be, unless kernels read them as
// they are.
func (p *Param) read(f *safetensors.File, name string, packed bool) (err error) {
	switch {
	case p.array == int8s && halfBytes(f, name):
		err = p.readHalfBytes(f, name)
	case p.array == int8s && !packed:
		p.Int8 = make([]int8, p.Len())
		err = f.ReadInt8s(p.Int8, name)
	case p.array == int8s:
		p.Int8, p.source, err = f.Int8s(name)
	case p.array == int32s:
		var raw []byte
		raw, err = f.ReadRaw(name)
		p.Int32 = make([]int32, len(raw)/4)
		for i := range p.Int32 {
			p.Int32[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case p.Init == Weight && packed:
		p.Data, p.source, err = f.Floats(name)
	default:
		p.Data = make([]float32, p.Len())
		err = f.ReadFloats(p.Data, name)
	}
	return err
}

// placed tells whether weights are read in place, from a file.
func (m *Model) placed() bool {
	return slices.ContainsFunc(m.total, func(p *Param) bool { return p.source != nil })
}

// detach gives the model memory of its own for all parameters, which callers may then write to. The
// file stays open as long as the model: sessions may be reading it.
func (m *Model) detach() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.placed() {
		return nil
	}
	err := m.file.Guard(func() {
		for _, p := range m.total {
			if p.source != nil {
				p.Data, p.Int8, p.source = slices.Clone(p.Data), slices.Clone(p.Int8), nil
			}
		}
	})
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// match checks the file's tensors against the parameters.
func (form form) match(m *Model, f *safetensors.File) error {
	for i, n := range m.graph.Nodes {
		for _, p := range n.Params {
			role := p.Name[len(n.Name)+1:]
			t, err := f.Find(form.prefix + p.Name)
			if errors.Is(err, safetensors.ErrMissing) {
				return fmt.Errorf("model: layer %d (%s): %w: no %s %s", i, n.Op.Kind(), ErrFormat, role, dims(p.Shape))
			}
			if t.DType == safetensors.U8 && p.columns() > 0 {
				if err := p.matchHalfBytes(t); err != nil {
					return fmt.Errorf("model: layer %d (%s): %s: %w", i, n.Op.Kind(), role, err)
				}
				continue
			}
			if want := p.dtype(); t.DType != want && !(want == safetensors.F32 && t.DType == safetensors.F16) {
				return fmt.Errorf("model: layer %d (%s): %w: %s of type %s, want %s", i, n.Op.Kind(), ErrFormat, role, t.DType, wanted(want))
			}
			if !slices.Equal(t.Shape, p.Shape) {
				return fmt.Errorf("model: layer %d (%s): %w: %s %s, want %s", i, n.Op.Kind(), ErrShape, role, dims(t.Shape), dims(p.Shape))
			}
		}
	}
	mine := 0
	_, both := f.Meta[int8Form.key]
	for _, t := range f.Tensors {
		if both && strings.HasPrefix(t.Name, int8Form.prefix) == (form.prefix != "") || !both {
			mine++
		}
	}
	if mine != len(m.total) {
		return fmt.Errorf("model: %w: %d tensors, the layers have %d", ErrFormat, mine, len(m.total))
	}
	return nil
}

func wanted(t safetensors.DType) string {
	if t == safetensors.F32 {
		return "F32 or F16"
	}
	return string(t)
}
