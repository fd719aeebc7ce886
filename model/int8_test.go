package model_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// random makes a model of the given operators with numbers of rng, integers in the main, so that
// every machine makes the same.
func random(t testing.TB, seed uint64, geometries ...conv.Geometry) *model.Model {
	t.Helper()
	s := rng.NewStream(rng.NewKey(seed, rng.Sample))
	g := &model.Graph{}
	first := geometries[0]
	g.Input("x", model.Shape{H: first.InH, W: first.InW, C: first.InC})
	g.Add(model.QLatents{Step: quant.LatentStep(4)})
	for i, geometry := range geometries {
		o := model.QLinear{From: "conv2d", Geometry: geometry, Slope: 1, Tanh: i == len(geometries)-1}
		h, w, err := geometry.Out()
		if err != nil {
			t.Fatal(err)
		}
		columns := geometry.OutC
		if geometry.IsDense() {
			columns = h * w * geometry.OutC
		}
		weight, bias, scale := make([]int8, geometry.WeightLen()), make([]int32, columns), make([]float32, columns)
		for k := range weight {
			weight[k] = int8(s.Below(255)) - 127
		}
		root := float32(math.Sqrt(float64(len(weight) / columns)))
		for c := range columns {
			bias[c] = int32(s.Below(20001)) - 10000
			scale[c] = float32(64+s.Below(128)) / (1 << 13) / root
		}
		o.Output = quant.Params{Scale: 1, Zero: int32(s.Below(256)) - 128}
		if o.Tanh {
			for c := range scale {
				scale[c] *= 8
			}
		} else {
			o.Slope = []float32{0.3, 0, 1, 0.125}[i%4]
		}
		n := g.Add(o).Node
		if n == nil || len(n.Params) != 3 {
			continue // FromGraph says what is wrong
		}
		n.Params[0].Int8, n.Params[1].Int32, n.Params[2].Data = weight, bias, scale
	}
	m, err := model.Assemble("random", g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// models are small networks of several shapes, the first like the reference.
func models(t testing.TB) []*model.Model {
	grouped := conv.Same(5, 5, 8, 12, 3, 1, false)
	grouped.Groups = 4
	return []*model.Model{
		random(t, 1, conv.Dense(1, 1, 13, 3, 3, 24), conv.Same(3, 3, 24, 17, 5, 1, true), conv.Same(3, 3, 17, 9, 5, 2, true), conv.Same(6, 6, 9, 1, 5, 2, true)),
		random(t, 2, conv.Dense(1, 1, 4, 5, 5, 8), grouped, conv.Valid(5, 5, 12, 3, 3, 2, false)),
		random(t, 3, conv.Dense(1, 1, 3, 2, 2, 5)),
		random(t, 4, conv.Same(4, 3, 2, 34, 3, 1, false), conv.Valid(4, 3, 34, 3, 4, 3, true)),
	}
}

// draw returns the pixels of n latents by a session that takes them batch by batch.
func draw(t testing.TB, m *model.Model, n, batch int, o model.Options) []uint8 {
	t.Helper()
	s, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, out := m.Input().Len(), m.Output().Len()
	z, pix := make([]float32, n*in), make([]uint8, n*out)
	model.Latents(z, in, 7, 0)
	for i := 0; i < n; i += batch {
		k := min(batch, n-i)
		if err := s.Pixels(pix[i*out:][:k*out], z[i*in:][:k*in]); err != nil {
			t.Fatal(err)
		}
	}
	return pix
}

// TestSameBytes draws with every row of kernels, several thread counts and batches, and by the
// reference.
func TestSameBytes(t *testing.T) {
	const n = 19
	for i, m := range models(t) {
		in, out := m.Input().Len(), m.Output().Len()
		z, want := make([]float32, n*in), make([]uint8, n*out)
		model.Latents(z, in, 7, 0)
		for k := range n {
			if err := m.Exact(want[k*out:][:out], z[k*in:][:in]); err != nil {
				t.Fatal(err)
			}
		}
		levels := map[uint8]bool{}
		for _, p := range want {
			levels[p] = true
		}
		if len(levels) < 20 {
			t.Errorf("model %d: only %d different pixels", i, len(levels))
		}
		for _, k := range simd.Variants() {
			for _, threads := range []int{1, 3} {
				for _, batch := range []int{1, 3, n} {
					for _, planned := range []int{0, batch} {
						got := draw(t, m, n, batch, model.Options{Batch: planned, Threads: threads, Kernels: k})
						if !bytes.Equal(got, want) {
							t.Fatalf("model %d, %s, %d threads, batch %d, planned %d: other bytes", i, k.Name, threads, batch, planned)
						}
					}
				}
			}
		}
	}
}

// TestRun: floats are what the pixels stand for.
func TestInt8Run(t *testing.T) {
	for _, threads := range []int{1, 3} {
		m := models(t)[0]
		const n = 2
		pix := draw(t, m, n, n, model.Options{Threads: threads})
		s, err := m.NewSession(model.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		z, x := make([]float32, n*m.Input().Len()), make([]float32, len(pix))
		model.Latents(z, m.Input().Len(), 7, 0)
		if err := s.Run(x, z); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if want := (float32(pix[i]) - 127.5) / 127.5; v != want {
				t.Fatalf("value %d is %v, the pixel stands for %v", i, v, want)
			}
		}
		if allocs := alloctest.PerRun(func() {
			if err := s.Pixels(pix, z); err != nil {
				t.Fatal(err)
			}
		}); allocs != 0 {
			t.Errorf("%d threads: %d allocations a run", threads, allocs)
		}
		for name, err := range map[string]error{
			"no latents": s.Run(x, nil), "half a latent": s.Pixels(pix, z[:3]), "short output": s.Pixels(pix[1:], z),
		} {
			if !errors.Is(err, model.ErrShape) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.PixelsContext(ctx, pix, z); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: error %v", err)
		}
	}
}

func TestInt8Observe(t *testing.T) {
	m := models(t)[0]
	calls := map[string]int{}
	s, err := m.NewSession(model.Options{Threads: 1, Observe: observer(calls)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	z := make([]float32, m.Input().Len())
	if err := s.Pixels(make([]uint8, m.Output().Len()), z); err != nil {
		t.Fatal(err)
	}
	ops := s.Ops()
	if len(ops) != 5 || len(calls) != 5 {
		t.Fatalf("%d operators, %d observed", len(ops), len(calls))
	}
	exact := int64(0)
	for _, o := range ops[1:] { // the first quantizes the latents
		if calls[o.Name] != 1 || o.MACs <= 0 || o.Nominal < o.MACs {
			t.Errorf("%+v, %d calls", o, calls[o.Name])
		}
		exact += o.MACs
	}
	if e, _ := m.MACs(); e != exact {
		t.Errorf("the model has %d multiply-adds, its operators %d", e, exact)
	}
	if s.PeakBytes() < int64(m.Parameters()) {
		t.Errorf("%d bytes for %d parameters", s.PeakBytes(), m.Parameters())
	}
}

// encodeBoth writes an int8 model, beside one in floats unless that is nil.
func encodeBoth(t testing.TB, m, float *model.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	o := model.SaveOptions{}
	if float == nil {
		float = m
	} else {
		o.Int8 = m
	}
	if err := float.Encode(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFile writes models, alone and beside one in floats, and reads them back.
func TestInt8File(t *testing.T) {
	float := model.Generator(model.Config{Width: 2, Latent: 5, Seed: 3})
	for i, m := range models(t) {
		for _, beside := range []*model.Model{nil, float} {
			file := encodeBoth(t, m, beside)
			if !bytes.Equal(file, encodeBoth(t, m, beside)) {
				t.Errorf("model %d: the file differs from one time to the next", i)
			}
			got, err := model.ReadInt8(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			if a, b := draw(t, m, 3, 3, model.Options{Threads: 1}), draw(t, got, 3, 3, model.Options{Threads: 1}); !bytes.Equal(a, b) {
				t.Errorf("model %d draws other pixels after a file", i)
			}
			f, err := model.Read(bytes.NewReader(file), int64(len(file)))
			switch {
			case beside == nil && (err != nil || !f.Quantized()):
				t.Errorf("model %d: Read of a file without floats is not the int8 model (%v)", i, err)
			case beside != nil && err != nil:
				t.Errorf("model %d: the floats beside it: %v", i, err)
			case beside != nil && !slices.Equal(f.Params()[0].Data, float.Params()[0].Data):
				t.Errorf("model %d: the floats beside it are others", i)
			}
		}
	}
	var b bytes.Buffer
	if err := float.Encode(&b, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := model.ReadInt8(bytes.NewReader(b.Bytes()), int64(b.Len())); !errors.Is(err, model.ErrNone) {
		t.Errorf("a file of floats: error %v", err)
	}
}

// TestBadFiles cuts a file, changes its description and its numbers.
func TestInt8BadFiles(t *testing.T) {
	m := models(t)[1]
	file := encodeBoth(t, m, nil)
	for n := 0; n < len(file); n += 1 + n/9 {
		if _, err := model.ReadInt8(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Fatalf("%d of %d bytes: no error", n, len(file))
		}
	}
	file = bytes.Replace(file, []byte(`"crc32c"`), []byte(`"no sum"`), 1) // else every change were a wrong checksum
	head := string(file)
	for name, change := range map[string][2]string{
		"geometry":   {`\"InC\":8`, `\"InC\":9`},
		"groups":     {`\"Groups\":4`, `\"Groups\":3`},
		"zero":       {`\"slope\":0.3`, `\"slope\":9.3`},
		"chain":      {`\"in\":[5,5,8]`, `\"in\":[5,8,5]`},
		"name":       {`\"name\":\"qlinear2\"`, `\"name\":\"qlinear3\"`},
		"field":      {`\"kind\"`, `\"king\"`},
		"format":     {`\"format\":1`, `\"format\":7`},
		"no tensors": {`"int8.qlinear2.weight"`, `"int8.qlinear2.weighs"`},
	} {
		changed := strings.Replace(head, change[0], change[1], 1)
		if changed == head {
			t.Fatalf("%s: nothing to change", name)
		}
		_, err := model.ReadInt8(strings.NewReader(changed), int64(len(changed)))
		if !errors.Is(err, model.ErrFormat) && !errors.Is(err, model.ErrLayer) && !errors.Is(err, safetensors.ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// The last operator's first scale, in the first tensor's place: NaN.
	f, err := safetensors.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.ReadRaw("int8.qlinear3.scale")
	if err != nil {
		t.Fatal(err)
	}
	nan := bytes.Clone(raw)
	binary.LittleEndian.PutUint32(nan, math.Float32bits(float32(math.NaN())))
	changed := bytes.Replace(file, raw, nan, 1)
	if _, err := model.ReadInt8(bytes.NewReader(changed), int64(len(changed))); !errors.Is(err, model.ErrLayer) || !strings.Contains(err.Error(), "qlinear3") {
		t.Errorf("a scale that is NaN: error %v", err)
	}
}

func observer(calls map[string]int) func(int, string, time.Duration) {
	return func(_ int, name string, _ time.Duration) { calls[name]++ }
}
