package onnxwrite_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

// job is what testdata/run.js runs.
type job struct {
	Model  string     `json:"model"`
	Inputs []jobInput `json:"inputs"`

	name string
	m    *model.Model
	in   []model.Data // of the model itself
}

type jobInput struct {
	Type string `json:"type"`
	Dims []int  `json:"dims"`
	Data any    `json:"data"`
}

const jobImages = 3

// jobs writes all networks, in floats and in 8-bit integers, into a folder.
func jobs(t *testing.T) (list []job) {
	dir := t.TempDir()
	add := func(name string, m *model.Model, err error) {
		if err != nil {
			t.Fatal(err)
		}
		j := job{Model: filepath.Join(dir, name+".onnx"), name: name, m: m, in: nets.Feed(m, jobImages)}
		if err := os.WriteFile(j.Model, written(t, m), 0o666); err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Inputs() {
			in := jobInput{Type: "float32", Dims: []int{jobImages, p.Shape.C}, Data: j.in[i].Floats}
			switch s := p.Shape; {
			case p.Type.Kind == model.Class:
				in = jobInput{Type: "int64", Dims: []int{jobImages}, Data: j.in[i].Classes}
			case !s.IsFlat():
				in.Dims, in.Data = []int{jobImages, s.C, s.H, s.W}, channelsFirst(j.in[i].Floats, s)
			}
			j.Inputs = append(j.Inputs, in)
		}
		list = append(list, j)
	}
	for _, n := range nets.All() {
		m, err := n.Model()
		add(n.Name, m, err)
		if n.Quantizes {
			q, err := n.Int8(t.Context())
			add(n.Name+"-int8", q, err)
		}
	}
	return list
}

// channelsFirst makes (N, C, H, W) of images (N, H, W, C).
func channelsFirst(x []float32, s model.Shape) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		n, p, c := i/s.Len(), i%s.Len()/s.C, i%s.C
		y[n*s.Len()+c*s.H*s.W+p] = v
	}
	return y
}

// TestChecker holds what is written to the ONNX checker. It runs where GANTINY_ONNX_CHECKER names a
// Python that has the module onnx.
func TestChecker(t *testing.T) {
	python := os.Getenv("GANTINY_ONNX_CHECKER")
	if python == "" {
		t.Skip("GANTINY_ONNX_CHECKER names no Python with the module onnx")
	}
	args := []string{"testdata/check.py"}
	for _, j := range jobs(t) {
		args = append(args, j.Model)
	}
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestRuntime compares what ONNX Runtime makes of the files with the models themselves: 1e-5 in
// floats, and one level of a pixel in 8-bit integers. It runs where NODE_PATH has onnxruntime-node.
func TestRuntime(t *testing.T) {
	if exec.Command("node", "-e", "require('onnxruntime-node')").Run() != nil {
		t.Skip("node has no onnxruntime-node")
	}
	list := jobs(t)
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "jobs.json")
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/run.js", path)
	cmd.Stderr = os.Stderr
	text, err = cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][][]float32
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for i, j := range list {
		own, err := nets.Run(j.m, j.in, jobImages)
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range j.m.Outputs() {
			compare(t, j, p, all[i][k], own[k])
		}
	}
}

// levels is how far pixels may be apart. Means of six bytes that lie halfway between two of them
// are rounded by how their factor was rounded, which a file cannot say of each position. Norms in
// floats and in whole numbers can make neighbors of what lies close to halfway, and of five in a
// row the second one sees that of the first.
func levels(name string) int {
	switch name {
	case "resizes-int8", "norms-int8":
		return 2
	}
	return 1
}

func compare(t *testing.T, j job, p model.Port, got, own []float32) {
	if !p.Shape.IsFlat() {
		own = channelsFirst(own, p.Shape)
	}
	if len(got) != len(own) {
		t.Errorf("%s, %s: %d values, want %d", j.name, p.Name, len(got), len(own))
		return
	}
	worst, most, apart := 0.0, 0.0, 0
	for i, v := range got {
		worst, most = max(worst, math.Abs(float64(v-own[i]))), max(most, math.Abs(float64(own[i])))
		apart = max(apart, int(math.Abs(float64(quant.Pixel(v))-float64(quant.Pixel(own[i])))))
	}
	t.Logf("%s, %s: %.1e of %.1e, %d levels", j.name, p.Name, worst, most, apart)
	switch {
	case p.Type.Kind == model.Pixel && apart > levels(j.name):
		t.Errorf("%s, %s: pixels %d levels apart", j.name, p.Name, apart)
	case !j.m.Quantized() && worst > 1e-5*max(most, 1):
		t.Errorf("%s, %s: %g apart", j.name, p.Name, worst)
	}
}
