package model_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// classes is the number of classes of the graphs in this file.
const classes = 5

var (
	three = [2]int{3, 3}
	two   = [2]int{2, 2}
)

func conv3(filters int) model.Conv2D {
	return model.Conv2D{Filters: filters, Kernel: three, Same: true}
}

func upTo(n int, mode string) model.Resize {
	return model.Resize{H: n, W: n, Mode: mode, Coordinates: model.HalfPixel}
}

// conditionalNet draws an image of latents and a class.
func conditionalNet(g *model.Graph) []*model.Value {
	z, class := g.Input("z", model.Flat(12)), g.Class("class", classes)
	g.Add(model.Concat{}, z, g.Add(model.Embedding{Dim: 8}, class))
	g.Add(model.Dense{Units: 3 * 3 * 12})
	g.Add(model.Reshape{H: 3, W: 3, C: 12})
	g.Add(model.BatchNorm{})
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.ConvTranspose2D{Filters: 8, Kernel: three, Stride: two, Same: true})
	g.Add(model.BatchNorm{})
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.ConvTranspose2D{Filters: 3, Kernel: three, Stride: two, Same: true})
	return []*model.Value{g.Add(model.Tanh{})}
}

// upBlock is a residual block that doubles rows and columns.
func upBlock(g *model.Graph, x, class *model.Value, size, channels int) *model.Value {
	var h *model.Value
	if class == nil {
		h = g.Add(model.BatchNorm{}, x)
	} else {
		h = g.Add(model.ConditionalBatchNorm{}, x, class)
	}
	h = g.Add(model.ReLU{}, h)
	h = g.Add(upTo(size, model.ResizeNearest), h)
	h = g.Add(conv3(channels), h)
	h = g.Add(model.BatchNorm{}, h)
	h = g.Add(model.ReLU{}, h)
	h = g.Add(conv3(channels), h)
	short := g.Add(model.Conv2D{Filters: channels, Kernel: [2]int{1, 1}}, g.Add(upTo(size, model.ResizeNearest), x))
	return g.Add(model.Add{}, h, short)
}

// residualNet has up-blocks, the second one with a BatchNorm that depends on the class, and a
// BatchNorm after an addition.
func residualNet(g *model.Graph) []*model.Value {
	z, class := g.Input("z", model.Flat(10)), g.Class("class", classes)
	x := g.Add(model.Reshape{H: 3, W: 3, C: 8}, g.Add(model.Dense{Units: 72}, z))
	x = upBlock(g, x, nil, 6, 8)
	x = upBlock(g, x, class, 12, 6)
	g.Add(model.BatchNorm{}, x)
	g.Add(model.LeakyReLU{Slope: 0.2})
	g.Add(conv3(1))
	return []*model.Value{g.Add(model.Tanh{})}
}

// skipNet is shaped like a U.
func skipNet(g *model.Graph) []*model.Value {
	x := g.Input("x", model.Shape{H: 8, W: 8, C: 3})
	a := g.Add(model.LeakyReLU{Slope: 0.2}, g.Add(conv3(6), x))
	g.Add(model.MaxPool{Kernel: two, Stride: two}, a)
	b := g.Add(model.ReLU{}, g.Add(conv3(8)))
	g.Add(model.AvgPool{Kernel: three, Stride: two, Pad: [4]int{1, 1, 1, 1}, CountPad: true}, b)
	g.Add(model.SiLU{}, g.Add(conv3(8)))
	up := g.Add(upTo(4, model.ResizeBilinear))
	c := g.Add(model.ReLU{}, g.Add(conv3(8), g.Add(model.Concat{}, up, b)))
	up = g.Add(model.Resize{H: 8, W: 8, Mode: model.ResizeBilinear, Coordinates: model.AlignCorners}, c)
	part := g.Add(model.Slice{From: [3]int{0, 0, 2}, Size: [3]int{8, 8, 3}}, a)
	joined := g.Add(model.Concat{}, up, part, x)
	return []*model.Value{g.Add(model.Tanh{}, g.Add(conv3(3), joined))}
}

// gatedNet has a gate for each channel, one for each position, and a product with itself.
func gatedNet(g *model.Graph) []*model.Value {
	z := g.Input("z", model.Flat(9))
	g.Add(model.Dense{Units: 48, Bias: true}, z)
	g.Add(model.PReLU{})
	x := g.Add(model.Reshape{H: 2, W: 3, C: 8})
	x = g.Add(model.LeakyReLU{Slope: 0.1}, g.Add(conv3(8), x))
	mean := g.Add(model.GlobalAvgPool{}, x)
	gate := g.Add(model.Sigmoid{}, g.Add(model.Dense{Units: 8}, g.Add(model.ReLU{}, g.Add(model.Dense{Units: 4}, mean))))
	y := g.Add(model.Mul{}, x, gate)
	spot := g.Add(model.HardSigmoid{}, g.Add(model.Conv2D{Filters: 1, Kernel: [2]int{1, 1}, Bias: true}, y))
	y = g.Add(model.Mul{}, y, spot)
	y = g.Add(model.Add{}, y, g.Add(model.Mul{}, x, x))
	g.Add(model.Pad{Pad: [4]int{1, 0, 1, 1}, Mode: model.PadZero, Value: -0.25}, y)
	g.Add(model.Pad{Pad: [4]int{1, 1, 0, 1}, Mode: model.PadReflect}) // 5x6x8
	g.Add(model.PReLU{})
	g.Add(conv3(12))
	g.Add(model.PixelShuffle{Factor: 2}) // 10x12x3
	g.Add(model.Transpose{Perm: [3]int{1, 0, 2}})
	return []*model.Value{g.Add(model.Tanh{})}
}

// judgeNet is a discriminator with a logit and, as a second output, features that are read too.
func judgeNet(g *model.Graph) []*model.Value {
	x, class := g.Input("x", model.Shape{H: 8, W: 8, C: 1}), g.Class("class", classes)
	g.Add(model.Conv2D{Filters: 6, Kernel: three, Stride: two, Same: true, Bias: true}, x)
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.Dropout{Rate: 0.3})
	g.Add(model.Conv2D{Filters: 8, Kernel: three, Stride: two, Same: true, Bias: true})
	features := g.Add(model.Flatten{}, g.Add(model.LeakyReLU{Slope: 0.3}))
	joined := g.Add(model.Concat{}, features, g.Add(model.Embedding{Dim: 4}, class))
	return []*model.Value{g.Add(model.Dense{Units: 1, Bias: true}, joined), features}
}

// normedNet has every norm by image, with activations after them.
func normedNet(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(10))
	g.Add(model.PixelNorm{}, g.Add(model.Dense{Units: 3 * 3 * 8}))
	g.Add(model.LayerNorm{})
	g.Add(model.ReLU{})
	g.Add(model.Reshape{H: 3, W: 3, C: 8})
	g.Add(model.ConvTranspose2D{Filters: 8, Kernel: three, Stride: two, Same: true, Bias: true})
	g.Add(model.InstanceNorm{})
	g.Add(model.LeakyReLU{Slope: 0.2})
	g.Add(model.GroupNorm{Groups: 3}, g.Add(conv3(12)))
	g.Add(model.SiLU{})
	g.Add(model.LayerNorm{}, g.Add(conv3(6)))
	g.Add(model.PixelNorm{})
	return []*model.Value{g.Add(model.Tanh{}, g.Add(conv3(3)))}
}

// unitNet ends in a sigmoid.
func unitNet(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(6))
	g.Add(model.Dense{Units: 32})
	g.Add(model.ReLU{})
	g.Add(model.Reshape{H: 4, W: 4, C: 2})
	g.Add(conv3(3))
	return []*model.Value{g.Add(model.Sigmoid{})}
}

// reshapedNet has views, reshapes that move, outputs that are inputs and outputs that are one
// value.
func reshapedNet(g *model.Graph) []*model.Value {
	z, w := g.Input("z", model.Flat(12)), g.Input("w", model.Flat(4))
	a := g.Add(model.Reshape{H: 4, W: 4, C: 3}, g.Add(model.Dense{Units: 48}, z))
	g.Add(model.MaxPool{Kernel: [2]int{1, 2}, Stride: [2]int{1, 2}}, g.Add(model.Reshape{H: 2, W: 8, C: 3}, a)) // 2x4x3
	b := g.Add(model.ReLU{}, g.Add(model.Reshape{H: 4, W: 3, C: 2}))
	image := g.Add(model.Tanh{}, g.Add(conv3(1), b))
	flat := g.Add(model.Tanh{}, g.Add(model.Add{}, g.Add(model.Dense{Units: 16}, w), g.Add(model.Dense{Units: 16}, z)))
	line := g.Add(model.Flatten{}, g.Add(model.Tanh{}, g.Add(conv3(2), a)))
	return []*model.Value{image, g.Add(model.Reshape{H: 4, W: 4, C: 1}, flat), line, flat, image, z}
}

// netsOf are the graphs of this file.
var netsOf = []struct {
	name  string
	build func(g *model.Graph) []*model.Value
}{
	{"conditional", conditionalNet}, {"residual", residualNet}, {"skips", skipNet}, {"gates", gatedNet},
	{"discriminator", judgeNet}, {"sigmoid", unitNet}, {"reshaped", reshapedNet}, {"norms", normedNet},
}

// floatNet builds a graph whose operators all do something.
func floatNet(t testing.TB, name string, build func(g *model.Graph) []*model.Value) *model.Model {
	t.Helper()
	g := &model.Graph{}
	m, err := model.FromGraph(name, g, build(g)...)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3, model.GlorotUniform)
	for _, p := range m.Params() {
		for i := range p.Data {
			switch role := p.Name[strings.IndexByte(p.Name, '.')+1:]; role {
			case "gamma":
				p.Data[i] = 0.5 + float32(i%7)/4
			case "beta", "bias":
				p.Data[i] = float32(i%5)/4 - 0.4
			case "moving_mean":
				p.Data[i] = float32(i%3)/8 - 0.1
			case "slope":
				p.Data[i] = float32(i%4)/4 - 0.2
			}
		}
	}
	m.Changed()
	return m
}

// fed is what a model is run on.
type fed struct {
	n  int
	in []model.Data
}

// feedOf makes n images' inputs.
func feedOf(m *model.Model, n int) fed {
	f := fed{n: n}
	for i, v := range m.Inputs() {
		var d model.Data
		if v.Type.Kind == model.Class {
			for k := range n {
				d.Classes = append(d.Classes, int32(k*k%v.Type.Classes))
			}
		} else {
			d.Floats = make([]float32, n*v.Shape.Len())
			model.Latents(d.Floats, v.Shape.Len(), 7, i)
		}
		f.in = append(f.in, d)
	}
	return f
}

// part is images [lo, hi).
func (f fed) part(lo, hi int) []model.Data {
	list := slices.Clone(f.in)
	for i, d := range list {
		each := len(d.Floats) / f.n
		if d.Classes != nil {
			list[i].Classes = d.Classes[lo:hi]
		} else {
			list[i].Floats = d.Floats[lo*each : hi*each]
		}
	}
	return list
}

// outputs runs a model batch by batch: all outputs in floats, and the first one's pixels.
func outputs(t testing.TB, m *model.Model, f fed, batch int, o model.Options) (y [][]float32, pix []uint8) {
	t.Helper()
	s, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ports := m.Outputs()
	pix = make([]uint8, f.n*ports[0].Shape.Len())
	for _, v := range ports {
		y = append(y, make([]float32, f.n*v.Shape.Len()))
	}
	for lo := 0; lo < f.n; lo += batch {
		hi := min(lo+batch, f.n)
		feed := model.Feed{In: f.part(lo, hi)}
		for i, v := range ports {
			feed.Out = append(feed.Out, model.Data{Floats: y[i][lo*v.Shape.Len() : hi*v.Shape.Len()]})
		}
		feed.Out[0].Pixels = pix[lo*ports[0].Shape.Len() : hi*ports[0].Shape.Len()]
		if err := s.RunFeed(context.Background(), feed); err != nil {
			t.Fatal(err)
		}
	}
	return y, pix
}

// exactOutputs is outputs by plain loops.
func exactOutputs(t testing.TB, m *model.Model, f fed) (y [][]float32, pix []uint8) {
	t.Helper()
	y = make([][]float32, len(m.Outputs()))
	for k := range f.n {
		var z []float32
		var class []int32
		for _, d := range f.part(k, k+1) {
			z, class = append(z, d.Floats...), append(class, d.Classes...)
		}
		one, image := make([][]float32, len(y)), make([]uint8, m.Output().Len())
		for i, v := range m.Outputs() {
			one[i] = make([]float32, v.Shape.Len())
		}
		if err := m.ExactFloats(one, z, class...); err != nil {
			t.Fatal(err)
		}
		if err := m.Exact(image, z, class...); err != nil {
			t.Fatal(err)
		}
		for i := range y {
			y[i] = append(y[i], one[i]...)
		}
		pix = append(pix, image...)
	}
	return y, pix
}

// checkSameBytes holds sessions of all kinds to the plain loops.
func checkSameBytes(t *testing.T, m *model.Model) {
	t.Helper()
	const n = 19
	f := feedOf(m, n)
	want, pixels := exactOutputs(t, m, f)
	for _, k := range simd.Variants() {
		for _, threads := range []int{1, 2, 3} {
			for _, batch := range []int{1, 3, n} {
				got, pix := outputs(t, m, f, batch, model.Options{Batch: batch * (threads % 2), Threads: threads, Kernels: k})
				if !bytes.Equal(pix, pixels) {
					t.Fatalf("%s, %d threads, batch %d: other pixels", k.Name, threads, batch)
				}
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Fatalf("%s, %d threads, batch %d: output %d differs", k.Name, threads, batch, i)
					}
				}
			}
		}
	}
}

// psnr is that of y against x, errors counted by the range of x if that is no image.
func psnr(x, y []float32, image bool) float64 {
	sum, unit := 0.0, 1.0
	if !image {
		unit = 2 / float64(slices.Max(x)-slices.Min(x))
	}
	for i := range x {
		d := (float64(x[i]) - float64(y[i])) * unit
		sum += d * d
	}
	return quant.PSNR(sum / float64(len(x)))
}

// TestQuantizeGraphs: int8 graphs draw what those in floats draw, the same bytes in any session and
// after a file.
func TestQuantizeGraphs(t *testing.T) {
	for _, net := range netsOf {
		t.Run(net.name, func(t *testing.T) {
			m := floatNet(t, net.name, net.build)
			q, r, err := m.Quantize(t.Context(), quant.Options{Images: 64})
			if err != nil {
				t.Fatal(err)
			}
			f := feedOf(m, 128)
			want, _ := outputs(t, m, f, f.n, model.Options{Threads: 1})
			got, _ := outputs(t, q, f, f.n, model.Options{Threads: 1})
			for i, v := range q.Outputs() {
				p := psnr(want[i], got[i], v.Type.Kind == model.Pixel)
				t.Logf("output %d (%v): %.1f dB; calibration %+v", i, v.Spec, p, r.Steps)
				if !(p >= 30) {
					t.Errorf("output %d: %.1f dB", i, p)
				}
				if v.Shape != m.Outputs()[i].Shape {
					t.Errorf("output %d is %v, of the floats %v", i, v.Shape, m.Outputs()[i].Shape)
				}
			}
			checkPrediction(t, r, q, psnr(want[0], got[0], true))
			checkSameBytes(t, q)
			checkFile(t, q)
		})
	}
}

// checkPrediction holds the PSNR of a model whose only output is pixels to what the calibration
// believed: what it computes in floats is what the bytes do.
func checkPrediction(t *testing.T, r *quant.Report, q *model.Model, got float64) {
	t.Helper()
	if out := q.Outputs(); len(out) > 1 || out[0].Type.Kind != model.Pixel {
		return
	}
	best := 0.0
	for _, s := range r.Steps {
		if s.Kept {
			best = s.PSNR
		}
	}
	// Pixels are rounded besides, by an error that is even over one level.
	want := quant.PSNR(4/math.Pow(10, best/10) + 1/(12*127.5*127.5))
	if math.Abs(got-want) > 2 {
		t.Errorf("%.2f dB, the calibration has %.2f", got, want)
	}
}

// checkFile writes a model and reads it back.
func checkFile(t *testing.T, m *model.Model) {
	t.Helper()
	file := encodeBoth(t, m, nil)
	got, err := model.ReadInt8(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if again := encodeBoth(t, got, nil); !bytes.Equal(file, again) {
		t.Error("the file of what was read is another")
	}
	f := feedOf(m, 3)
	a, _ := outputs(t, m, f, 3, model.Options{Threads: 1})
	b, _ := outputs(t, got, f, 3, model.Options{Threads: 1})
	for i := range a {
		if !slices.Equal(a[i], b[i]) {
			t.Errorf("output %d differs after a file", i)
		}
	}
}

// TestQuantizeGraphsRefuses: what has no int8 form is named.
func TestQuantizeGraphsRefuses(t *testing.T) {
	for _, o := range []model.Op{model.Softmax{}} {
		m, err := model.New("m", model.Shape{H: 2, W: 2, C: 4}, conv3(4), o, conv3(1), model.Tanh{})
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, model.GlorotUniform)
		_, _, err = m.Quantize(t.Context(), quant.Options{Images: 32})
		if !errors.Is(err, quant.ErrModel) || !strings.Contains(err.Error(), "layer 1 ("+o.Kind()+")") {
			t.Errorf("%s: error %v", o.Kind(), err)
		}
	}
	m := floatNet(t, "m", conditionalNet)
	for _, p := range m.Params() {
		if strings.HasPrefix(p.Name, "embedding") {
			p.Data[3] = float32(math.Inf(1))
		}
	}
	m.Changed()
	if _, _, err := m.Quantize(t.Context(), quant.Options{Images: 32}); !errors.Is(err, quant.ErrModel) || !strings.Contains(err.Error(), "embedding") {
		t.Errorf("an embedding of infinity: error %v", err)
	}
}

// TestCalibrationInputs: inputs that the caller gives take the place of latents.
func TestCalibrationInputs(t *testing.T) {
	m := floatNet(t, "discriminator", judgeNet)
	images := make([]float32, 40*64)
	model.Latents(images, 64, 3, 0)
	for i, v := range images {
		images[i] = min(1, max(-1, v))
	}
	_, r, err := m.Quantize(t.Context(), quant.Options{Images: 64, Inputs: [][]float32{images}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Layers[0].Input.Scale * 127; got > 1.01 || got < 0.9 {
		t.Errorf("the input's bytes reach %v, its values 1", got)
	}
	for _, bad := range [][][]float32{{}, {images[:63]}, {nil}} {
		if _, _, err := m.Quantize(t.Context(), quant.Options{Images: 64, Inputs: bad}); !errors.Is(err, model.ErrShape) {
			t.Errorf("%d inputs: error %v", len(bad), err)
		}
	}
}

// TestQAffineJoined: an operator whose input is a part of joined rows runs on more threads than it
// has positions.
func TestQAffineJoined(t *testing.T) {
	m := floatNet(t, "joined", func(g *model.Graph) []*model.Value {
		a := g.Add(model.Conv2D{Filters: 19, Kernel: [2]int{1, 1}, Bias: true}, g.Input("z", model.Flat(7)))
		return []*model.Value{g.Add(model.Concat{}, g.Add(model.PReLU{}, a), a)}
	})
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 32})
	if err != nil {
		t.Fatal(err)
	}
	checkSameBytes(t, q)
}
