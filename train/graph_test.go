package train

import (
	"errors"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

const testGenerator = `
[[inputs]]
name = "z"
shape = [1, 1, 5]
[[layers]]
kind = "dense"
units = 64
[[layers]]
kind = "reshape"
h = 8
w = 8
c = 1
[[layers]]
kind = "tanh"
`

const testDiscriminator = `
[[inputs]]
name = "x"
shape = [8, 8, 1]
[[layers]]
kind = "conv2d"
filters = 3
kernel = [3, 3]
stride = [2, 2]
same = true
bias = true
[[layers]]
kind = "leakyrelu"
slope = 0.2
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 1
bias = true
`

func useGraphs(t *testing.T, c *Config) {
	t.Helper()
	c.Size, c.Channels = 28, 3
	if err := c.UseGraph("generator", "g.toml", testGenerator); err != nil {
		t.Fatal(err)
	}
	if err := c.UseGraph("discriminator", "d.toml", testDiscriminator); err != nil {
		t.Fatal(err)
	}
}

// TestOwnGraphs: networks of graph files are trained, what is resumed comes to the same bits
// without the files, and other files are another run.
func TestGraphNetworks(t *testing.T) {
	with := func(epochs int, resume bool) func(*Config, *Options) {
		return func(c *Config, o *Options) { useGraphs(t, c); c.Epochs, o.Resume = epochs, resume }
	}
	whole, parts := t.TempDir(), t.TempDir()
	if err := runIn(t, whole, with(2, false)); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, with(1, false)); err != nil {
		t.Fatal(err)
	}
	saved, err := Saved(parts)
	if err != nil || saved.Size != 8 || saved.Channels != 1 || saved.Generator != "g.toml" || saved.DiscriminatorGraph != testDiscriminator {
		t.Fatalf("the run's settings are %+v, %v", saved, err)
	}
	saved.Epochs = 2
	if err := runIn(t, parts, func(c *Config, o *Options) { *c, o.Resume = saved, true }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "own graphs", parts, whole)
	g, err := model.Load(whole + "/" + GeneratorFile)
	if err != nil {
		t.Fatal(err)
	}
	if n := g.Parameters(); n != 5*64 {
		t.Errorf("the saved generator has %d parameters", n)
	}
	other := func(c *Config, o *Options) {
		with(3, true)(c, o)
		c.DiscriminatorGraph = strings.Replace(testDiscriminator, "0.2", "0.3", 1)
	}
	if err := runIn(t, parts, other); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "discriminator_graph") {
		t.Errorf("resumed with another slope: %v", err)
	}
}

// TestOwnGraphsRefused: errors name the network, the file and the layer.
func TestGraphNetworksRefused(t *testing.T) {
	replace := func(old, by string) string { return strings.Replace(testGenerator, old, by, 1) }
	for says, text := range map[string]string{
		"layer 1 (reshape)": replace("h = 8", "h = 9"),
		"nonsense":          replace(`kind = "tanh"`, `kind = "nonsense"`),
		"weights is":        replace("units = 64", "units = 64\nweights = \"l1\""),
		"square":            replace("h = 8\nw = 8", "h = 4\nw = 16"),
		"expected":          "[[inputs",
		"wants":             "",
	} {
		c := small()
		err := c.UseGraph("generator", "mine.toml", text)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "generator: mine.toml") {
			t.Errorf("%q: %v", says, err)
		}
	}
	for says, change := range map[string]func(c *Config){
		"has no input of classes": func(c *Config) { useGraphs(t, c); c.Conditional = true },
		"draws 3 classes, and conditional": func(c *Config) {
			text := replace("[[layers]]", "[[inputs]]\nname = \"y\"\nclasses = 3\n[[layers]]\nkind = \"embedding\"\nname = \"e\"\nin = \"y\"\ndim = 2\n[[layers]]\nkind = \"concat\"\nin = [\"z\", \"e\"]\n[[layers]]")
			if err := c.UseGraph("generator", "mine.toml", text); err != nil {
				t.Fatal(err)
			}
		},
		"was not given": func(c *Config) { c.Discriminator = "d.toml" },
	} {
		data := images(24, 1)
		for i := range data.N {
			data.Labels = append(data.Labels, int32(i%3))
		}
		c := small()
		change(&c)
		o := Options{}
		err := c.Validate()
		if err == nil {
			err = o.build(c, data)
		}
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}
