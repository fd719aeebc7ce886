package importer

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/internal/importer/onnxproto"
	"github.com/gantiny/gantiny/model"
)

var update = flag.Bool("update", false, "write docs/onnx-operators.md anew")

// nodeTests is where Debian's package libonnx-testdata puts ONNX's tests of single operators.
const nodeTests = "/usr/share/libonnx-testdata/data/node"

// required, set to anything in the environment, makes the absence of the tests a failure.
const required = "GANTINY_ONNX_TESTDATA"

// operatorsPage is kept by TestNodes with -update.
const operatorsPage = "../../docs/onnx-operators.md"

// tries are the ways in which a test of a single operator can be read: its first input alone is the
// graph's, the others are weights, or all are; the first dimension counts images, or does not; or
// all inputs are constants, which are computed while the file is read.
var tries = []struct {
	name     string
	constant func(i int) bool
	whole    bool
}{
	{"images", func(i int) bool { return i > 0 }, false},
	{"one image", func(i int) bool { return i > 0 }, true},
	{"images", func(int) bool { return false }, false},
	{"one image", func(int) bool { return false }, true},
	{"a constant", func(int) bool { return true }, true},
}

// TestNodes runs ONNX's own tests of single operators: what is not refused gives the right values.
func TestNodes(t *testing.T) {
	dirs, _ := filepath.Glob(nodeTests + "/*")
	if len(dirs) == 0 {
		if os.Getenv(required) != "" {
			t.Fatalf("nothing in %s: install libonnx-testdata", nodeTests)
		}
		t.Skipf("nothing in %s: Debian's package libonnx-testdata has it", nodeTests)
	}
	page := &nodePage{}
	for _, dir := range dirs {
		name := strings.TrimPrefix(filepath.Base(dir), "test_")
		how, reason, err := nodeTest(dir)
		page.add(name, how, reason, err)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("%d passed, %d failed, %d refused", len(page.passed), len(page.failed), len(page.refused))
	page.keep(t)
}

// nodeTest runs one test in every way that is not refused. It returns the ways that gave the right
// values, the reason of the refusal if there is none, and an error about wrong values.
func nodeTest(dir string) (how []string, reason string, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return nil, "", err
	}
	var last []string
	for _, c := range tries {
		n := &nodeRun{dir: dir, file: b}
		err := n.run(c.constant, c.whole)
		var u *ir.UnsupportedError
		switch {
		case err == nil:
			if !slices.Contains(how, c.name) {
				how = append(how, c.name)
			}
		case errors.As(err, &u):
			last = u.Items
		case errors.Is(err, model.ErrShape):
			last = []string{"inputs of different numbers of images"}
		case errors.Is(err, errOtherTypes):
			return nil, err.Error(), nil
		default:
			return how, "", fmt.Errorf("as %s: %w", c.name, err)
		}
		if reason == "" && len(last) > 0 {
			reason = last[0]
		}
	}
	return how, reason, nil
}

var errOtherTypes = errors.New("its values are no tensors of numbers")

// nodeRun is one test, read in one way.
type nodeRun struct {
	dir  string
	file []byte
	im   *importer
	in   map[string]*array
	want []*array
}

func (n *nodeRun) run(constant func(i int) bool, whole bool) error {
	n.im = &importer{meter: ir.NewMeter(1 << 24), whole: whole, options: Options{Range: RangeNone}}
	var err error
	if n.im.file, err = onnxproto.Read(n.file, n.im.meter); err != nil {
		return err
	}
	// Tests of operators that have been the same since an older opset name that one.
	n.im.file.Opset = max(n.im.file.Opset, firstOpset)
	if err := n.load(constant); err != nil {
		return err
	}
	if err := n.im.run(); err != nil {
		return err
	}
	if len(n.im.items) > 0 {
		return &ir.UnsupportedError{Items: n.im.items}
	}
	return n.compare()
}

// load reads the test's values; those that are constants become initializers.
func (n *nodeRun) load(constant func(i int) bool) error {
	g := &n.im.file.Graph
	n.in = map[string]*array{}
	for i, v := range g.Inputs {
		p, err := n.tensor("input", i)
		if err == nil && p.Type != v.Type {
			err = errOtherTypes
		}
		if err != nil {
			return err
		}
		p.Name = v.Name
		if constant(i) {
			g.Initializers = append(g.Initializers, p)
			continue
		}
		if n.in[v.Name], err = tensorArray(p, n.im.meter, nil); err != nil {
			return errOtherTypes
		}
	}
	for i, v := range g.Outputs {
		p, err := n.tensor("output", i)
		if err == nil && p.Type != v.Type {
			err = errOtherTypes
		}
		if err != nil {
			return err
		}
		a, err := tensorArray(p, n.im.meter, nil)
		if err != nil {
			return errOtherTypes
		}
		n.want = append(n.want, a)
	}
	return nil
}

func (n *nodeRun) tensor(kind string, i int) (*ir.Tensor, error) {
	b, err := os.ReadFile(filepath.Join(n.dir, "test_data_set_0", fmt.Sprintf("%s_%d.pb", kind, i)))
	if err != nil {
		return nil, err
	}
	p, err := onnxproto.ReadTensor(b, n.im.meter)
	if err != nil || ir.TypeSize[p.Type] == 0 {
		return nil, errOtherTypes
	}
	return p, nil
}

// compare runs what came of the graph.
func (n *nodeRun) compare() error {
	var nodes []*node
	var values []*value
	var wanted []*array
	for i, o := range n.im.file.Graph.Outputs {
		at, ok := n.im.values[o.Name]
		switch {
		case !ok:
			return &ir.UnsupportedError{Items: []string{"output " + o.Name + ": " + n.im.missing[o.Name]}}
		case at.a != nil:
			got := make([]float64, at.a.n)
			for k := range got {
				got[k] = at.a.float(k)
			}
			if err := same(got, at.a.dims, n.want[i]); err != nil {
				return err
			}
			continue
		case at.v.class || at.v.quantized != nil:
			return &ir.UnsupportedError{Items: []string{"integers come out"}}
		}
		v, err := n.im.plain(at.v)
		if err != nil {
			return err
		}
		to, err := n.im.arrange(v, nil, nil, v.atoms())
		if err != nil {
			return err
		}
		nodes, values, wanted = append(nodes, to), append(values, v), append(wanted, n.want[i])
	}
	if len(nodes) == 0 {
		return nil
	}
	nodes, err := n.im.optimized(nodes)
	if err != nil {
		return err
	}
	return n.draw(nodes, values, wanted)
}

// draw runs a model with the test's inputs.
func (n *nodeRun) draw(nodes []*node, values []*value, wanted []*array) error {
	used := n.im.sorted(nodes)
	inputs := slices.DeleteFunc(slices.Clone(n.im.inputs), func(in *node) bool { return !slices.Contains(used, in) })
	if len(inputs) == 0 {
		return &ir.UnsupportedError{Items: []string{"no input"}}
	}
	if !slices.ContainsFunc(used, func(n *node) bool { return n.op != nil }) { // package model wants an operator
		to, err := n.im.add(model.LeakyReLU{Slope: 1}, nil, nodes[0])
		if err != nil {
			return err
		}
		nodes[0] = to
	}
	m, err := n.im.build("t", inputs, nodes)
	if err != nil {
		return err
	}
	images := 1
	if !n.im.whole {
		images = n.im.batch
	}
	feed := model.Feed{}
	for _, in := range inputs {
		d, err := n.data(in, images)
		if err != nil {
			return err
		}
		feed.In = append(feed.In, d)
	}
	for _, o := range m.Outputs() {
		feed.Out = append(feed.Out, model.Data{Floats: make([]float32, images*o.Shape.Len())})
	}
	s, err := m.NewSession(model.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.RunFeed(context.Background(), feed); err != nil {
		return err
	}
	for i, v := range values {
		got := byDimensions(v, feed.Out[i].Floats, images)
		if err := same(got, v.sizes(n.im.batch), wanted[i]); err != nil {
			return err
		}
	}
	return nil
}

// data is an input's values as the model takes them.
func (n *nodeRun) data(in *node, images int) (model.Data, error) {
	a := n.in[in.name]
	if a == nil {
		return model.Data{}, &ir.UnsupportedError{Items: []string{"noise"}}
	}
	v := n.im.values[in.name].v
	if v.class {
		d := model.Data{}
		for i := range a.n {
			c := a.int(i)
			if c < 0 || int(c) >= in.spec.Type.Classes {
				return d, &ir.UnsupportedError{Items: []string{"a class below 0"}}
			}
			d.Classes = append(d.Classes, int32(c))
		}
		return d, nil
	}
	d := model.Data{Floats: make([]float32, a.n)}
	at := inMemory(v)
	each := a.n / images
	for i := range images {
		for k := range each {
			d.Floats[i*each+k] = float32(a.float(i*each + at(k)))
		}
	}
	return d, nil
}

// inMemory maps features in memory to those in ONNX's order.
func inMemory(v *value) func(i int) int {
	step := map[*atom]int{}
	s := 1
	for _, a := range slices.Backward(v.atoms()) {
		step[a] = s
		s *= a.size
	}
	var dims, steps []int
	for _, a := range v.order {
		dims, steps = append(dims, a.size), append(steps, step[a])
	}
	return indexer(dims, steps, 0)
}

// byDimensions puts images, each in ONNX's order, into the order of v's dimensions, of which the
// batch need not be the first.
func byDimensions(v *value, x []float32, images int) []float64 {
	out := make([]float64, len(x))
	if v.batch < 0 {
		for i, f := range x {
			out[i] = float64(f)
		}
		return out
	}
	inner := size(slices.Concat(v.dims[v.batch+1:]...))
	each := len(x) / images
	for i := range images {
		for k := range each {
			out[(k/inner*images+i)*inner+k%inner] = float64(x[i*each+k])
		}
	}
	return out
}

// same compares values.
func same(got []float64, dims []int, want *array) error {
	if !slices.Equal(dims, want.dims) {
		return fmt.Errorf("a shape of %v, want %v", dims, want.dims)
	}
	for i, v := range got {
		w := want.float(i)
		if v == w || v != v && w != w {
			continue
		}
		if d := math.Abs(v - w); !(d <= 2e-5*(1+math.Abs(w))) {
			return fmt.Errorf("value %d is %v, want %v", i, v, w)
		}
	}
	return nil
}

// nodePage is docs/onnx-operators.md.
type nodePage struct{ passed, failed, refused []string }

func (p *nodePage) add(name string, how []string, reason string, err error) {
	switch {
	case err != nil:
		p.failed = append(p.failed, name)
	case len(how) > 0:
		p.passed = append(p.passed, fmt.Sprintf("| %s | %s |", name, strings.Join(how, ", ")))
	default:
		p.refused = append(p.refused, fmt.Sprintf("| %s | %s |", name, strings.ReplaceAll(reason, "|", "\\|")))
	}
}

// keep compares the page with the one at hand, or writes it.
func (p *nodePage) keep(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# ONNX's tests of single operators

ONNX comes with tests of single operators (Debian's package libonnx-testdata, %d tests). gantiny's importer
reads a file as a network that makes each image by itself of an input: so a test's first dimension counts
images, or the whole tensor is one image; its other inputs are weights, or inputs too; or all of it is
computed while the file is read. A test passes if it gives the right values in every such way that is not
refused. `+"`go test ./internal/importer -run TestNodes -update`"+` writes this page.

%d passed, %d failed, %d are refused with a reason.

## Passed

| test | read as |
|---|---|
%s

## Failed

%s

## Refused

| test | the first reason |
|---|---|
%s
`, len(p.passed)+len(p.failed)+len(p.refused), len(p.passed), len(p.failed), len(p.refused),
		strings.Join(p.passed, "\n"), strings.Join(append(p.failed, "None if nothing stands here."), "\n"), strings.Join(p.refused, "\n"))
	if *update {
		if err := os.WriteFile(operatorsPage, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(operatorsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is another: see -update", operatorsPage)
	}
}
