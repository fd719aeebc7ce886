package nets

import (
	"context"
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// Classes is the number of classes of the networks that have them.
const Classes = 5

// Net is a network by name.
type Net struct {
	Name  string
	build func(g *model.Graph) []*model.Value
	// Quantizes tells whether the network has a form in 8-bit integers.
	Quantizes bool
}

var (
	one, two, three = [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}
)

// All returns the networks.
func All() []Net {
	return []Net{
		{"plain", plain, true}, {"reference", reference, true}, {"conditional", conditional, true}, {"residual", residual, true}, {"skips", skips, true},
		{"gates", gates, true}, {"activations", activations, true}, {"kernels", kernels, true}, {"judge", judge, true},
		{"resizes", resizes, true}, {"stepped", stepped, true}, {"functions", functions, false}, {"norms", norms, true}, {"views", views, true},
	}
}

// Model builds the network with values for all parameters.
func (n Net) Model() (*model.Model, error) {
	g := &model.Graph{}
	m, err := model.FromGraph(n.Name, g, n.build(g)...)
	if err != nil {
		return nil, err
	}
	if n.Name == "conditional" {
		m.ClassNames = []string{"cat", "dog", "fox", "hen", "owl"}
	}
	m.Init(3, model.GlorotUniform)
	for _, p := range m.Params() {
		for i := range p.Data {
			switch p.Name[strings.IndexByte(p.Name, '.')+1:] {
			case "gamma":
				p.Data[i] = 0.5 + float32(i%7)/4
			case "beta", "bias":
				p.Data[i] = float32(i%5)/4 - 0.4
			case "moving_mean":
				p.Data[i] = float32(i%3)/8 - 0.1
			case "moving_variance":
				p.Data[i] = 0.5 + float32(i%4)/3
			case "slope":
				p.Data[i] = float32(i%4)/4 - 0.2
			}
		}
	}
	m.Changed()
	return m, nil
}

// Int8 returns the network in 8-bit integers.
func (n Net) Int8(ctx context.Context) (*model.Model, error) {
	m, err := n.Model()
	if err != nil {
		return nil, err
	}
	return Quantized(ctx, m)
}

// Quantized quantizes a model on latents or, if it takes images, on some of those.
func Quantized(ctx context.Context, m *model.Model) (*model.Model, error) {
	o := quant.Options{Images: 32}
	latents := true
	for _, p := range m.Inputs() {
		latents = latents && p.Shape.IsFlat()
	}
	if !latents {
		for _, d := range Feed(m, 32) {
			if d.Classes == nil {
				o.Inputs = append(o.Inputs, d.Floats)
			}
		}
	}
	q, _, err := m.Quantize(ctx, o)
	return q, err
}

// Feed returns values for n images of all inputs.
func Feed(m *model.Model, n int) []model.Data {
	var list []model.Data
	for i, p := range m.Inputs() {
		var d model.Data
		if p.Type.Kind == model.Class {
			for k := range n {
				d.Classes = append(d.Classes, int32((2*k+i)%p.Type.Classes))
			}
		} else {
			d.Floats = make([]float32, n*p.Shape.Len())
			rng.FillNormal(d.Floats, rng.NewKey(uint64(i)+7, rng.Sample), 1)
		}
		list = append(list, d)
	}
	return list
}

// Run returns all outputs of n images.
func Run(m *model.Model, in []model.Data, n int) ([][]float32, error) {
	s, err := m.NewSession(model.Options{Batch: n, Threads: 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []model.Data
	var list [][]float32
	for _, p := range m.Outputs() {
		x := make([]float32, n*p.Shape.Len())
		list, out = append(list, x), append(out, model.Data{Floats: x})
	}
	if err := s.RunFeed(context.Background(), model.Feed{In: in, Out: out}); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	return list, nil
}

func conv3(filters int) model.Conv2D {
	return model.Conv2D{Filters: filters, Kernel: three, Same: true}
}

// plain is a tiny generator of the usual kind.
func plain(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(8))
	g.Add(model.Dense{Units: 3 * 3 * 8})
	g.Add(model.BatchNorm{})
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.Reshape{H: 3, W: 3, C: 8})
	g.Add(model.ConvTranspose2D{Filters: 6, Kernel: three, Stride: two, Same: true})
	g.Add(model.BatchNorm{})
	g.Add(model.ReLU{})
	g.Add(model.ConvTranspose2D{Filters: 1, Kernel: three, Stride: two, Same: true, Bias: true})
	return []*model.Value{g.Add(model.Tanh{})}
}

// reference has the reference generator's layers, narrower.
func reference(g *model.Graph) []*model.Value {
	g.Input("x", model.Flat(20))
	g.Add(model.Dense{Units: 7 * 7 * 12})
	g.Add(model.BatchNorm{})
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.Reshape{H: 7, W: 7, C: 12})
	five := [2]int{5, 5}
	for i, filters := range []int{8, 6} {
		stride := [2]int{i + 1, i + 1}
		g.Add(model.ConvTranspose2D{Filters: filters, Kernel: five, Stride: stride, Same: true})
		g.Add(model.BatchNorm{})
		g.Add(model.LeakyReLU{Slope: 0.3})
	}
	g.Add(model.ConvTranspose2D{Filters: 1, Kernel: five, Stride: two, Same: true})
	return []*model.Value{g.Add(model.Tanh{})}
}

// conditional draws colors of latents and a class.
func conditional(g *model.Graph) []*model.Value {
	z, class := g.Input("z", model.Flat(12)), g.Class("class", Classes)
	g.Add(model.Concat{}, z, g.Add(model.Embedding{Dim: 8}, class))
	g.Add(model.Dense{Units: 3 * 3 * 12})
	g.Add(model.ConditionalBatchNorm{}, g.Add(model.LeakyReLU{Slope: 0.2}), class)
	g.Add(model.Reshape{H: 3, W: 3, C: 12})
	g.Add(model.ConvTranspose2D{Filters: 8, Kernel: three, Stride: two, Pad: [4]int{1, 0, 0, 1}})
	g.Add(model.BatchNorm{})
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.ConvTranspose2D{Filters: 3, Kernel: three, Stride: two, Pad: [4]int{1, 1, 1, 1}, OutPad: [2]int{1, 1}})
	return []*model.Value{g.Add(model.Tanh{})}
}

// residual has up-blocks, a BatchNorm by class and one after an addition.
func residual(g *model.Graph) []*model.Value {
	z, class := g.Input("z", model.Flat(10)), g.Class("class", Classes)
	x := g.Add(model.Reshape{H: 3, W: 3, C: 8}, g.Add(model.Dense{Units: 72}, z))
	h := g.Add(model.ReLU{}, g.Add(model.ConditionalBatchNorm{}, x, class))
	up := model.Resize{H: 6, W: 6, Mode: model.ResizeNearest, Coordinates: model.Asymmetric}
	h = g.Add(conv3(6), g.Add(up, h))
	short := g.Add(model.Conv2D{Filters: 6, Kernel: one}, g.Add(up, x))
	g.Add(model.BatchNorm{}, g.Add(model.Add{}, h, short))
	g.Add(model.LeakyReLU{Slope: 0.2})
	g.Add(conv3(1))
	return []*model.Value{g.Add(model.Tanh{})}
}

// skips is shaped like a U, from an image to an image.
func skips(g *model.Graph) []*model.Value {
	x := g.Input("x", model.Shape{H: 8, W: 8, C: 3})
	a := g.Add(model.LeakyReLU{Slope: 0.2}, g.Add(conv3(6), x))
	g.Add(model.MaxPool{Kernel: two, Stride: two}, a)
	b := g.Add(model.ReLU{}, g.Add(conv3(8)))
	g.Add(model.AvgPool{Kernel: three, Stride: two, Pad: [4]int{1, 1, 1, 1}, CountPad: true}, b)
	g.Add(model.SiLU{}, g.Add(conv3(8)))
	up := g.Add(model.Resize{H: 4, W: 4, Mode: model.ResizeBilinear, Coordinates: model.HalfPixel})
	c := g.Add(model.ReLU{}, g.Add(conv3(8), g.Add(model.Concat{}, up, b)))
	up = g.Add(model.Resize{H: 8, W: 8, Mode: model.ResizeBilinear, Coordinates: model.AlignCorners}, c)
	part := g.Add(model.Slice{From: [3]int{0, 0, 2}, Size: [3]int{8, 8, 3}}, a)
	return []*model.Value{g.Add(model.Tanh{}, g.Add(conv3(3), g.Add(model.Concat{}, up, part, x)))}
}

// gates has products by channel, by position and with itself, padding and pixel shuffling.
func gates(g *model.Graph) []*model.Value {
	z := g.Input("z", model.Flat(9))
	g.Add(model.Dense{Units: 48, Bias: true}, z)
	g.Add(model.PReLU{})
	x := g.Add(model.Reshape{H: 2, W: 3, C: 8})
	x = g.Add(model.LeakyReLU{Slope: 0.1}, g.Add(conv3(8), x))
	mean := g.Add(model.GlobalAvgPool{}, x)
	gate := g.Add(model.Sigmoid{}, g.Add(model.Dense{Units: 8}, g.Add(model.ReLU{}, g.Add(model.Dense{Units: 4}, mean))))
	y := g.Add(model.Mul{}, x, gate)
	y = g.Add(model.Mul{}, y, g.Add(model.HardSigmoid{}, g.Add(model.Conv2D{Filters: 1, Kernel: one, Bias: true}, y)))
	y = g.Add(model.Add{}, y, g.Add(model.Mul{}, x, x))
	g.Add(model.Pad{Pad: [4]int{1, 0, 1, 1}, Mode: model.PadZero, Value: -0.25}, y)
	g.Add(model.Pad{Pad: [4]int{1, 1, 0, 1}, Mode: model.PadReflect}) // 5x6x8
	g.Add(model.PReLU{})
	g.Add(model.Pad{Pad: [4]int{0, 1, 1, 0}, Mode: model.PadEdge}) // 6x7x8
	g.Add(conv3(12))
	g.Add(model.PixelShuffle{Factor: 2}) // 12x14x3
	g.Add(model.Transpose{Perm: [3]int{1, 0, 2}})
	return []*model.Value{g.Add(model.Tanh{})}
}

// activations applies each activation in turn.
func activations(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(6))
	g.Add(model.Dense{Units: 8})
	x := g.Add(model.Reshape{H: 2, W: 2, C: 2})
	for _, o := range []model.Op{
		model.ELU{Alpha: 0.7}, model.SELU{}, model.GELU{}, model.GELU{Tanh: true}, model.Softplus{}, model.Mish{}, model.HardSwish{},
		model.HardSigmoid{}, model.SiLU{}, model.Clip{Min: -0.5, Max: 0.75}, model.Sigmoid{}, model.Tanh{},
	} {
		x = g.Add(model.Add{}, g.Add(model.Conv2D{Filters: 2, Kernel: one}, g.Add(o, x)), x)
	}
	return []*model.Value{g.Add(model.Sigmoid{}, g.Add(conv3(1)))}
}

// kernels has convolutions of every geometry.
func kernels(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(10))
	g.Add(model.Dense{Units: 5 * 4 * 4, Bias: true})
	g.Add(model.Reshape{H: 5, W: 4, C: 4})
	g.Add(model.Conv2D{Filters: 6, Kernel: [2]int{3, 2}, Dilation: [2]int{2, 1}, Pad: [4]int{2, 1, 0, 1}, Groups: 2, Bias: true})
	g.Add(model.ReLU{})
	g.Add(model.ConvTranspose2D{Filters: 4, Kernel: [2]int{4, 3}, Stride: [2]int{3, 2}, Pad: [4]int{1, 0, 2, 1}, OutPad: [2]int{2, 1}, Groups: 2, Bias: true})
	g.Add(model.LeakyReLU{Slope: 0.5})
	g.Add(model.ConvTranspose2D{Filters: 4, Kernel: two, Stride: one, Dilation: two, Bias: true})
	g.Add(model.Conv2D{Filters: 4, Kernel: three, Stride: two, Same: true, Groups: 4})
	g.Add(model.ConvTranspose2D{Filters: 2, Kernel: one, Stride: two, Same: true})
	return []*model.Value{g.Add(model.Tanh{})}
}

// judge is a discriminator with a class, a logit and features.
func judge(g *model.Graph) []*model.Value {
	x, class := g.Input("x", model.Shape{H: 8, W: 8, C: 6}), g.Class("class", Classes)
	g.Add(model.Conv2D{Filters: 6, Kernel: three, Stride: two, Same: true, Bias: true}, x)
	g.Add(model.LeakyReLU{Slope: 0.3})
	g.Add(model.Dropout{Rate: 0.3})
	g.Add(model.Conv2D{Filters: 8, Kernel: three, Stride: two, Same: true, Bias: true})
	features := g.Add(model.Flatten{}, g.Add(model.LeakyReLU{Slope: 0.3}))
	joined := g.Add(model.Concat{}, features, g.Add(model.Embedding{Dim: 4}, class))
	return []*model.Value{g.Add(model.Dense{Units: 1, Bias: true}, joined), features}
}

// resizes goes to sizes that are no multiples.
func resizes(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(6))
	g.Add(model.Dense{Units: 30})
	g.Add(model.Reshape{H: 5, W: 3, C: 2})
	g.Add(model.Resize{H: 7, W: 8, Mode: model.ResizeNearest, Coordinates: model.Asymmetric})
	g.Add(conv3(3))
	g.Add(model.ReLU{})
	g.Add(model.Resize{H: 9, W: 13, Mode: model.ResizeNearest, Coordinates: model.HalfPixel})
	g.Add(conv3(3))
	g.Add(model.AvgPool{Kernel: three, Stride: two, Pad: [4]int{1, 1, 1, 1}})
	g.Add(model.Resize{H: 11, W: 6, Mode: model.ResizeBilinear, Coordinates: model.Asymmetric})
	g.Add(model.MaxPool{Kernel: three, Stride: one, Pad: [4]int{1, 1, 1, 1}})
	g.Add(conv3(1))
	return []*model.Value{g.Add(model.Tanh{})}
}

// stepped says of some values in which steps they are.
func stepped(g *model.Graph) []*model.Value {
	hold := func(scale float32, zero int32, v *model.Value) *model.Value {
		return g.Add(model.FakeQuantize{Steps: quant.Params{Scale: scale, Zero: zero}}, v)
	}
	z := hold(0.03125, 0, g.Input("z", model.Flat(6)))
	x := g.Add(model.Reshape{H: 4, W: 4, C: 3}, g.Add(model.ReLU{}, g.Add(model.Dense{Units: 48}, z)))
	x = hold(0.02, -128, x)
	y := hold(0.05, 3, g.Add(conv3(3), x))
	x = hold(0.0625, -2, g.Add(model.Add{}, x, y))
	return []*model.Value{g.Add(model.Tanh{}, g.Add(conv3(1), x))}
}

// functions has the elementary ones, and Softmax.
func functions(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(6))
	g.Add(model.Dense{Units: 18, Bias: true})
	x := g.Add(model.Reshape{H: 3, W: 3, C: 2})
	for _, f := range []string{model.Abs, model.Sqrt, model.Exp, model.Reciprocal, model.Log, model.Erf} {
		x = g.Add(model.Elementary{Function: f}, x)
		if f == model.Reciprocal {
			x = g.Add(model.Elementary{Function: model.Abs}, x)
		}
	}
	return []*model.Value{g.Add(model.Softmax{}, g.Add(conv3(3), x))}
}

// norms has those by image.
func norms(g *model.Graph) []*model.Value {
	g.Input("z", model.Flat(6))
	g.Add(model.PixelNorm{}, g.Add(model.Dense{Units: 4 * 4 * 6}))
	g.Add(model.Reshape{H: 4, W: 4, C: 6})
	g.Add(model.GroupNorm{Groups: 3}, g.Add(conv3(6)))
	g.Add(model.LeakyReLU{Slope: 0.2})
	g.Add(model.InstanceNorm{}, g.Add(conv3(6)))
	g.Add(model.PixelNorm{}, g.Add(model.ReLU{}))
	g.Add(model.LayerNorm{}, g.Add(conv3(4)))
	return []*model.Value{g.Add(model.Tanh{}, g.Add(conv3(1)))}
}

// views has reshapes that move, and outputs that are inputs, views and one another.
func views(g *model.Graph) []*model.Value {
	z, w := g.Input("z", model.Flat(12)), g.Input("w", model.Flat(4))
	a := g.Add(model.Reshape{H: 4, W: 4, C: 3}, g.Add(model.Dense{Units: 48}, z))
	g.Add(model.MaxPool{Kernel: [2]int{1, 2}, Stride: [2]int{1, 2}}, g.Add(model.Reshape{H: 2, W: 8, C: 3}, a)) // 2x4x3
	b := g.Add(model.ReLU{}, g.Add(model.Reshape{H: 4, W: 3, C: 2}))
	image := g.Add(model.Tanh{}, g.Add(conv3(1), b))
	flat := g.Add(model.Tanh{}, g.Add(model.Add{}, g.Add(model.Dense{Units: 16}, w), g.Add(model.Dense{Units: 16}, z)))
	line := g.Add(model.Flatten{}, g.Add(model.Tanh{}, g.Add(conv3(2), a)))
	return []*model.Value{image, g.Add(model.Reshape{H: 4, W: 4, C: 1}, flat), line, flat, image, z}
}
