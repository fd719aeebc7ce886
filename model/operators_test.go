package model

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/simd"
)

// operatorBound is the error of a float32 result, as a share of the largest value.
const operatorBound = 4e-6

// operatorRun is an operator with values for its inputs, gradients and parameters.
type operatorRun struct {
	m      *Model
	node   *Node
	images int
	x      [][]float32 // of each input, as images; nil of a class
	tx     [][]float32 // tangents alike
	class  []int32
	dy     []float32

	dx, dp [][]float64          // see gradients
	fused  map[string][]float32 // results of a row with fused multiply-adds
}

func newOperatorRun(t testing.TB, o Op, in []Spec, images int, seed uint64) *operatorRun {
	g := &Graph{}
	var values []*Value
	for i, s := range in {
		values = append(values, g.input(fmt.Sprint("x", i), s))
	}
	g.Add(o, values...)
	m, err := FromGraph("t", g)
	if err != nil {
		t.Fatal(err)
	}
	randomize(m, seed)
	c := &operatorRun{m: m, node: m.graph.Nodes[0], images: images}
	for i, s := range in {
		n, key := images*s.Shape.Len(), seed+uint64(i)
		if s.Type.Kind == Class {
			c.x, c.tx = append(c.x, nil), append(c.tx, nil)
			for n := range images {
				c.class = append(c.class, int32((7*n+int(seed))%s.Type.Classes))
			}
			continue
		}
		c.x, c.tx = append(c.x, normals(n, key+100)), append(c.tx, normals(n, key+200))
	}
	c.dy = normals(images*c.node.Out.Shape.Len(), seed+300)
	return c
}

// rowGaps are by how much rows are wider than a value: it lies alone, or in a window of wider rows.
var rowGaps = []int{0, 3}

// window returns a Tensor of a value; extra is by how much its rows are wider.
func (c *operatorRun) window(v *Value, extra int, values []float32) Tensor {
	if v.Type.Kind == Class {
		return Tensor{Layout: v.layout(c.images), Class: c.class}
	}
	l := v.layout(c.images)
	if extra > 0 {
		l.Row += extra
		l.Stride = c.images*l.Row + extra
	}
	t := Tensor{Layout: l, F: slices.Repeat([]float32{-77}, l.Len())} // which nobody may touch outside of the window
	if values != nil {
		l.Import(t.F, values)
	}
	return t
}

// of returns the images of a Tensor, and checks that what lies between them is as it was.
func of(t *testing.T, what string, v Tensor) []float32 {
	t.Helper()
	images := exported(v.Layout, v.F)
	whole := v
	whole.F = slices.Clone(v.F)
	whole.Import(whole.F, slices.Repeat([]float32{-77}, len(images)))
	if slices.ContainsFunc(whole.F, func(f float32) bool { return f != -77 }) {
		t.Errorf("%s: something was written outside of the window", what)
	}
	return images
}

func (c *operatorRun) inputs(extra int, values [][]float32) []Tensor {
	list := make([]Tensor, len(values))
	for i, v := range c.node.In {
		list[i] = c.window(v, extra, values[i])
	}
	return list
}

// lowering is of inputs and an output as they lie in memory.
func (c *operatorRun) lowering(k *simd.Kernels, x []Tensor, y Tensor) *Lowering {
	l := c.node.lowering(c.images, k)
	for i := range x {
		l.In[i] = x[i].Layout
	}
	l.Out = y.Layout
	return l
}

// sameOnFMA: all rows of kernels with fused multiply-adds have the same bits.
func (c *operatorRun) sameOnFMA(t *testing.T, k *simd.Kernels, what string, got []float32) {
	if !k.FMA {
		return
	}
	if c.fused == nil {
		c.fused = map[string][]float32{}
	}
	if c.fused[what] == nil {
		c.fused[what] = got
	}
	if !equalBits(got, c.fused[what]) {
		t.Errorf("%s: the bits of %s differ from another row's", k.Name, what)
	}
}

// kernel plans the operator as a Session does, trainKernel as a Pass does.
func (c *operatorRun) kernel(t testing.TB, l *Lowering) Kernel {
	k, err := lower(c.node.Op, l)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (c *operatorRun) trainKernel(t *testing.T, l *Lowering) TrainKernel {
	k, err := lowerTraining(c.node.Op, l)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// reference returns what one image of the operator is by its Reference, of inputs x.
func (c *operatorRun) reference(x, p [][]float64) []float64 {
	y := make([]float64, c.node.Out.Shape.Len())
	if o, ok := c.node.Op.(Referencer); ok {
		o.Reference(y, x, p, c.node.Specs())
		return y
	}
	for i, v := range x[0] {
		y[i] = c.node.Op.(Pointwise).At(v)
	}
	return y
}

// image returns the inputs of image n, from values.
func (c *operatorRun) image(n int, values [][]float32) [][]float64 {
	var list [][]float64
	for i, v := range c.node.In {
		if v.Type.Kind == Class {
			list = append(list, []float64{float64(c.class[n])})
			continue
		}
		each := v.Shape.Len()
		list = append(list, widen(values[i][n*each:][:each]))
	}
	return list
}

func (c *operatorRun) params() (list [][]float64) {
	for _, p := range c.node.Params {
		list = append(list, widen(p.Data))
	}
	return list
}

// gradients returns the central differences of Σ dy*y: of the inputs and of the parameters.
func (c *operatorRun) gradients() (dx, dp [][]float64) {
	if c.dx != nil {
		return c.dx, c.dp
	}
	dx, dp = make([][]float64, len(c.node.In)), make([][]float64, len(c.node.Params))
	params, each := c.params(), c.node.Out.Shape.Len()
	for n := range c.images {
		x := c.image(n, c.x)
		loss := func() (sum float64) {
			for i, v := range c.reference(x, params) {
				sum += v * float64(c.dy[n*each+i])
			}
			return sum
		}
		for i, v := range c.node.In {
			if v.Type.Kind != Class {
				dx[i] = append(dx[i], differences(x[i], loss)...)
			}
		}
		for i, p := range params {
			if d := differences(p, loss); dp[i] == nil {
				dp[i] = d
			} else {
				for j := range d {
					dp[i][j] += d[j]
				}
			}
		}
	}
	c.dx, c.dp = dx, dp
	return dx, dp
}

func differences(v []float64, loss func() float64) []float64 {
	const h = 1e-5
	d := make([]float64, len(v))
	for i, was := range v {
		v[i] = was + h
		up := loss()
		v[i] = was - h
		d[i] = (up - loss()) / (2 * h)
		v[i] = was
	}
	return d
}

// forEachOperator runs f for every test, some sizes of it and every row of kernels.
func forEachOperator(t *testing.T, f func(t *testing.T, c *operatorRun, k *simd.Kernels)) {
	for _, test := range operatorTests {
		t.Run(test.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(len(test.name))))
			for i := range 5 {
				o, in := test.make(r)
				c := newOperatorRun(t, o, in, 1+i, uint64(i))
				for _, k := range simd.Variants() {
					f(t, c, k)
				}
				if t.Failed() {
					t.Fatalf("of %+v on %v", o, in)
				}
			}
		})
	}
}

// shares cuts n images and the positions in several ways.
func shares(n int) [][]Share {
	a := (n + 1) / 2
	return [][]Share{
		{{N1: n}},
		{{N0: a, N1: n, Count: 1}, {N1: a, Count: 1}},
		{{N1: n, Index: 2, Count: 3}, {N1: n, Count: 3}, {N1: n, Index: 1, Count: 3}},
		{{N1: n, Count: 40}, {N1: n, Index: 1, Count: 2}, {N1: n, Index: 0, Count: 2}},
	}
}

// TestOperatorForward compares Lower with Reference; in no way of cutting the work and of lying in
// memory do the bits differ.
func TestOperatorForward(t *testing.T) {
	forEachOperator(t, func(t *testing.T, c *operatorRun, k *simd.Kernels) {
		var want []float64
		for n := range c.images {
			want = append(want, c.reference(c.image(n, c.x), c.params())...)
		}
		var first []float32
		for _, extra := range rowGaps {
			for i, cut := range shares(c.images) {
				x, y := c.inputs(extra, c.x), c.window(c.node.Out, extra, nil)
				o := c.kernel(t, c.lowering(k, x, y))
				for _, s := range cut {
					o.Forward(&Worker{Kernels: k}, y, x, s)
				}
				got := of(t, "y", y)
				if first == nil {
					first = got
					checkClose(t, k.Name+": y", got, want, operatorBound)
				}
				if !equalBits(got, first) {
					t.Errorf("%s: rows wider by %d, cut %d: the bits differ", k.Name, extra, i)
				}
			}
		}
		c.sameOnFMA(t, k, "y", first)
	})
}

// TestOperatorOverwrites: an operator that may write over its input makes the same bits there.
func TestOperatorOverwrites(t *testing.T) {
	forEachOperator(t, func(t *testing.T, c *operatorRun, k *simd.Kernels) {
		for _, extra := range rowGaps {
			x, y := c.inputs(extra, c.x), c.window(c.node.Out, extra, nil)
			o := c.kernel(t, c.lowering(k, x, y))
			if _, ok := o.(overwriter); !ok || x[0].Layout != y.Layout {
				return
			}
			o.Forward(&Worker{Kernels: k}, y, x, Share{N1: c.images})
			o.Forward(&Worker{Kernels: k}, x[0], x, Share{N1: c.images})
			if !equalBits(of(t, "y", x[0]), of(t, "y", y)) {
				t.Errorf("%s: rows wider by %d: the bits differ", k.Name, extra)
			}
		}
	})
}

// TestOperatorBackward compares Backward and ParamGrad with the central differences of Reference.
func TestOperatorBackward(t *testing.T) {
	forEachOperator(t, func(t *testing.T, c *operatorRun, k *simd.Kernels) {
		wantDX, wantDP := c.gradients()
		for _, extra := range rowGaps {
			x, y, dy := c.inputs(extra, c.x), c.window(c.node.Out, extra, nil), c.window(c.node.Out, extra, c.dy)
			o := c.trainKernel(t, c.lowering(k, x, y))
			w, all := &Worker{Kernels: k}, Share{N1: c.images}
			o.Forward(w, y, x, all)
			dx := c.inputs(extra, make([][]float32, len(x)))
			o.Backward(w, dx, dy, x, y, all)
			for i, v := range c.node.In {
				if v.Type.Kind != Class {
					checkClose(t, fmt.Sprint(k.Name, ": dx", i), of(t, "dx", dx[i]), wantDX[i], operatorBound)
					c.sameOnFMA(t, k, fmt.Sprint("dx", i), of(t, "dx", dx[i]))
				}
			}
			c.checkCuts(t, o, w, extra, dx, dy, x, y)
			c.checkParams(t, o, w, wantDP, dy, x, y)
		}
	})
}

// checkCuts compares the gradients with those of cut images, of single inputs, and where dy lies.
func (c *operatorRun) checkCuts(t *testing.T, o TrainKernel, w *Worker, extra int, want []Tensor, dy Tensor, x []Tensor, y Tensor) {
	check := func(what string, wanted func(i int) bool, over bool, cut ...Share) {
		d := dy
		d.F = slices.Clone(dy.F)
		dx := c.inputs(extra, make([][]float32, len(x)))
		for i := range dx {
			if !wanted(i) {
				dx[i].F = nil
			}
		}
		if over {
			dx[0].F = d.F
		}
		for _, s := range cut {
			o.Backward(w, dx, d, x, y, s)
		}
		for i := range dx {
			if dx[i].F != nil && !equalBits(of(t, "dx", dx[i]), of(t, "dx", want[i])) {
				t.Errorf("%s: %s, rows wider by %d: the bits of dx%d differ", w.Kernels.Name, what, extra, i)
			}
		}
	}
	a := c.images / 2
	all := func(int) bool { return true }
	check("cut", all, false, Share{N0: a, N1: c.images}, Share{N1: a})
	for only := range len(c.node.In) {
		check(fmt.Sprint("dx", only, " alone"), func(i int) bool { return i == only }, false, Share{N1: c.images})
	}
	if _, ok := c.node.Op.(inPlaceBackward); ok {
		check("over dy", all, true, Share{N1: c.images})
	}
}

// checkParams compares the parameters' gradients, summed by several workers.
func (c *operatorRun) checkParams(t *testing.T, o TrainKernel, w *Worker, want [][]float64, dy Tensor, x []Tensor, y Tensor) {
	p, ok := o.(ParamKernel)
	if !ok {
		if len(want) > 0 {
			t.Error("no ParamGrad")
		}
		return
	}
	var first [][]float32
	for _, parts := range []int{1, 3} {
		var dp [][]float32
		for _, q := range c.node.Params {
			dp = append(dp, make([]float32, q.Len()))
		}
		for i := range parts {
			p.ParamGrad(w, dp, dy, x, y, Share{Index: i, Count: parts})
		}
		if first == nil {
			first = dp
		}
		for i, q := range c.node.Params {
			checkClose(t, w.Kernels.Name+": d"+q.Name, dp[i], want[i], operatorBound)
			if !equalBits(dp[i], first[i]) {
				t.Errorf("%s: %d parts: the bits of d%s differ", w.Kernels.Name, parts, q.Name)
			}
		}
	}
}

// TestOperatorTangent compares Tangent with differences of Reference: along each input alone and,
// but for products, along all.
func TestOperatorTangent(t *testing.T) {
	forEachOperator(t, func(t *testing.T, c *operatorRun, k *simd.Kernels) {
		for _, extra := range rowGaps {
			x, y := c.inputs(extra, c.x), c.window(c.node.Out, extra, nil)
			o, ok := c.trainKernel(t, c.lowering(k, x, y)).(TangentKernel)
			if !ok {
				return
			}
			o.Forward(&Worker{Kernels: k}, y, x, Share{N1: c.images})
			for only := -1; only < len(x); only++ {
				if _, product := o.(*multiplier); product && only < 0 {
					continue
				}
				tx, ty := c.inputs(extra, c.tx), c.window(c.node.Out, extra, nil)
				for i := range tx {
					if only >= 0 && i != only {
						tx[i].F = nil
					}
				}
				a := c.images / 2
				for _, s := range []Share{{N0: a, N1: c.images}, {N1: a}} {
					o.Tangent(&Worker{Kernels: k}, ty, tx, x, y, s)
				}
				checkClose(t, fmt.Sprint(k.Name, ": tangent along ", only), of(t, "ty", ty), c.tangent(only), operatorBound)
			}
		}
	})
}

// tangent returns the central difference of Reference along the tangent of an input, of all for -1.
func (c *operatorRun) tangent(only int) (list []float64) {
	const h = 1e-5
	for n := range c.images {
		at := func(h float64) []float64 {
			x := c.image(n, c.x)
			for i, d := range c.image(n, c.tx) {
				for j := range d {
					if only < 0 || i == only {
						x[i][j] += h * d[j]
					}
				}
			}
			return c.reference(x, c.params())
		}
		up, down := at(h), at(-h)
		for i := range up {
			list = append(list, (up[i]-down[i])/(2*h))
		}
	}
	return list
}

// TestOperatorFiles: a model of each operator is the same after it was described and built, and
// after it was saved and read.
func TestOperatorFiles(t *testing.T) {
	forEachOperator(t, func(t *testing.T, c *operatorRun, _ *simd.Kernels) {
		want, err := c.m.Architecture()
		if err != nil {
			t.Fatal(err)
		}
		built, err := Build(want)
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := c.m.Encode(&file, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		read, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*Model{built, read} {
			if got, err := m.Architecture(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s\nbecomes %s, %v", want, got, err)
			}
		}
		for i, p := range read.Params() {
			if !equalBits(p.Data, c.m.Params()[i].Data) {
				t.Errorf("%s differs", p.Name)
			}
		}
	})
}

// TestMaxPoolNaN: a window that holds a NaN gives NaN, and the gradient goes there.
func TestMaxPoolNaN(t *testing.T) {
	nan := float32(math.NaN())
	l := conv.NewLayout(1, 4, 1, 1)
	x, y := Tensor{Layout: l, F: []float32{1, nan, 3, 4}}, Tensor{Layout: conv.NewLayout(1, 2, 1, 1), F: make([]float32, 2)}
	dx := Tensor{Layout: l, F: make([]float32, 4)}
	o := newMaxPool(MaxPool{Kernel: [2]int{1, 2}, Stride: [2]int{1, 2}}, &Lowering{Out: y.Layout, Specs: []Spec{Floats(Shape{1, 4, 1})}, Result: Floats(Shape{1, 2, 1})})
	o.Forward(nil, y, []Tensor{x}, Share{N1: 1})
	o.Backward(nil, []Tensor{dx}, Tensor{Layout: y.Layout, F: []float32{5, 6}}, []Tensor{x}, y, Share{N1: 1})
	if y.F[0] == y.F[0] || y.F[1] != 4 || !slices.Equal(dx.F, []float32{0, 5, 0, 6}) {
		t.Errorf("y = %v, dx = %v", y.F, dx.F)
	}
}
