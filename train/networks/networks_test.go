package networks

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/model"
)

func testConfig(family string) Config {
	return Config{Family: family, Latent: 6, Size: 16, Channels: 1, Width: 2, Levels: 2, Embed: 3, Seed: 1}
}

// TestFamilies builds every family in many sizes, with and without classes, and checks what goes in
// and comes out.
func TestFamilies(t *testing.T) {
	for _, family := range Families() {
		for i, size := range []int{8, 28, 32, 64} {
			for _, classes := range []int{0, 3} {
				c := testConfig(family)
				c.Size, c.Channels, c.Classes, c.Levels = size, i+1, classes, 0
				t.Run(fmt.Sprint(family, size, "/", classes), func(t *testing.T) { checkPair(t, c) })
			}
		}
	}
}

func checkPair(t *testing.T, c Config) {
	g, err := Generator(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Discriminator(c)
	if err != nil {
		t.Fatal(err)
	}
	image := model.Shape{H: c.Size, W: c.Size, C: c.Channels}
	if g.Output() != image || d.Input() != image || d.Output().Len() != 1 {
		t.Errorf("the generator draws %v, the discriminator makes %v of %v", g.Output(), d.Output(), d.Input())
	}
	latent, class, err := g.GeneratorInputs()
	if err != nil {
		t.Fatal(err)
	}
	if n := g.Inputs()[latent].Shape.Len(); n != c.Latent {
		t.Errorf("%d latents", n)
	}
	if (class >= 0) != (c.Classes > 0) || class >= 0 && g.Inputs()[class].Type.Classes != c.Classes {
		t.Errorf("input of classes %d", class)
	}
	if len(d.Inputs()) != min(c.Classes, 1)+1 {
		t.Errorf("the discriminator has %d inputs", len(d.Inputs()))
	}
	for _, m := range []*model.Model{g, d} {
		p, err := m.NewPass(model.PassOptions{Batch: 2, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
}

// TestReference: with the reference's settings, its networks, to the bit.
func TestReference(t *testing.T) {
	c := Config{Family: "dcgan", Latent: 5, Size: 8, Channels: 1, Width: 3, Levels: 2, Dropout: referenceDropout, Seed: 7}
	g, err := Generator(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Discriminator(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]*model.Model{{g, model.Generator(c.reference())}, {d, model.Discriminator(c.reference())}} {
		a, b := pair[0].Params(), pair[1].Params()
		if len(a) != len(b) {
			t.Fatalf("%d parameters, want %d", len(a), len(b))
		}
		for i := range a {
			if a[i].Name != b[i].Name || !slices.Equal(a[i].Data, b[i].Data) {
				t.Errorf("%s is not the reference's", a[i].Name)
			}
		}
	}
	c.Classes, c.Dropout = 0, 0
	if d, err = Discriminator(c); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(d.Layers(), func(l model.LayerInfo) bool { return l.Op.Kind() == "dropout" }) {
		t.Error("a dropout of 0 leaves values out")
	}
}

func TestConfigErrors(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"family": func(c *Config) { c.Family = "vae" }, "size": func(c *Config) { c.Size = 18 }, "latent": func(c *Config) { c.Latent = 0 },
		"channels": func(c *Config) { c.Channels = 5 }, "dropout": func(c *Config) { c.Dropout = 1 }, "levels": func(c *Config) { c.Levels = 9 },
		"depth": func(c *Config) { c.DDepth = -1 }, "odd": func(c *Config) { c.Size, c.Levels = 7, 0 },
	} {
		c := testConfig("dcgan")
		change(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Generator(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: generator: %v", name, err)
		}
	}
	c := testConfig("resnet")
	c.Width = 1 << 30
	if err := c.Validate(); !errors.Is(err, model.ErrLayer) && !errors.Is(err, model.ErrShape) {
		t.Errorf("a network too large: %v", err)
	}
}
