package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
)

// seedModels have one layer of every kind between them.
func seedModels(f *testing.F) []*model.Model {
	c := model.Config{Latent: 3, Size: 4, Width: 1}
	small, err := model.New("small", model.Shape{H: 3, W: 4, C: 2},
		model.Conv2D{Filters: 2, Kernel: [2]int{2, 1}, Dilation: [2]int{1, 2}, Groups: 2, Pad: [4]int{1, 0, 0, 1}}, model.ReLU{}, model.Sigmoid{})
	if err != nil {
		f.Fatal(err)
	}
	return []*model.Model{model.Generator(c), model.Discriminator(c), small}
}

func encoded(t testing.TB, m *model.Model, o model.SaveOptions) []byte {
	var b bytes.Buffer
	if err := m.Encode(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unchecked returns a file without its checksums, which a changed one would pass no more.
func unchecked(file []byte) []byte {
	return bytes.Replace(file, []byte(`"crc32c"`), []byte(`"no sum"`), 1)
}

// headerLimit is what reading the header of a file of n bytes may allocate.
func headerLimit(n int) uint64 { return 1<<20 + 2*uint64(n) }

// descriptionLimit is what reading a model may allocate: its description is JSON once more, and 100
// bytes of a layer's make no more than a few kilobytes.
func descriptionLimit(n int) uint64 { return 2<<20 + 800*uint64(n) }

func FuzzSafetensors(f *testing.F) {
	for _, m := range seedModels(f) {
		b := encoded(f, m, model.SaveOptions{})
		f.Add(b)
		f.Add(unchecked(b))
		f.Add(b[:len(b)-1])
		f.Add(unchecked(encoded(f, m, model.SaveOptions{Half: true})))
	}
	file := func(header, data string) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), data...)
	}
	f.Add(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"F16","shape":[1,2],"data_offsets":[2,6]}}`, "123456"))
	f.Add(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "123"))
	f.Add(file(`{"a":{"dtype":"I64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, ""))
	f.Add(file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"__metadata__":{"k":"v"}}  `, ""))
	f.Add(binary.LittleEndian.AppendUint64(nil, math.MaxInt64))

	f.Fuzz(func(t *testing.T, b []byte) {
		readFile(t, b)
		readFile(t, unchecked(b)) // what a change of its bytes has left unreadable
	})
}

// readFile reads a file as safetensors and as a model, and writes it once more, with the checksums
// of what was read, to read that.
func readFile(t *testing.T, b []byte) {
	var s *safetensors.File
	var err error
	if used := allocated(func() { s, err = safetensors.Open(bytes.NewReader(b), int64(len(b))) }); used > headerLimit(len(b)) {
		t.Errorf("%d bytes allocated for a file of %d", used, len(b))
	}
	if err != nil {
		if !errors.Is(err, safetensors.ErrFormat) {
			t.Errorf("error %v", err)
		}
		return
	}
	var tensors []safetensors.Tensor
	size := 0
	for _, i := range s.Tensors {
		raw, err := s.ReadRaw(i.Name)
		if errors.Is(err, safetensors.ErrFormat) {
			return // its checksum is another's
		}
		if err != nil || len(raw) != i.Len()*i.DType.Size() {
			t.Fatalf("%q: %d bytes, error %v", i.Name, len(raw), err)
		}
		size += len(raw)
		err = s.ReadFloats(make([]float32, i.Len()), i.Name)
		if floats := i.DType == safetensors.F32 || i.DType == safetensors.F16; floats != (err == nil) {
			t.Errorf("%q, %s: error %v", i.Name, i.DType, err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: i.Name, DType: i.DType, Shape: i.Shape, Raw: raw})
	}
	if size > len(b) {
		t.Errorf("%d bytes of tensors in a file of %d", size, len(b))
	}
	// What can be read can be written.
	var again bytes.Buffer
	if err := safetensors.Write(&again, s.Meta, tensors); err != nil {
		t.Fatal(err)
	}
	if _, err := safetensors.Open(bytes.NewReader(again.Bytes()), int64(again.Len())); err != nil {
		t.Error(err)
	}
	readModel(t, b)
	readModel(t, again.Bytes())
}

// FuzzArchitecture puts any description before the tensors of a good model.
func FuzzArchitecture(f *testing.F) {
	var tensors [][]safetensors.Tensor
	for i, m := range seedModels(f) {
		a, err := m.Architecture()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a), uint8(i))
		var list []safetensors.Tensor
		for _, p := range m.Params() {
			list = append(list, safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape, Floats: p.Data})
		}
		tensors = append(tensors, list)
	}
	tensors = append(tensors, nil)
	for _, layers := range []string{
		`{"kind":"tanh"},{"kind":"flatten"},{"kind":"reshape","h":4,"w":1,"c":4},{"kind":"leakyrelu","slope":0.1}`,
		`{"kind":"convtranspose2d","filters":1,"kernel":[1,1],"stride":[1000000,1000000]}`,
		`{"kind":"conv2d","filters":1,"kernel":[1,1],"pad":[1073741823,1073741823,1073741823,1073741823]}`,
		`{"kind":"dense","units":9223372036854775807}`,
		`{"kind":"dropout","rate":0.999999999999}`,
		`{"kind":"tanh","kind":"relu"},null`,
	} {
		f.Add(`{"format":1,"name":"x","input":[2,2,4],"layers":[`+layers+`]}`, uint8(3))
	}
	f.Fuzz(func(t *testing.T, architecture string, set uint8) {
		var b bytes.Buffer
		if err := safetensors.Write(&b, map[string]string{"gantiny": architecture}, tensors[int(set)%len(tensors)]); err != nil {
			t.Skip(err) // no valid UTF-8
		}
		readModel(t, b.Bytes())
	})
}

// readModel reads a file as a model: either an error of a known kind or a model that can be written
// and, unless it is too large for a test, run.
func readModel(t *testing.T, b []byte) {
	var m *model.Model
	var err error
	if used := allocated(func() { m, err = model.Read(bytes.NewReader(b), int64(len(b))) }); used > descriptionLimit(len(b)) {
		t.Errorf("%d bytes allocated for a file of %d", used, len(b))
	}
	if err != nil {
		for _, kind := range []error{safetensors.ErrFormat, model.ErrFormat, model.ErrLayer, model.ErrShape} {
			if errors.Is(err, kind) && strings.HasPrefix(err.Error(), "model: ") {
				return
			}
		}
		t.Fatalf("error %v", err)
	}
	again, err := model.Read(bytes.NewReader(encoded(t, m, model.SaveOptions{})), int64(len(encoded(t, m, model.SaveOptions{}))))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, again, model.SaveOptions{}), encoded(t, m, model.SaveOptions{})) {
		t.Error("written twice, the model differs")
	}
	size := m.Input().Len()
	for _, l := range m.Layers() {
		size += l.Out.Shape.Len() + int(min(l.MACs, 1<<20))
	}
	if size > 1<<20 {
		return
	}
	s, err := m.NewSession(model.Options{Batch: 1, Threads: 1, MaxBytes: 1 << 28})
	if errors.Is(err, model.ErrMemory) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(make([]float32, m.Output().Len()), make([]float32, m.Input().Len())); err != nil {
		t.Error(err)
	}
}
