package conv

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestSameIsAsymmetric(t *testing.T) {
	// The reference network: 14 -> 7 pads 1 before and 2 after; transposed crops the same.
	for _, transposed := range []bool{false, true} {
		in, out := 14, 7
		if transposed {
			in, out = 7, 14
		}
		g := Same(in, in, 3, 5, 5, 2, transposed)
		if g.PadTop != 1 || g.PadBottom != 2 || g.PadLeft != 1 || g.PadRight != 2 {
			t.Errorf("transposed %v: pads %d %d %d %d, want 1 2 1 2", transposed, g.PadTop, g.PadBottom, g.PadLeft, g.PadRight)
		}
		if h, w, err := g.Out(); h != out || w != out || err != nil {
			t.Errorf("transposed %v: %d -> %dx%d, %v, want %d", transposed, in, h, w, err, out)
		}
	}
}

func TestMACs(t *testing.T) {
	// DESIGN's figures: the generator multiplies 51.7 M nominally, 37.5 M of them with a real
	// pixel.
	layers := []Geometry{
		Dense(1, 1, 100, 7, 7, 256),
		Same(7, 7, 256, 128, 5, 1, true),
		Same(7, 7, 128, 64, 5, 2, true),
		Same(14, 14, 64, 1, 5, 2, true),
	}
	var exact, nominal int64
	for _, g := range layers {
		e, n := g.MACs()
		exact, nominal = exact+e, nominal+n
	}
	if exact != 37488192 || nominal != 51744000 {
		t.Errorf("generator: %d exact, %d nominal MACs, want 37488192 and 51744000", exact, nominal)
	}
	for _, g := range append(layers, Same(9, 8, 4, 6, 3, 2, false)) {
		n := int64(0)
		g.direct(1, func(_, _, _ int) { n++ })
		if e, _ := g.MACs(); e != n {
			t.Errorf("%+v: %d exact MACs, counted %d", g, e, n)
		}
	}
	if e, n := (Geometry{}).MACs(); e != 0 || n != 0 {
		t.Errorf("MACs of an invalid geometry: %d, %d", e, n)
	}
}

func TestLinksAgainstDirect(t *testing.T) {
	for _, c := range families() {
		h, w, err := c.g.Out()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		one := c.g // a single channel: direct's indices are then positions
		one.InC, one.OutC, one.Groups = 1, 1, 1
		want := map[link]bool{}
		one.direct(1, func(xi, yi, wi int) { want[link{int32(xi), int32(yi), int32(wi)}] = true })
		got := c.g.links(h, w)
		last := link{}
		for i, l := range got {
			if !want[l] {
				t.Errorf("%s: link %+v is wrong or double", c.name, l)
			}
			delete(want, l)
			if i > 0 && (l.tap < last.tap || l.tap == last.tap && (l.in <= last.in || l.out <= last.out)) {
				t.Errorf("%s: link %+v after %+v", c.name, l, last)
			}
			last = l
		}
		if len(want) > 0 {
			t.Errorf("%s: %d links missing", c.name, len(want))
		}
	}
}

func TestBadGeometry(t *testing.T) {
	good := Same(7, 7, 4, 6, 5, 2, false)
	up := Same(7, 7, 4, 6, 5, 2, true)
	cases := []struct {
		name string
		base Geometry
		edit func(*Geometry)
		want string
	}{
		{"stride 0", good, func(g *Geometry) { g.StrideH = 0 }, "StrideH is 0"},
		{"negative stride", good, func(g *Geometry) { g.StrideW = -1 }, "StrideW is -1"},
		{"dilation 0", good, func(g *Geometry) { g.DilationW = 0 }, "DilationW is 0"},
		{"groups 0", good, func(g *Geometry) { g.Groups = 0 }, "Groups is 0"},
		{"groups not a divisor", good, func(g *Geometry) { g.Groups = 3 }, "3 groups do not divide"},
		{"no input", good, func(g *Geometry) { g.InH = 0 }, "InH is 0"},
		{"no channels", good, func(g *Geometry) { g.OutC = 0 }, "OutC is 0"},
		{"no kernel", good, func(g *Geometry) { g.KW = 0 }, "KW is 0"},
		{"negative pad", good, func(g *Geometry) { g.PadLeft = -1 }, "PadLeft is -1"},
		{"kernel over image", good, func(g *Geometry) { g.KH, g.PadTop, g.PadBottom = 8, 0, 0 }, "output would be 0x4"},
		{"output padding of a convolution", good, func(g *Geometry) { g.OutPadH = 1 }, "without Transposed"},
		{"output padding of a stride", up, func(g *Geometry) { g.OutPadH = 2 }, "not smaller"},
		{"everything cropped", up, func(g *Geometry) { g.PadTop = 17 }, "output would be"},
		{"beyond the field limit", good, func(g *Geometry) { g.PadTop = math.MaxInt32 }, "PadTop is"},
		{"huge input", good, func(g *Geometry) { g.InH, g.InW = 1<<20, 1<<20 }, "input of"},
		{"huge output", up, func(g *Geometry) { g.StrideH, g.StrideW = 1<<29, 1<<29 }, "output of"},
		{"huge kernel", good, func(g *Geometry) { g.KH, g.KW = 1<<16, 1<<16; g.PadTop, g.PadLeft = 1<<17, 1<<17 }, "kernel of"},
		{"too many links", good, func(g *Geometry) {
			g.InH, g.InW, g.InC, g.StrideH, g.StrideW, g.KH, g.KW = 4096, 4096, 4, 1, 1, 200, 200
		}, "pairs of positions"},
		{"too many positions", up, func(g *Geometry) { g.StrideH, g.StrideW, g.OutC, g.InC = 1000, 1000, 1, 1 }, "positions"},
		{"huge weights", good, func(g *Geometry) { g.InC, g.OutC = 1<<20, 1<<20 }, "weights of"},
		{"huge dense", Dense(1<<10, 1<<10, 1, 1<<10, 1<<10, 1), func(g *Geometry) {}, "pairs of positions"},
		{"dense with a stride", Dense(1, 1, 4, 1, 1, 4), func(g *Geometry) { g.StrideH = 2 }, "dense layer has no"},
		{"half a dense", Dense(1, 1, 4, 1, 0, 4), func(g *Geometry) {}, "output would be 1x0"},
	}
	for _, c := range cases {
		g := c.base
		c.edit(&g)
		err := g.Validate()
		if !errors.Is(err, ErrGeometry) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if _, _, err2 := g.Out(); fmt.Sprint(err2) != fmt.Sprint(err) {
			t.Errorf("%s: Out says %v, Validate %v", c.name, err2, err)
		}
	}
	for _, g := range []Geometry{good, up, Dense(7, 7, 128, 1, 1, 1)} {
		if err := g.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestMapStride(t *testing.T) {
	for _, c := range []struct{ n, c, want int }{
		{1, 100, 100}, {1, 256, 256}, {16, 128, 2048}, {14, 256, 14 * 256},
		{256, 64, 256*64 + 41*16}, {256, 256, 256*256 + 41*16}, {250, 64, 250 * 64},
	} {
		if m := NewLayout(7, 7, c.c, c.n); m.Stride != c.want {
			t.Errorf("stride of %d images of %d channels: %d, want %d", c.n, c.c, m.Stride, c.want)
		}
	}
	m := NewLayout(2, 3, 64, 256)
	if want := 5*m.Stride + 256*64; m.Len() != want {
		t.Errorf("Len() = %d, want %d", m.Len(), want)
	}
}

func TestImportExport(t *testing.T) {
	m := Layout{H: 2, W: 3, C: 4, N: 3, Row: 5, Stride: 17}
	src := make([]float32, 3*2*3*4)
	for i := range src {
		src[i] = float32(i)
	}
	buf := make([]float32, m.Len())
	m.Import(buf, src)
	for n := range 3 {
		for y := range 2 {
			for x := range 3 {
				for c := range 4 {
					if got, want := buf[(y*3+x)*17+n*5+c], src[((n*2+y)*3+x)*4+c]; got != want {
						t.Fatalf("image %d, (%d, %d), channel %d: %v, want %v", n, y, x, c, got, want)
					}
				}
			}
		}
	}
	back := make([]float32, len(src))
	m.Export(back, buf)
	for i := range src {
		if back[i] != src[i] {
			t.Fatalf("Export: value %d is %v, want %v", i, back[i], src[i])
		}
	}
}
