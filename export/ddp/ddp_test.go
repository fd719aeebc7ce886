package ddp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/train"
	"github.com/gantiny/gantiny/train/networks"
)

// described builds the networks of settings.
func described(t *testing.T, c train.Config) Run {
	t.Helper()
	n := c.Networks(3)
	g, err := networks.Generator(n)
	if err != nil {
		t.Fatal(err)
	}
	d, err := networks.Discriminator(n)
	if err != nil {
		t.Fatal(err)
	}
	return Run{Config: c, Generator: g, Discriminator: d, RateShare: 1, Version: "v1"}
}

// TestScript: the script has what the settings and graphs say, and nothing of what they do not.
func TestScript(t *testing.T) {
	c := train.Default()
	r := described(t, c)
	r.RateShare = 0.25
	script, err := Script(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"BATCH = 256 ", "G_RATE, D_RATE, CLIP_NORM = 2.5e-05, 2.5e-05, 0", "EPSILON = 1e-07\n",
		"self.dense0 = nn.Linear(100, 12544, bias=False)\n", "self.batchnorm1 = BatchNorm(12544, epsilon=0.001, momentum=0.99)\n",
		"reshape3 = leakyrelu2.reshape(-1, 7, 7, 256).permute(0, 3, 1, 2)\n",
		"self.convtranspose2d7 = nn.ConvTranspose2d(128, 64, 5, stride=2, bias=False, padding=1)\n", "self.convtranspose2d7(leakyrelu6)[:, :, 0:14, 0:14]\n",
		"conv2d0 = self.conv2d0(F.pad(x, (1, 2, 1, 2)))\n", "dropout2 = drop(2, 0.3, leakyrelu1)\n", "F.softplus(-fake).mean()\n",
		"math.sqrt(1 - beta2**n) / (1 - beta1**n) * m / (v.sqrt() + EPSILON)", "run.drop(number, sides=2)",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %q", want)
		}
	}
	for _, not := range []string{"#?", "AUXILIARY", "PENALTY", "D_STEPS", "average.follow", "cosine", "%!"} {
		if strings.Contains(script, not) {
			t.Errorf("the script has %q", not)
		}
	}
}

// TestUnsupported: one error lists the settings and all operators of both networks.
func TestUnsupported(t *testing.T) {
	c := train.Default()
	c.SpectralNorm, c.Stack, c.Augment, c.Teacher, c.InstanceNoise = true, true, "flip", "embedded", 0.1
	r := described(t, c)
	g := &model.Graph{}
	g.Input("z", model.Flat(4))
	g.Add(model.Reshape{H: 2, W: 2, C: 1})
	x := g.Add(model.Resize{H: 5, W: 5, Mode: model.ResizeBilinear, Coordinates: model.Asymmetric})
	x = g.Add(model.FakeQuantize{Steps: quant.Params{Scale: 1}}, x)
	var err error
	if r.Generator, err = model.FromGraph("odd", g, x); err != nil {
		t.Fatal(err)
	}
	_, err = Script(r)
	if !errors.Is(err, ErrUnsupported) {
		t.Fatal(err)
	}
	for _, want := range []string{"spectral_norm", "setting stack", "augment", "teacher", "instance_noise", "generator: layer resize1 (resize)", "generator: layer fakequantize2 (fakequantize)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
	c = train.Default()
	c.Task = "classify"
	if err := Check(c, r.Generator, nil); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "task classify") {
		t.Error(err)
	}
	c = train.Default()
	c.Loss, c.Optimizer, c.Schedule = "own", "own", "own"
	if err := Check(c, r.Generator, nil); !errors.Is(err, ErrUnsupported) || strings.Count(err.Error(), " own: ") != 3 {
		t.Error(err)
	}
}

// TestNames: layers get names that Python takes, each one of its own, and the module knows
// gantiny's.
func TestNames(t *testing.T) {
	g := &model.Graph{}
	g.Input("x", model.Flat(2))
	for _, name := range []string{"for", "a-b", "a_b", "2"} {
		g.Add(model.Dense{Units: 2, Bias: true}).Node.Name = name
	}
	m, err := model.FromGraph("named", g, g.Nodes[3].Out)
	if err != nil {
		t.Fatal(err)
	}
	class, items := networkClass("Net", m, 1)
	for _, want := range []string{`{"for_2": "for", "a_b": "a-b", "a_b_2": "a_b", "v2": "2"}`, "v2 = self.v2(a_b_2)"} {
		if !strings.Contains(class, want) || len(items) > 0 {
			t.Errorf("no %s in %s %q", want, class, items)
		}
	}
}

// TestFolder: the folder is a run's, which resumes to the same bits as the one that was exported,
// and its images are those of the data.
func TestFolder(t *testing.T) {
	c := train.Default()
	c.Batch, c.Width, c.Latent, c.Size, c.Threads, c.Report, c.Epochs = 6, 2, 4, 8, 1, false, 1
	c.Conditional, c.EMAImages = true, 100
	data := pictures(8, 1, c.Batch)
	own, theirs := filepath.Join(t.TempDir(), "own"), filepath.Join(t.TempDir(), "theirs")
	run := func(dir string, resume bool) {
		t.Helper()
		if err := train.Run(context.Background(), c, data, train.Options{Dir: dir, Resume: resume}); err != nil {
			t.Fatal(err)
		}
	}
	run(own, false)
	export(t, own, theirs, data)
	sameGenerator(t, theirs, true, 1)
	c.Epochs = 2
	run(own, true)
	run(theirs, true)
	a, b := state(t, own), state(t, theirs)
	for name := range a {
		if !bytes.Equal(raw(a[name]), raw(b[name])) {
			t.Errorf("%s differs", name)
		}
	}
	for name, want := range map[string][]byte{ImagesFile: data.Pix, LabelsFile: raw(data.Labels)} {
		got, err := os.ReadFile(filepath.Join(theirs, name))
		if err != nil || len(got) != 128+len(want) || !bytes.Equal(got[128:], want) {
			t.Errorf("%s holds %d bytes, want %d behind a header of 128 (%v)", name, len(got), len(want), err)
		}
	}
}

func raw(x any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		panic(err)
	}
	return b
}
