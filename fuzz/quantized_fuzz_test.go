package fuzz

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// addQuantized adds int8 models, beside their floats and alone, and what is nearly one.
func addQuantized(f *testing.F) {
	m := model.Generator(model.Config{Latent: 3, Size: 4, Width: 1})
	q, _, err := m.Quantize(f.Context(), quant.Options{Images: 32})
	if err != nil {
		f.Fatal(err)
	}
	for alone := range 2 {
		var b bytes.Buffer
		first, o := q, model.SaveOptions{}
		if alone == 0 {
			first, o.Int8 = m, q
		}
		if err := first.Encode(&b, o); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		plain := unchecked(b.Bytes())
		f.Add(plain)
		f.Add(plain[:len(plain)-1])
		f.Add(bytes.Replace(plain, []byte(`\"slope\":0.3`), []byte(`\"slope\":0.9`), 1))
		f.Add(bytes.Replace(plain, []byte(`\"InC\":4`), []byte(`\"InC\":9`), 1))
	}
	addHalfBytes(f)
	graph := conditional(f)
	f.Add(graph)
	for _, change := range [][2]string{
		{`\"kind\":\"qadd\"`, `\"kind\":\"qmul\"`}, {`\"zero\":`, `\"zero\":1`}, {`\"shift\":`, `\"shift\":1`},
		{`\"mode\":\"nearest\"`, `\"mode\":\"bilinear\"`}, {`\"classes\":3`, `\"classes\":4`},
	} {
		f.Add(bytes.Replace(unchecked(graph), []byte(change[0]), []byte(change[1]), 1))
	}
}

// addHalfBytes adds a model with weights of 4 bits, and one of them with a factor of 0.
func addHalfBytes(f *testing.F) {
	m, err := model.New("m", model.Flat(64), model.Dense{Units: 64}, model.Tanh{})
	if err != nil {
		f.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	q, _, err := m.Quantize(f.Context(), quant.Options{Images: 32, WeightBits: 4})
	if err != nil {
		f.Fatal(err)
	}
	b := unchecked(encoded(f, q, model.SaveOptions{}))
	if !bytes.Contains(b, []byte(`"dtype":"U8"`)) {
		f.Fatal("no weights in half bytes")
	}
	f.Add(b)
	zero := bytes.Clone(b)
	zero[len(zero)-1] = 0
	f.Add(zero)
}

// FuzzQuantized reads files of quantized models, as they are and with the checksums of what they
// hold. What is read is written again to the same model and, if it is small, draws the pixels of
// the reference.
func FuzzQuantized(f *testing.F) {
	addQuantized(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		readQuantized(t, b)
		if again := summed(b); again != nil {
			readQuantized(t, again)
		}
	})
}

// summed returns a file with the checksums of what it holds in place of its own, nil if it holds no
// tensors.
func summed(b []byte) []byte {
	b = unchecked(b)
	s, err := safetensors.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil
	}
	var tensors []safetensors.Tensor
	for _, i := range s.Tensors {
		raw, err := s.ReadRaw(i.Name)
		if err != nil {
			return nil // another kind of checksums
		}
		tensors = append(tensors, safetensors.Tensor{Name: i.Name, DType: i.DType, Shape: i.Shape, Raw: raw})
	}
	delete(s.Meta, "no sum")
	var out bytes.Buffer
	if safetensors.Write(&out, s.Meta, tensors) != nil {
		return nil
	}
	return out.Bytes()
}

func readQuantized(t *testing.T, b []byte) {
	q, err := model.ReadInt8(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		for _, e := range []error{model.ErrNone, model.ErrLayer, model.ErrShape, model.ErrFormat, safetensors.ErrFormat} {
			if errors.Is(err, e) {
				return
			}
		}
		t.Fatalf("an error of no kind: %v", err)
	}
	var again bytes.Buffer
	if err := q.Encode(&again, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := model.ReadInt8(bytes.NewReader(again.Bytes()), int64(again.Len())); err != nil {
		t.Fatalf("what was read does not read again: %v", err)
	}
	if smallGraph(q) {
		drawQuantized(t, q)
	}
}

// drawQuantized draws one image on every row, and compares the pixels with those of the reference.
func drawQuantized(t *testing.T, q *model.Model) {
	var z []float32
	var classes []int32
	var feed model.Feed
	for i, v := range q.Inputs() {
		if v.Type.Kind == model.Class {
			class := []int32{int32(i % v.Type.Classes)}
			classes, feed.In = append(classes, class...), append(feed.In, model.Data{Classes: class})
			continue
		}
		x := make([]float32, v.Shape.Len())
		model.Latents(x, len(x), 1, i)
		z, feed.In = append(z, x...), append(feed.In, model.Data{Floats: x})
	}
	want, got := make([]uint8, q.Output().Len()), make([]uint8, q.Output().Len())
	if err := q.Exact(want, z, classes...); err != nil {
		t.Skip(err) // a graph with float32 operators
	}
	feed.Out = make([]model.Data, len(q.Outputs()))
	feed.Out[0].Pixels = got
	for _, k := range simd.Variants() {
		s, err := q.NewSession(model.Options{Batch: 1, Threads: 1, Kernels: k})
		if err != nil {
			return // too large for a plan
		}
		err = s.RunFeed(t.Context(), feed)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s draws %v, the reference %v", k.Name, got, want)
		}
	}
}

// conditional is the file of a quantized graph with branches and a class.
func conditional(f *testing.F) []byte {
	g := &model.Graph{}
	z, class := g.Input("z", model.Flat(3)), g.Class("class", 3)
	g.Add(model.Concat{}, z, g.Add(model.Embedding{Dim: 2}, class))
	x := g.Add(model.Reshape{H: 2, W: 2, C: 2}, g.Add(model.Dense{Units: 8}))
	h := g.Add(model.ReLU{}, g.Add(model.ConditionalBatchNorm{}, x, class))
	up := g.Add(model.Resize{H: 4, W: 4, Mode: model.ResizeNearest, Coordinates: model.Asymmetric}, h)
	short := g.Add(model.Resize{H: 4, W: 4, Mode: model.ResizeBilinear, Coordinates: model.HalfPixel}, x)
	sum := g.Add(model.Add{}, up, short)
	g.Add(model.Mul{}, sum, g.Add(model.Sigmoid{}, g.Add(model.GlobalAvgPool{}, sum)))
	g.Add(model.MaxPool{Kernel: [2]int{2, 2}})
	g.Add(model.Pad{Pad: [4]int{0, 1, 1, 0}, Mode: model.PadZero, Value: 1})
	g.Add(model.Conv2D{Filters: 1, Kernel: [2]int{3, 3}, Same: true})
	m, err := model.FromGraph("conditional", g, g.Add(model.Tanh{}))
	if err != nil {
		f.Fatal(err)
	}
	m.Init(1, model.GlorotUniform)
	q, _, err := m.Quantize(f.Context(), quant.Options{Images: 32})
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := q.Encode(&b, model.SaveOptions{}); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// smallGraph tells whether running a model takes no time to speak of.
func smallGraph(m *model.Model) bool {
	for _, l := range m.Layers() {
		for _, s := range append(l.In, l.Out) {
			if s.Shape.Len() > 1<<12 {
				return false
			}
		}
	}
	exact, _ := m.MACs()
	return exact <= 1<<16
}
