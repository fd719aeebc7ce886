package model

import (
	"cmp"
	"slices"

	"github.com/gantiny/gantiny/internal/engine"
)

// staged is a TrainKernel that lists its stages itself.
type staged interface {
	TrainKernel
	addForward(p *Pass, l *stages, t *passNode)
	// addBackward lists the stages of a chunk, and those after the last one.
	addBackward(p *Pass, l, end *stages, t *passNode)
}

// stages collects the stages of a pass.
type stages struct {
	engine.List
	p *Pass
}

// task is what one operator does in a stage, on whichever worker.
func (l *stages) task(op int, name string, run func(w *Worker, s Share)) engine.Task {
	return engine.Task{Op: op, Name: name, Run: func(id int, s engine.Share) { run(&l.p.workers[id], Share(s)) }}
}

// once, whole, byPosition and byImage add a task: see engine.List, and for byImage t's Forward.
func (l *stages) once(op int, name string, run func(w *Worker, s Share)) {
	l.Once(l.task(op, name, run))
}

func (l *stages) whole(images, grain, op int, name string, run func(w *Worker, s Share)) {
	l.Whole(images, grain, l.task(op, name, run))
}

func (l *stages) byPosition(positions, op int, name string, run func(w *Worker, s Share)) {
	l.ByPosition(positions, l.task(op, name, run))
}

func (l *stages) byImage(t *passNode, run func(w *Worker, s Share)) {
	l.ByImage(l.p.o.Batch, t.block(), t.grain(), l.task(t.op, "forward", run))
}

// schedule lists the stages of packing, Forward and Backward.
func (p *Pass) schedule() {
	p.packing = [2][]engine.Stage{p.packStages(0), p.packStages(1)}
	p.forward = p.scheduleForward()
	p.reverse, p.finish = p.scheduleBackward()
}

func (p *Pass) scheduleForward() []engine.Stage {
	l := &stages{p: p}
	for _, t := range p.nodes {
		if k, ok := t.kernel.(staged); ok {
			k.addForward(p, l, t)
			continue
		}
		l.whole(p.o.Batch, 1, t.op, "forward", func(w *Worker, s Share) {
			t.kernel.Forward(w, t.yt, t.xt, s)
		})
	}
	return l.Stages
}

// scheduleBackward lists the stages of a chunk, and those after the last one.
func (p *Pass) scheduleBackward() (reverse, finish []engine.Stage) {
	l, end := &stages{p: p}, &stages{p: p}
	for i, to := range p.doutt {
		l.whole(p.chunk, 1, len(p.nodes)-1, "backward", func(w *Worker, s Share) {
			p.copyGradient(i, to, s)
		})
	}
	for _, t := range slices.Backward(p.nodes) {
		for _, more := range t.sumt {
			p.addSum(l, t.op, t.dyt, more)
		}
		if k, ok := t.kernel.(staged); ok {
			k.addBackward(p, l, end, t)
		} else {
			p.addGeneric(l, t)
		}
	}
	for i, part := range p.inputSums {
		l.whole(p.chunk, 1, 0, "backward", func(w *Worker, s Share) {
			to := p.inputGrad.images(p.lo, p.chunk)
			sum(w, to, part, s, i == 0)
		})
	}
	return l.Stages, end.Stages
}

// addGeneric lists the stages of an operator that is not staged.
func (p *Pass) addGeneric(l *stages, t *passNode) {
	params, _ := t.kernel.(ParamKernel)
	if params != nil && (t.frozen || !trains(t.Node)) {
		params = nil
	}
	wanted := slices.ContainsFunc(t.dxb, func(b int) bool { return b != unwanted })
	if !wanted && params == nil {
		return
	}
	if _, leaves := t.kernel.(sumsLeaver); leaves && params != nil {
		wanted = true
	}
	l.whole(p.chunk, 1, t.op, "backward", func(w *Worker, s Share) {
		if wanted {
			dx, x := p.chunkArgs(t, w.ID)
			t.kernel.Backward(w, dx, t.dyt, x, t.yt.images(p.lo, p.chunk), s)
		}
		if params != nil {
			p.scaleRows(w, t.dyt, s)
		}
	})
	if params != nil {
		l.once(t.op, "weight gradient", func(w *Worker, s Share) {
			if p.lo == 0 {
				clearShare(t.dparams, s)
			}
		})
		l.once(t.op, "weight gradient", func(w *Worker, s Share) {
			_, x := p.chunkArgs(t, w.ID)
			params.ParamGrad(w, t.dparams, t.dyt, x, t.yt.images(p.lo, p.chunk), s)
		})
	}
}

// clearShare zeroes the worker's share of each parameter's gradient.
func clearShare(params [][]float32, s Share) {
	for _, d := range params {
		lo, hi := s.Of(len(d))
		clear(d[lo:hi])
	}
}

// addSum lists a stage that adds one more gradient of a value that several nodes read.
func (p *Pass) addSum(l *stages, op int, dst, more Tensor) {
	l.whole(p.chunk, 1, op, "backward", func(w *Worker, s Share) {
		sum(w, dst, more, s, false)
	})
}

// sum: dst += x, or dst = x for the first.
func sum(w *Worker, dst, x Tensor, s Share, first bool) {
	c := spansOf(s, &dst, &x)
	for i := range c.count() {
		d, v := c.of(&dst, i), c.of(&x, i)
		if first {
			copy(d, v)
			continue
		}
		w.Kernels.Axpy(d, 1, v)
	}
}

// grain is of which number of images blocks are to be multiples: whole words of a dropout mask.
func (t *passNode) grain() int {
	if _, ok := t.kernel.(*drop); !ok {
		return 1
	}
	return max(1, 32/(t.x[0].C&-t.x[0].C))
}

// gradient returns where the gradient of t's input i goes, of the chunk at hand.
func (p *Pass) gradient(t *passNode, i int) Tensor {
	if t.dxb[i] == inputGradient {
		return t.dxt[i].images(p.lo, p.chunk)
	}
	return t.dxt[i]
}

// chunkArgs returns the gradients of t's inputs and the inputs themselves, of the chunk at hand, in
// the worker's lists.
func (p *Pass) chunkArgs(t *passNode, worker int) (dx, x []Tensor) {
	dx, x = t.args[worker].dx, t.args[worker].x
	for i := range t.xt {
		dx[i], x[i] = p.gradient(t, i), t.xt[i].images(p.lo, p.chunk)
	}
	return dx, x
}

// scaleRows: dy *= scale[n], unless the caller of Backward gave no scale.
func (p *Pass) scaleRows(w *Worker, dy Tensor, s Share) {
	if p.scale == nil || s.N0 == s.N1 {
		return
	}
	scale := p.scale[p.lo:][s.N0:s.N1]
	for q := range dy.Positions() {
		w.Kernels.RowScale(dy.F[q*dy.Stride:][s.N0*dy.C:s.N1*dy.C], scale)
	}
}

// copyGradient copies the caller's gradient at output i, which stays as it is, to where Backward
// starts from.
func (p *Pass) copyGradient(i int, to Tensor, s Share) {
	if p.dy[i] == nil {
		c := spansOf(s, &to)
		for i := range c.count() {
			clear(c.of(&to, i))
		}
		return
	}
	from := Tensor{Layout: p.values[p.outputs[i]].Layout, F: p.dy[i]}.images(p.lo, p.chunk)
	c := spansOf(s, &to, &from)
	for i := range c.count() {
		copy(c.of(&to, i), c.of(&from, i))
	}
}

// packTask is one matrix to pack.
type packTask struct {
	size int
	run  func(w *Worker)
}

// packStages lists the stage that packs the weights for Forward (0) or Backward (1): each matrix,
// the largest first, goes to the worker that has least to do so far.
func (p *Pass) packStages(what int) []engine.Stage {
	var list []packTask
	linears, _ := p.linears()
	for _, o := range linears {
		forward, backward := o.packTasks()
		list = append(list, [2][]packTask{forward, backward}[what]...)
	}
	slices.SortStableFunc(list, func(a, b packTask) int { return cmp.Compare(b.size, a.size) })
	tasks := make([][]packTask, len(p.workers))
	load := make([]int, len(p.workers))
	for _, t := range list {
		i := slices.Index(load, slices.Min(load))
		tasks[i] = append(tasks[i], t)
		load[i] += t.size
	}
	l := &stages{p: p}
	l.once(len(p.nodes), "pack", func(w *Worker, _ Share) {
		for _, t := range tasks[w.ID] {
			t.run(w)
		}
	})
	return l.Stages
}
