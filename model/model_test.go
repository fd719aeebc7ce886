package model

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestReferenceNetworks holds them to the numbers of their definition.
func TestReferenceNetworks(t *testing.T) {
	g, d := Generator(Config{}), Discriminator(Config{})
	shapes := func(m *Model) string {
		s := []string{m.Input().String()}
		for _, l := range m.Layers() {
			s = append(s, l.Name+" "+l.Out.String())
		}
		return strings.Join(s, ", ")
	}
	for _, c := range []struct {
		m          *Model
		shapes     string
		parameters int
		moving     int
	}{
		{g, "100, dense0 12544, batchnorm1 12544, leakyrelu2 12544, reshape3 7x7x256, convtranspose2d4 7x7x128, batchnorm5 7x7x128, " +
			"leakyrelu6 7x7x128, convtranspose2d7 14x14x64, batchnorm8 14x14x64, leakyrelu9 14x14x64, convtranspose2d10 28x28x1, tanh11 28x28x1",
			// As Keras counts them.
			2_330_944, 25_472},
		{d, "28x28x1, conv2d0 14x14x64, leakyrelu1 14x14x64, dropout2 14x14x64, conv2d3 7x7x128, leakyrelu4 7x7x128, dropout5 7x7x128, " +
			"flatten6 6272, dense7 1", 212_865, 0},
	} {
		if s := shapes(c.m); s != c.shapes {
			t.Errorf("%s: %s, want %s", c.m.Name, s, c.shapes)
		}
		if n := c.m.Parameters(); n != c.parameters {
			t.Errorf("%s: %d parameters, want %d", c.m.Name, n, c.parameters)
		}
		if n := c.m.Parameters() - count(c.m.TrainableParams()); n != c.moving {
			t.Errorf("%s: %d moving statistics, want %d", c.m.Name, n, c.moving)
		}
	}
	exact, nominal := g.MACs()
	if nominal != 100*12544+49*25*256*128+49*25*128*64+196*25*64 {
		t.Errorf("%d nominal multiply-adds", nominal)
	}
	if math.Abs(float64(nominal)/51.7e6-1) > 0.002 || math.Abs(float64(exact)/37.5e6-1) > 0.002 {
		t.Errorf("%d of %d multiply-adds, want 37.5 of 51.7 million", exact, nominal)
	}
	if bn := g.Layers()[1].Op; bn != (BatchNorm{Epsilon: 1e-3, Momentum: 0.99}) {
		t.Errorf("batch norm is %+v", bn)
	}
}

func TestConfig(t *testing.T) {
	m := Generator(Config{Latent: 8, Size: 32, Channels: 3, Width: 4})
	if m.Input() != Flat(8) || m.Output() != (Shape{32, 32, 3}) {
		t.Errorf("%v to %v", m.Input(), m.Output())
	}
	for _, c := range []Config{
		{Size: 30}, {Size: -4}, {Width: -1}, {Latent: -1}, {Channels: -1}, {Size: math.MaxInt &^ 3}, {Width: math.MaxInt}, {Latent: math.MaxInt}, {Channels: 1 << 30},
	} {
		if err := c.Validate(); !errors.Is(err, ErrShape) && !errors.Is(err, ErrLayer) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

func TestInit(t *testing.T) {
	c := Config{Latent: 50, Size: 8, Width: 8, Seed: 3}
	a, b := Generator(c), Generator(c)
	c.Seed++
	other := Generator(c)
	for i, p := range a.Params() {
		if !equalBits(p.Data, b.Params()[i].Data) {
			t.Errorf("%s: two values for one seed", p.Name)
		}
		switch {
		case strings.HasSuffix(p.Name, "weight"):
			if equalBits(p.Data, other.Params()[i].Data) {
				t.Errorf("%s: one value for two seeds", p.Name)
			}
			// Uniform in [-limit, limit): mean 0, mean square limit^2/3.
			limit := math.Sqrt(6 / float64(p.FanIn+p.FanOut))
			sum, sq := 0.0, 0.0
			for _, v := range p.Data {
				if math.Abs(float64(v)) > limit*(1+1e-6) {
					t.Fatalf("%s: %v beyond %v", p.Name, v, limit)
				}
				sum, sq = sum+float64(v), sq+float64(v)*float64(v)
			}
			n := float64(p.Len())
			if math.Abs(sum/n) > 5*limit/math.Sqrt(3*n) || math.Abs(sq/n*3/limit/limit-1) > 5/math.Sqrt(n) {
				t.Errorf("%s: mean %v, mean square %v, limit %v", p.Name, sum/n, sq/n, limit)
			}
		default:
			want := float32(0)
			if strings.HasSuffix(p.Name, "gamma") || strings.HasSuffix(p.Name, "moving_variance") {
				want = 1
			}
			for _, v := range p.Data {
				if v != want {
					t.Fatalf("%s holds %v", p.Name, v)
				}
			}
		}
	}
	// Keras' fans of the reference layers: 100+12544, (256+128)*25.
	g := Generator(Config{})
	for i, want := range map[int]int{0: 100 + 12544, 5: 25 * (256 + 128)} {
		if p := g.Params()[i]; p.FanIn+p.FanOut != want {
			t.Errorf("%s: fans %v, want the sum %d", p.Name, p.FanIn+p.FanOut, want)
		}
	}

	before := a.Params()[0].Data[0]
	a.Init(3, Normal(0.02))
	sq := 0.0
	for _, v := range a.Params()[0].Data {
		sq += float64(v) * float64(v)
	}
	n := float64(a.Params()[0].Len())
	if s := math.Sqrt(sq / n); math.Abs(s/0.02-1) > 5/math.Sqrt(2*n) || a.Params()[0].Data[0] == before {
		t.Errorf("standard deviation %v, want 0.02", s)
	}
}

func TestNewErrors(t *testing.T) {
	image := Shape{8, 8, 4}
	for _, c := range []struct {
		name   string
		input  Shape
		layers []Op
		want   string
	}{
		{"no layers", image, nil, "model: bad layer: there are none"},
		{"no input", Shape{}, []Op{Tanh{}}, "model: input: wrong shape: 0x0x0"},
		{"huge input", Shape{1 << 14, 1 << 14, 2}, []Op{Tanh{}}, "model: input: wrong shape: 16384x16384x2"},
		{"nil layer", image, []Op{Tanh{}, nil}, "model: layer 1: bad layer: nil"},
		{"dense on an image", image, []Op{Dense{Units: 3}}, "model: layer 0 (dense): bad layer: wrong shape: input 8x8x4, want a vector (Flatten makes one)"},
		{"no units", Flat(4), []Op{Dense{}}, "model: layer 0 (dense): bad layer: wrong shape: 4 inputs, 0 units"},
		{"huge weight", Flat(1 << 20), []Op{Dense{Units: 1 << 20}}, "model: layer 0 (dense): bad layer: wrong shape: 1048576 inputs, 1048576 units"},
		{"reshape", image, []Op{Reshape{8, 8, 3}}, "model: layer 0 (reshape): bad layer: wrong shape: 8x8x4 has 256 features, 8x8x3 has 192"},
		{"reshape to nothing", image, []Op{Reshape{-8, -8, 4}}, "model: layer 0 (reshape): bad layer: wrong shape: -8x-8x4"},
		{"no filters", image, []Op{Conv2D{Kernel: [2]int{3, 3}}}, "OutC is 0"},
		{"no kernel", image, []Op{Conv2D{Filters: 1}}, "KH is 0"},
		{"negative groups", image, []Op{Conv2D{Filters: 1, Kernel: [2]int{3, 3}, Groups: -1}}, "Groups is -1"},
		{"groups", image, []Op{Conv2D{Filters: 3, Kernel: [2]int{3, 3}, Groups: 3}}, "3 groups do not divide"},
		{"two paddings", image, []Op{Conv2D{Filters: 1, Kernel: [2]int{3, 3}, Same: true, Pad: [4]int{1}}}, "exclude one another"},
		{"kernel too large", image, []Op{Conv2D{Filters: 1, Kernel: [2]int{9, 9}}}, "output would be 0x0"},
		{"huge output", image, []Op{ConvTranspose2D{Filters: 1, Kernel: [2]int{1, 1}, Stride: [2]int{4000, 4000}}}, "wrong shape"},
		{"slope", image, []Op{LeakyReLU{Slope: -1}}, "slope -1"},
		{"NaN slope", image, []Op{LeakyReLU{Slope: float32(math.NaN())}}, "slope NaN"},
		{"rate", image, []Op{Dropout{Rate: 1}}, "rate 1"},
		{"epsilon", image, []Op{BatchNorm{Epsilon: -1}}, "epsilon"},
		{"momentum", image, []Op{BatchNorm{Momentum: 2}}, "momentum"},
	} {
		_, err := New("m", c.input, c.layers...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if !errors.Is(err, ErrLayer) && !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v wraps no sentinel", c.name, err)
		}
	}
}
