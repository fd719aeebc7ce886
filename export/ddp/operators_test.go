package ddp

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
)

// python is a Python that has PyTorch, by the environment variable GANTINY_TORCH; without it the
// test is skipped.
func python(t *testing.T) string {
	t.Helper()
	name := os.Getenv("GANTINY_TORCH")
	if name == "" {
		t.Skip("GANTINY_TORCH is not set: it names a Python that has PyTorch")
	}
	return name
}

// refused are the networks that have what PyTorch or the script has not, and what is said of them.
var refused = map[string]string{
	"stepped": "fakequantize",
	"views":   "input w: the script gives a network one input",
	"resizes": "PyTorch has no mode bilinear with coordinates asymmetric",
}

// TestOperators holds the modules of networks that have every operator between them to gantiny's
// own training passes: outputs and the gradients of all parameters.
func TestOperators(t *testing.T) {
	py, dir := python(t), t.TempDir()
	var jobs []map[string]any
	for _, n := range nets.All() {
		m, err := n.Model()
		if err != nil {
			t.Fatal(err)
		}
		class, items := networkClass("Net", m, len(m.Outputs()))
		if want := refused[n.Name]; want != "" || len(items) > 0 {
			if want == "" || !strings.Contains(strings.Join(items, "\n"), want) {
				t.Errorf("%s: %q, want %q", n.Name, items, want)
			}
			continue
		}
		const seed, step = 5, 1
		writeFile(t, filepath.Join(dir, n.Name+".py"), strings.Replace(head, "%s", "test", 1)+class)
		writeExpected(t, filepath.Join(dir, n.Name+".safetensors"), m, seed, step)
		jobs = append(jobs, map[string]any{"name": n.Name, "seed": seed, "step": step})
	}
	list, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "operators.json"), string(list))
	writeFile(t, filepath.Join(dir, ModuleFile), Module)
	out, err := exec.Command(py, "testdata/operators.py", dir).CombinedOutput()
	if err != nil || strings.Count(string(out), "compared") != len(jobs) {
		t.Errorf("%v\n%s", err, out)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// writeExpected runs one pass of m forward and backward and writes all that goes in and comes out.
func writeExpected(t *testing.T, path string, m *model.Model, seed, step uint64) {
	const n = 6
	var list []safetensors.Tensor
	add := func(name string, x []float32, shape ...int) {
		list = append(list, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape, Floats: append([]float32(nil), x...)})
	}
	images := func(s model.Shape) []int {
		if s.IsFlat() {
			return []int{n, s.C}
		}
		return []int{n, s.H, s.W, s.C}
	}
	for _, p := range m.Params() { // before the pass moves statistics
		add("param."+p.Name, p.Data, p.Shape...)
	}
	pass, err := m.NewPass(model.PassOptions{Batch: n, Threads: 1, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Close()
	for i, d := range nets.Feed(m, n) {
		if d.Classes != nil {
			copy(pass.Classes(i), d.Classes)
			x := make([]float32, n)
			for k, c := range d.Classes {
				x[k] = float32(c)
			}
			add("classes", x, n)
			continue
		}
		l, buf := pass.InputAt(i)
		l.Import(buf, d.Floats)
		add("input", d.Floats, images(m.Inputs()[i].Shape)...)
	}
	pass.Forward(step)
	var douts [][]float32
	for i, p := range m.Outputs() {
		l, buf := pass.OutputAt(i)
		y, dy, laid := make([]float32, n*p.Shape.Len()), make([]float32, n*p.Shape.Len()), make([]float32, len(buf))
		l.Export(y, buf)
		rng.FillNormal(dy, rng.NewKey(uint64(i), rng.Sample), 3)
		l.Import(laid, dy)
		douts = append(douts, laid)
		add("output."+string(rune('0'+i)), y, images(p.Shape)...)
		add("dout."+string(rune('0'+i)), dy, images(p.Shape)...)
	}
	pass.BackwardAll(douts, nil, 0)
	for _, g := range pass.Grads() {
		add("grad."+g.Name, g.Data, g.Shape...)
	}
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(safetensors.Write(f, nil, list), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
