package weights_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/weights"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// options are what checkpoints need besides what is found out.
func options(t *testing.T, name string) weights.Options {
	switch name {
	case "branched.pth":
		return weights.Options{Graph: read(t, "branched.toml")}
	case "linear.pth": // whose first transposed convolution could make 6 rows as well
		return weights.Options{Size: model.Shape{H: 10, W: 10, C: 1}}
	}
	return weights.Options{}
}

// TestCheckpoints compares what comes of checkpoints (testdata/checkpoints.py) with what PyTorch
// makes of them in float64.
func TestCheckpoints(t *testing.T) {
	file, err := oracle.Open("testdata/checkpoints.oracle")
	if err != nil {
		t.Fatal(err)
	}
	var cases []string
	if err := file.Meta("cases", &cases); err != nil {
		t.Fatal(err)
	}
	families := map[string]string{"dc": "DCGAN", "li": "DCGAN", "up": "upsampling", "ml": "MLP", "br": ""}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			m, found, err := options(t, name).Read(read(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if want := families[name[:2]]; found.Family != want {
				t.Errorf("family %q, want %q", found.Family, want)
			}
			if len(found.Assigned) < len(m.Params())-2 { // a BatchNorm of branched.pth has no weights
				t.Errorf("%d tensors for %d parameters", len(found.Assigned), len(m.Params()))
			}
			want, shape := file.Float32(name+".out"), file.Shape(name+".out")
			if s := m.Output(); !slices.Equal([]int{s.H, s.W, s.C}, shape[1:]) {
				t.Fatalf("it makes %v, want %v", s, shape)
			}
			feed := model.Feed{In: []model.Data{{Floats: file.Float32(name + ".z")}}}
			if len(m.Inputs()) > 1 {
				d := model.Data{}
				for _, v := range file.Uint32(name + ".label") {
					d.Classes = append(d.Classes, int32(v))
				}
				feed.In = append(feed.In, d)
			}
			compare(t, m, feed, want)
			again, _, err := weights.Options{Graph: []byte(found.Graph)}.Read(read(t, name))
			if err != nil {
				t.Fatalf("with the graph that was found: %v", err)
			}
			compare(t, again, feed, want)
		})
	}
}

func compare(t *testing.T, m *model.Model, feed model.Feed, want []float32) {
	t.Helper()
	got := make([]float32, len(want))
	feed.Out = []model.Data{{Floats: got}}
	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.RunFeed(context.Background(), feed); err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, v := range got {
		worst = max(worst, math.Abs(float64(v)-float64(want[i])))
	}
	if !(worst <= 2e-5) {
		t.Errorf("differs by %v", worst)
	}
}

// TestItems: one error lists what is missing, what has another shape and what is not used.
func TestItems(t *testing.T) {
	graph := string(read(t, "branched.toml"))
	graph = strings.Replace(graph, `weights = "mid"`, `weights = "middle"`, 1)
	graph = strings.Replace(graph, "units = 6\n", "units = 6\n#", 1)
	graph = strings.Replace(graph, "filters = 2", "filters = 3", 1)
	_, found, err := weights.Options{Graph: []byte(graph)}.Read(read(t, "branched.pth"))
	var u *weights.UnsupportedError
	if !errors.As(err, &u) || found == nil || len(found.Assigned) == 0 {
		t.Fatal(err)
	}
	for _, want := range []string{
		`conv2d5: no tensor "middle.weight"`, `conv2d5: no tensor "middle.bias"`, `tensor "out.weight" of [2 6 1 1], want [3 6 1 1]`,
		`tensor "mid.weight" of [6 2 3 3]: no layer has it`, `tensor "squeeze.bias" of [6]: no layer has it`,
	} {
		if !slices.ContainsFunc(u.Items, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("nothing says %q: %q", want, u.Items)
		}
	}
}

// TestOrder: a graph that names no weights takes one module after the other.
func TestOrder(t *testing.T) {
	_, found, err := weights.Options{}.Read(read(t, "dcgan.pth"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(found.Graph, "\n") {
		if !strings.HasPrefix(l, "weights") {
			lines = append(lines, l)
		}
	}
	_, bare, err := weights.Options{Graph: []byte(strings.Join(lines, "\n"))}.Read(read(t, "dcgan.pth"))
	if err != nil || len(bare.Assigned) != len(found.Assigned) {
		t.Fatal(err)
	}
}

// TestUnder: a network among others is found by its usual names, or by the one that is given.
func TestUnder(t *testing.T) {
	b := read(t, "dcgan_old.pth")
	for _, under := range []string{"", "generator.module"} {
		if _, _, err := (weights.Options{Under: under}).Read(b); err != nil {
			t.Errorf("under %q: %v", under, err)
		}
	}
	if _, _, err := (weights.Options{Under: "critic"}).Read(b); !errors.Is(err, weights.ErrUnsupported) || !strings.Contains(err.Error(), "critic") {
		t.Error(err)
	}
	if _, _, err := (weights.Options{Under: "discriminator"}).Read(b); !errors.Is(err, weights.ErrUnsupported) {
		t.Error(err)
	}
}

// TestActivations: what names and shapes cannot tell can be said.
func TestActivations(t *testing.T) {
	m, _, err := weights.Options{Hidden: "leakyrelu:0.1", Last: "sigmoid", Range: weights.RangeNone}.Read(read(t, "dcgan.pth"))
	if err != nil {
		t.Fatal(err)
	}
	layers := m.Layers()
	if o, ok := layers[2].Op.(model.LeakyReLU); !ok || o.Slope != 0.1 || layers[len(layers)-1].Op.Kind() != "sigmoid" {
		t.Errorf("%v, %v", layers[2].Op, layers[len(layers)-1].Op)
	}
	for _, name := range []string{"softmax", "relu:1", "leakyrelu:x"} {
		if _, _, err := (weights.Options{Hidden: name}).Read(read(t, "dcgan.pth")); err == nil {
			t.Errorf("activation %q is taken", name)
		}
	}
	if _, _, err := (weights.Options{Size: model.Shape{H: 28, W: 28, C: 1}}).Read(read(t, "dcgan.pth")); !errors.Is(err, weights.ErrUnsupported) {
		t.Error(err)
	}
}

// TestOpen: the package makes Open know the extension.
func TestOpen(t *testing.T) {
	g, err := gantiny.Open("testdata/upsampling.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if g.Latent() != 5 || g.Classes() != 4 {
		t.Errorf("%d latents, %d classes", g.Latent(), g.Classes())
	}
}

// TestRange: an image between 0 and 1 becomes one between -1 and 1.
func TestRange(t *testing.T) {
	for r, last := range map[weights.Range]string{weights.RangeAuto: "tanh", weights.RangeNone: "sigmoid", weights.RangeBytes: "batchnorm"} {
		m, found, err := weights.Options{Last: "sigmoid", Range: r}.Read(read(t, "mlp.npz"))
		if err != nil {
			t.Fatal(err)
		}
		layers := m.Layers()
		if kind := layers[len(layers)-1].Op.Kind(); kind != last || strings.Contains(found.Graph, "batchnorm") {
			t.Errorf("range %q: the last layer is %s, want %s", r, kind, last)
		}
	}
	if _, _, err := (weights.Options{Range: "wide"}).Read(read(t, "mlp.npz")); err == nil {
		t.Error("an unknown range is taken")
	}
}
