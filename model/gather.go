package model

import "slices"

// featureRun is a list of n features that an operator copies from an image of an input to that of
// the output: feature j goes from position from + j*stepP, channel fromC + j*stepC of the input to
// position to, channel toC + j.
type featureRun struct {
	input        int32 // fill for a constant
	from, fromC  int32
	stepP, stepC int32
	to, toC      int32
	n            int32
}

// fill as a run's input says that the features are the gather's constant.
const fill = -1

// row is the run of n neighboring channels.
func row(input, from, fromC, to, toC, n int) featureRun {
	return strided(input, from, fromC, 0, 1, to, toC, n)
}

func strided(input, from, fromC, stepP, stepC, to, toC, n int) featureRun {
	return featureRun{int32(input), int32(from), int32(fromC), int32(stepP), int32(stepC), int32(to), int32(toC), int32(n)}
}

// slice returns features [lo, hi) of a run.
func (r featureRun) slice(lo, hi int32) featureRun {
	r.from, r.fromC, r.toC, r.n = r.from+lo*r.stepP, r.fromC+lo*r.stepC, r.toC+lo, hi-lo
	return r
}

// gather is an operator whose output is made of features of its inputs, as they are. Its runs lie
// in the order of the output's positions and make every feature of it once, but for those that lie
// there already.
type gather struct {
	runs     []featureRun
	start    []int32 // of each position of the output and of the end: the first run
	constant float32
	back     []scatter // of each input, in training
}

// scatter is the way back of one input's gradient.
type scatter struct {
	clear []featureRun // features that nothing was copied from
	set   []featureRun // the first copy of each feature
	add   []featureRun // further copies, in the output's order
}

// newGather plans runs, which it sorts, of those that are to be copied.
func newGather(l *Lowering, runs []featureRun, constant float32) *gather {
	runs = l.copied(runs)
	slices.SortStableFunc(runs, func(a, b featureRun) int { return int(a.to) - int(b.to) })
	g := &gather{runs: runs, constant: constant}
	i := 0
	for p := range l.Out.Positions() {
		g.start = append(g.start, int32(i))
		for i < len(runs) && int(runs[i].to) == p {
			i++
		}
	}
	g.start = append(g.start, int32(i))
	return g
}

// newGatherPass is newGather with a Backward.
func newGatherPass(l *Lowering, runs []featureRun, constant float32) *gather {
	g := newGather(l, runs, constant)
	for i, in := range l.In {
		g.back = append(g.back, g.scatter(int32(i), in.Positions(), in.C))
	}
	return g
}

// scatter lists the way back to an input of so many positions and channels.
func (g *gather) scatter(input int32, positions, channels int) (s scatter) {
	read := make([]bool, positions*channels)
	for _, r := range g.runs {
		if r.input != input {
			continue
		}
		at := func(j int32) *bool { return &read[int(r.from+j*r.stepP)*channels+int(r.fromC+j*r.stepC)] }
		for lo := int32(0); lo < r.n; {
			repeated, hi := *at(lo), lo
			for ; hi < r.n && *at(hi) == repeated; hi++ {
				*at(hi) = true
			}
			if repeated {
				s.add = append(s.add, r.slice(lo, hi))
			} else {
				s.set = append(s.set, r.slice(lo, hi))
			}
			lo = hi
		}
	}
	for p := range positions {
		for c := 0; c < channels; c++ {
			lo := c
			for c < channels && !read[p*channels+c] {
				c++
			}
			if lo < c {
				s.clear = append(s.clear, row(int(input), p, lo, 0, 0, c-lo))
			}
		}
	}
	return s
}

// Forward: y[to] = x[from], or the constant.
func (g *gather) Forward(w *Worker, y Tensor, x []Tensor, s Share) {
	g.forward(w, y, x, s, g.constant)
}

func (g *gather) forward(w *Worker, y Tensor, x []Tensor, s Share, constant float32) {
	p0, p1 := s.Of(y.Positions())
	if s.N0 >= s.N1 || p0 >= p1 {
		return
	}
	for _, r := range g.runs[g.start[p0]:g.start[p1]] {
		to := side{y.F[int(r.to)*y.Stride+s.N0*y.Row+int(r.toC):], y.Row, 1}
		if r.input == fill || x[r.input].F == nil {
			v := constant
			if r.input != fill {
				v = 0 // a tangent that is nowhere else
			}
			to.fill(int(r.n), s.N1-s.N0, v)
			continue
		}
		to.copy(w, r.source(x[r.input], s), int(r.n), s.N1-s.N0)
	}
}

// Backward: dx[from] = the sum of dy[to] over the copies.
func (g *gather) Backward(w *Worker, dx []Tensor, dy Tensor, _ []Tensor, _ Tensor, s Share) {
	images := s.N1 - s.N0
	if images <= 0 {
		return
	}
	from := func(r *featureRun) side {
		return side{dy.F[int(r.to)*dy.Stride+s.N0*dy.Row+int(r.toC):], dy.Row, 1}
	}
	for i, back := range g.back {
		if dx[i].F == nil {
			continue
		}
		for _, r := range back.clear {
			r.source(dx[i], s).fill(int(r.n), images, 0)
		}
		for _, r := range back.set {
			r.source(dx[i], s).copy(w, from(&r), int(r.n), images)
		}
		for _, r := range back.add {
			r.source(dx[i], s).add(w, from(&r), int(r.n), images)
		}
	}
}

// Tangent: ty[to] = tx[from], 0 for the constant and for inputs without a tangent.
func (g *gather) Tangent(w *Worker, ty Tensor, tx []Tensor, _ []Tensor, _ Tensor, s Share) {
	g.forward(w, ty, tx, s, 0)
}

// source is the run's side of the input.
func (r featureRun) source(x Tensor, s Share) side {
	return side{x.F[int(r.from)*x.Stride+s.N0*x.Row+int(r.fromC):], x.Row, int(r.stepP)*x.Stride + int(r.stepC)}
}

// side is one end of a run, of several images: feature j of image i is f[i*row+j*step].
type side struct {
	f         []float32
	row, step int
}

// whole says that images of n features lie side by side.
func (d side) whole(n int) bool { return d.row == n && d.step == 1 }

// copy sets n features of each image to those of x.
func (d side) copy(w *Worker, x side, n, images int) {
	switch {
	case d.whole(n) && x.whole(n):
		copy(d.f[:n*images], x.f)
	case n > 1 && d.step == 1 && x.step == 1:
		w.Kernels.CopyRows(d.f, d.row, x.f, x.row, images, n)
	default:
		for i := range images {
			for j := range n {
				d.f[i*d.row+j*d.step] = x.f[i*x.row+j*x.step]
			}
		}
	}
}

// add adds n features of each image of x.
func (d side) add(w *Worker, x side, n, images int) {
	switch {
	case d.whole(n) && x.whole(n):
		w.Kernels.Add(d.f[:n*images], x.f[:n*images])
	case d.step == 1 && x.step == 1:
		for i := range images {
			w.Kernels.Add(d.f[i*d.row:][:n], x.f[i*x.row:][:n])
		}
	default:
		for i := range images {
			for j := range n {
				d.f[i*d.row+j*d.step] += x.f[i*x.row+j*x.step]
			}
		}
	}
}

// fill sets n features of each image to v.
func (d side) fill(n, images int, v float32) {
	for i := range images {
		for j := range n {
			d.f[i*d.row+j*d.step] = v
		}
	}
}

// moving is what operators embed that only move features, or add them up: they have no parameters,
// and their Backward reads neither input nor output.
type moving struct{}

// Params returns none.
func (moving) Params([]Spec) []Param { return nil }

func (moving) keeps() (limit, output need) { return never, nothing }
