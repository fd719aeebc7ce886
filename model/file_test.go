package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model/safetensors"
)

func encode(t testing.TB, m *Model, o SaveOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Encode(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readModel(b []byte) (*Model, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestFileRoundTrip(t *testing.T) {
	for _, m := range smallNets(t) {
		m.Provenance = Provenance{Command: "gantiny train", Version: "v0.1.0", Seed: 1<<64 - 1, Epochs: 3, Dataset: "digits", DatasetSHA256: "ab"}
		b := encode(t, m, SaveOptions{})
		r, err := readModel(b)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if r.Name != m.Name || r.Provenance != m.Provenance || r.Input() != m.Input() {
			t.Errorf("%s: became %q, %+v, %v", m.Name, r.Name, r.Provenance, r.Input())
		}
		for i, l := range m.Layers() {
			if got := r.Layers()[i].Op; got != l.Op {
				t.Errorf("%s: layer %d became %+v, want %+v", m.Name, i, got, l.Op)
			}
		}
		for i, p := range m.Params() {
			if q := r.Params()[i]; q.Name != p.Name || !slices.Equal(q.Shape, p.Shape) || !equalBits(q.Data, p.Data) || q.Trainable != p.Trainable {
				t.Errorf("%s: %s differs", m.Name, p.Name)
			}
		}
		if !bytes.Equal(encode(t, r, SaveOptions{}), b) {
			t.Errorf("%s: written anew it differs", m.Name)
		}
	}
}

func TestSaveLoad(t *testing.T) {
	m := Generator(Config{Latent: 50, Size: 8, Width: 8})
	path := filepath.Join(t.TempDir(), "g.safetensors")
	if err := m.Save(path, SaveOptions{Half: true}); err != nil {
		t.Fatal(err)
	}
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params() {
		q := r.Params()[i]
		if p.Init != Weight {
			if !equalBits(q.Data, p.Data) {
				t.Errorf("%s has changed", p.Name)
			}
			continue
		}
		checkClose(t, p.Name, q.Data, widen(p.Data), 0x1p-11)
		if equalBits(q.Data, p.Data) {
			t.Errorf("%s was not rounded", p.Name)
		}
	}
	if len(encode(t, m, SaveOptions{Half: true})) > len(encode(t, m, SaveOptions{}))*2/3 {
		t.Error("half precision saves too little")
	}
	if _, err := Load(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
}

// craft writes a file with any metadata and tensors.
func craft(t *testing.T, architecture string, tensors ...safetensors.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{floatForm.key: architecture}, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(name string, shape ...int) safetensors.Tensor {
	p := Param{Shape: shape}
	return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape, Floats: make([]float32, p.Len())}
}

func TestReadErrors(t *testing.T) {
	const one = `{"format":1,"name":"m","input":[1,1,3],"layers":[{"kind":"dense","units":2,"bias":true}]}`
	weight, bias := floats("dense0.weight", 3, 2), floats("dense0.bias", 2)
	if _, err := readModel(craft(t, one, weight, bias)); err != nil {
		t.Fatal(err)
	}
	layers := func(list string) string {
		return fmt.Sprintf(`{"format":1,"name":"m","input":[8,8,3],"layers":[%s]}`, list)
	}
	for _, c := range []struct {
		name string
		file []byte
		is   error
		want string
	}{
		{"weight", craft(t, one, floats("dense0.weight", 2, 3), bias), ErrShape, "model: layer 0 (dense): wrong shape: weight (2,3), want (3,2)"},
		{"no bias", craft(t, one, weight), ErrFormat, "model: layer 0 (dense): not a gantiny model: no bias (2)"},
		{"more", craft(t, one, weight, bias, floats("dense1.weight", 1)), ErrFormat, "3 tensors, the layers have 2"},
		{"type", craft(t, one, weight, safetensors.Tensor{Name: "dense0.bias", DType: safetensors.I8, Shape: []int{2}, Raw: make([]byte, 2)}), ErrFormat, "bias of type I8"},
		{"no tensors", craft(t, one), ErrFormat, "no weight (3,2)"},
		{"no JSON", craft(t, "{"), ErrFormat, "unexpected end"},
		{"no object", craft(t, "[]"), ErrFormat, "cannot unmarshal"},
		{"version", craft(t, `{"format":3,"input":[1,1,3],"layers":[]}`), ErrFormat, "format 3, want 1 or 2"},
		{"input", craft(t, `{"format":1,"input":[3],"layers":[]}`), ErrFormat, "input [3]"},
		{"negative input", craft(t, `{"format":1,"input":[-1,-1,3],"layers":[{"kind":"tanh"}]}`), ErrShape, "-1x-1x3"},
		{"no layers", craft(t, layers(``)), ErrLayer, "there are none"},
		{"no kind", craft(t, layers(`{"units":2}`)), ErrFormat, "layer 0 (): not a gantiny model: no kind"},
		{"null", craft(t, layers(`null`)), ErrFormat, "no kind"},
		{"kind", craft(t, layers(`{"kind":"tanh"},{"kind":"lstm"}`)), ErrFormat, `layer 1 (lstm): not a gantiny model: unknown kind "lstm"`},
		{"attribute", craft(t, layers(`{"kind":"tanh","gain":2}`)), ErrFormat, `unknown field "gain"`},
		{"attribute's type", craft(t, layers(`{"kind":"dropout","rate":"0.3"}`)), ErrFormat, "cannot unmarshal"},
		{"attribute's value", craft(t, layers(`{"kind":"dropout","rate":3}`)), ErrLayer, "rate 3"},
		{"absurd size", craft(t, strings.Replace(one, `"units":2`, `"units":4611686018427387905`, 1)), nil, "model: layer 0 (dense)"},
		{"absurd kernel", craft(t, layers(`{"kind":"conv2d","filters":1000000,"kernel":[1000000,1000000]}`)), ErrLayer, "is too large"},
		{"absurd output", craft(t, layers(`{"kind":"convtranspose2d","filters":1,"kernel":[1,1],"stride":[2000,2000]}`), floats("convtranspose2d0.weight", 1, 1, 3, 1)), ErrLayer, ""},
		{"metadata", func() []byte {
			var b bytes.Buffer
			if err := safetensors.Write(&b, nil, []safetensors.Tensor{weight}); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}(), ErrFormat, `no metadata "gantiny"`},
		{"no file", []byte("something else entirely"), safetensors.ErrFormat, "not a valid safetensors file"},
	} {
		_, err := readModel(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// TestReadAllocation: a file whose layers claim a gigabyte that it does not hold costs next to
// nothing.
func TestReadAllocation(t *testing.T) {
	b := craft(t, `{"format":1,"name":"m","input":[1,1,16384],"layers":[{"kind":"dense","units":16384}]}`, floats("dense0.weight", 1))
	huge := binary.LittleEndian.AppendUint64(nil, 99_000_000) // a header that is not there
	for _, file := range [][]byte{b, append(huge, '{')} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := readModel(file); err == nil {
			t.Error("no error")
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%d bytes allocated", n)
		}
	}
}

func TestArchitecture(t *testing.T) {
	m := Discriminator(Config{})
	b, err := m.Architecture()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `{"kind":"leakyrelu","slope":0.3},{"kind":"dropout","rate":0.3}`) {
		t.Errorf("%s", b)
	}
	r, err := Build(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params() {
		if q := r.Params()[i]; q.Name != p.Name || !reflect.DeepEqual(q.Shape, p.Shape) || len(q.Data) != len(p.Data) {
			t.Errorf("%s %v became %s %v", p.Name, p.Shape, q.Name, q.Shape)
		}
	}
	if _, err := Build([]byte(`{"format":1,"input":[1,1,0],"layers":[{"kind":"tanh"}]}`)); !errors.Is(err, ErrShape) {
		t.Errorf("empty input: %v", err)
	}
}
