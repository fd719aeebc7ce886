package model_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
)

// halfByteNet has a layer that is large enough for weights of 4 bits, and two that are not.
func halfByteNet(t *testing.T) (m *model.Model, o quant.Options) {
	t.Helper()
	m = model.Generator(model.Config{Latent: 17, Size: 8, Width: 16})
	m.Init(5, model.GlorotUniform)
	for _, p := range m.TrainableParams() {
		for i := range p.Data {
			p.Data[i] *= 2 // pictures of some contrast
		}
	}
	return m, quant.Options{Images: 32, WeightBits: 4}
}

func fileOf(t *testing.T, m *model.Model, o model.SaveOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Encode(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHalfByteFile: a file with weights of 4 bits is read as the model that was written, however it
// is read, and computes the same bytes.
func TestHalfByteFile(t *testing.T) {
	m, o := halfByteNet(t)
	q, _, err := m.Quantize(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	file := fileOf(t, q, model.SaveOptions{})
	o.WeightBits = 8
	whole, _, err := m.Quantize(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	half, full := 0, len(fileOf(t, whole, model.SaveOptions{}))
	for _, p := range q.Params() {
		if len(p.Int8) >= quant.LeastHalfBytes {
			half += len(p.Int8)
		}
	}
	if half == 0 || len(file) > full-half*7/16 {
		t.Errorf("%d bytes, %d with weights in 8 bits, %d of which can be 4 bits", len(file), full, half)
	}
	path := filepath.Join(t.TempDir(), "q.safetensors")
	if err := q.Save(path, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	in := feedOf(q, 3)
	_, want := outputs(t, q, in, 3, model.Options{Threads: 1})
	both := fileOf(t, m, model.SaveOptions{Int8: q})
	for name, read := range map[string]func() (*model.Model, error){
		"read": func() (*model.Model, error) { return model.ReadInt8(bytes.NewReader(file), int64(len(file))) },
		"view": func() (*model.Model, error) { return model.ViewInt8(file) },
		"load": func() (*model.Model, error) { return model.LoadInt8(path) },
		"both": func() (*model.Model, error) { return model.ViewInt8(both) },
	} {
		got, err := read()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, p := range q.Params() {
			if g := got.Params()[i]; !slices.Equal(g.Int8, p.Int8) || !slices.Equal(g.Shape, p.Shape) {
				t.Errorf("%s: %s differs", name, p.Name)
			}
		}
		if _, pix := outputs(t, got, in, 3, model.Options{Threads: 1}); !bytes.Equal(pix, want) {
			t.Errorf("%s: other pixels", name)
		}
		if !bytes.Equal(fileOf(t, got, model.SaveOptions{}), file) {
			t.Errorf("%s: written anew it differs", name)
		}
	}
}

// TestHalfByteDamage: half bytes that no writer makes are an error that names them.
func TestHalfByteDamage(t *testing.T) {
	m, o := halfByteNet(t)
	q, _, err := m.Quantize(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	file := fileOf(t, q, model.SaveOptions{})
	for _, c := range []struct {
		change func(t *safetensors.Tensor)
		want   error
	}{
		{func(t *safetensors.Tensor) { t.Raw[len(t.Raw)-1] = 0 }, quant.ErrHalfBytes},
		{func(t *safetensors.Tensor) { t.Raw, t.Shape = t.Raw[1:], []int{len(t.Raw) - 1} }, model.ErrShape},
		{func(t *safetensors.Tensor) { t.Raw, t.Shape = append(t.Raw, 1), []int{len(t.Raw) + 1} }, model.ErrShape},
		{func(t *safetensors.Tensor) { t.Shape = []int{1, len(t.Raw)} }, model.ErrShape},
		{func(t *safetensors.Tensor) { t.DType = safetensors.I8 }, model.ErrShape},
	} {
		bad, name := changeHalfBytes(t, file, c.change)
		role := name[strings.LastIndexByte(name, '.')+1:]
		if _, err := model.ReadInt8(bytes.NewReader(bad), int64(len(bad))); !errors.Is(err, c.want) || !strings.Contains(err.Error(), role) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

// changeHalfBytes returns a file with its first tensor in half bytes changed, whose name it
// returns, too.
func changeHalfBytes(t *testing.T, file []byte, change func(t *safetensors.Tensor)) ([]byte, string) {
	t.Helper()
	f, err := safetensors.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []safetensors.Tensor
	name := ""
	for _, i := range f.Tensors {
		raw, err := f.ReadRaw(i.Name)
		if err != nil {
			t.Fatal(err)
		}
		at := safetensors.Tensor{Name: i.Name, DType: i.DType, Shape: i.Shape, Raw: raw}
		if name == "" && i.DType == safetensors.U8 {
			name = i.Name
			change(&at)
		}
		tensors = append(tensors, at)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, f.Meta, tensors); err != nil || name == "" {
		t.Fatal(name, err)
	}
	return b.Bytes(), name
}

// TestSimulateHalfBytes: a simulation, quantized to weights of 4 bits, gives the model that
// quantizing gives, and with rounded weights it computes nearly that.
func TestSimulateHalfBytes(t *testing.T) {
	m, o := halfByteNet(t)
	want, _, err := m.Quantize(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := m.Simulate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := f.Quantize(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	in := feedOf(m, 10)
	_, pix := outputs(t, want, in, 5, model.Options{Threads: 1})
	if _, same := outputs(t, got, in, 5, model.Options{Threads: 1}); !bytes.Equal(pix, same) {
		t.Error("the simulation, quantized, draws other images")
	}
	rounded := twin(t, f)
	if err := f.RoundWeights(rounded, 4); err != nil {
		t.Fatal(err)
	}
	_, near := outputs(t, rounded, in, 5, model.Options{Threads: 1})
	_, exact := outputs(t, m, in, 5, model.Options{Threads: 1})
	if is, was := gap(pix, near), gap(pix, exact); is > 0.3*was {
		t.Errorf("the simulation's pixels are %g from those of the bytes, the model's in floats %g", is, was)
	}
	o.WeightBits = 5
	if _, _, err := m.Quantize(t.Context(), o); !errors.Is(err, quant.ErrRange) || !strings.Contains(err.Error(), "5 bits") {
		t.Errorf("weights of 5 bits: %v", err)
	}
}
