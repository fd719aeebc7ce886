package oracle

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
)

// ErrFormat is what every malformed file's error wraps.
var ErrFormat = errors.New("not an oracle file")

// File is an oracle file in memory.
type File struct {
	meta    map[string]string
	tensors map[string]tensor
}

type tensor struct {
	Kind  string `json:"dtype"`
	Shape []int  `json:"shape"`
	At    [2]int `json:"data_offsets"`
	data  []byte
}

// Open reads the file at path.
func Open(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("oracle: %w", err)
	}
	f, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("oracle: %s: %w", path, err)
	}
	return f, nil
}

// Parse reads a file's bytes, which the result goes on using.
func Parse(b []byte) (*File, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("%w: %d bytes", ErrFormat, len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-8) {
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d", ErrFormat, n, len(b))
	}
	head, data := b[8:8+n], b[8+n:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(head, &raw); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	f := &File{tensors: make(map[string]tensor)}
	for name, r := range raw {
		if name == "__metadata__" {
			if err := json.Unmarshal(r, &f.meta); err != nil {
				return nil, fmt.Errorf("%w: metadata: %v", ErrFormat, err)
			}
			continue
		}
		var t tensor
		if err := json.Unmarshal(r, &t); err != nil {
			return nil, fmt.Errorf("%w: %s: %v", ErrFormat, name, err)
		}
		size, ok := map[string]int{"F32": 4, "U32": 4, "U8": 1}[t.Kind]
		if !ok {
			return nil, fmt.Errorf("%w: %s: type %q", ErrFormat, name, t.Kind)
		}
		for _, d := range t.Shape {
			size *= d
		}
		if t.At[0] < 0 || t.At[1]-t.At[0] != size || t.At[1] > len(data) {
			return nil, fmt.Errorf("%w: %s: bytes %v of %d for %s %v", ErrFormat, name, t.At, len(data), t.Kind, t.Shape)
		}
		t.data = data[t.At[0]:t.At[1]]
		f.tensors[name] = t
	}
	return f, nil
}

// Meta decodes the JSON value that the script stored under name into v.
func (f *File) Meta(name string, v any) error {
	s, ok := f.meta[name]
	if !ok {
		return fmt.Errorf("oracle: no metadata %q", name)
	}
	if err := json.Unmarshal([]byte(s), v); err != nil {
		return fmt.Errorf("oracle: metadata %q: %w", name, err)
	}
	return nil
}

// Has tells whether the file holds a tensor of that name.
func (f *File) Has(name string) bool {
	_, ok := f.tensors[name]
	return ok
}

// Shape returns a tensor's dimensions. It panics, as Float32 and Bytes do, when
// the file holds no such tensor: the test and its script disagree.
func (f *File) Shape(name string) []int { return f.get(name, "").Shape }

// Float32 returns a float32 tensor's values in row-major order.
func (f *File) Float32(name string) []float32 {
	t := f.get(name, "F32")
	v := make([]float32, len(t.data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:]))
	}
	return v
}

// Uint32 returns a uint32 tensor's values in row-major order.
func (f *File) Uint32(name string) []uint32 {
	t := f.get(name, "U32")
	v := make([]uint32, len(t.data)/4)
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(t.data[4*i:])
	}
	return v
}

// Bytes returns a uint8 tensor's values in row-major order.
func (f *File) Bytes(name string) []byte { return f.get(name, "U8").data }

func (f *File) get(name, kind string) tensor {
	t, ok := f.tensors[name]
	if !ok || kind != "" && t.Kind != kind {
		panic("oracle: no " + kind + " tensor " + name)
	}
	return t
}

// Error is the largest |got-want| as a share of the largest |want|. It is
// infinite where the lengths differ or got holds a NaN; where every want is
// zero it is 0 for zeros and infinite for anything else.
func Error(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var worst, top float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = max(worst, d)
		top = max(top, math.Abs(float64(w)))
	}
	if worst == 0 {
		return 0
	}
	return worst / top
}
