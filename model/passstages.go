package model

import (
	"cmp"
	"slices"

	"github.com/gantiny/gantiny/internal/engine"
)

// staged is a TrainKernel that lists its stages itself.
type staged interface {
	TrainKernel
	addForward(p *Pass, l *engine.List, t *passNode)
	// addBackward lists the stages of a chunk, and those after the last one.
	addBackward(p *Pass, l, end *engine.List, t *passNode)
}

// schedule lists the stages of packing, Forward and Backward.
func (p *Pass) schedule() {
	p.packing = [2][]engine.Stage{p.packStages(0), p.packStages(1)}
	p.forward = p.scheduleForward()
	p.reverse, p.finish = p.scheduleBackward()
}

func (p *Pass) scheduleForward() []engine.Stage {
	var l engine.List
	for _, t := range p.nodes {
		if k, ok := t.kernel.(staged); ok {
			k.addForward(p, &l, t)
			continue
		}
		l.Whole(p.o.Batch, 1, engine.Task{Op: t.op, Name: "forward", Run: func(id int, s engine.Share) {
			t.kernel.Forward(&p.workers[id], t.yt, t.xt, Share{N0: s.N0, N1: s.N1})
		}})
	}
	return l.Stages
}

// scheduleBackward lists the stages of a chunk, and those after the last one.
func (p *Pass) scheduleBackward() (reverse, finish []engine.Stage) {
	var l, end engine.List
	for i, to := range p.doutt {
		l.Whole(p.chunk, 1, engine.Task{Op: len(p.nodes) - 1, Name: "backward", Run: func(id int, s engine.Share) {
			p.copyGradient(i, to, Share{N0: s.N0, N1: s.N1})
		}})
	}
	for _, t := range slices.Backward(p.nodes) {
		for _, more := range t.sumt {
			p.addSum(&l, t.op, t.dyt, more)
		}
		if k, ok := t.kernel.(staged); ok {
			k.addBackward(p, &l, &end, t)
		} else {
			p.addGeneric(&l, t)
		}
	}
	for i, part := range p.inputSums {
		l.Whole(p.chunk, 1, engine.Task{Op: 0, Name: "backward", Run: func(id int, s engine.Share) {
			to := p.inputGrad.images(p.lo, p.chunk)
			sum(&p.workers[id], to, part, Share{N0: s.N0, N1: s.N1}, i == 0)
		}})
	}
	return l.Stages, end.Stages
}

// addGeneric lists the stages of an operator that is not staged.
func (p *Pass) addGeneric(l *engine.List, t *passNode) {
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
	l.Whole(p.chunk, 1, engine.Task{Op: t.op, Name: "backward", Run: func(id int, s engine.Share) {
		w, share := &p.workers[id], Share{N0: s.N0, N1: s.N1}
		if wanted {
			dx, x := p.chunkArgs(t, id)
			t.kernel.Backward(w, dx, t.dyt, x, t.yt.images(p.lo, p.chunk), share)
		}
		if params != nil {
			p.scaleRows(w, t.dyt, share)
		}
	}})
	if params != nil {
		l.Once(t.op, "weight gradient", func(id int, s engine.Share) {
			if p.lo == 0 {
				clearParts(t.dparams, Share(s))
			}
		})
		l.Once(t.op, "weight gradient", func(id int, s engine.Share) {
			_, x := p.chunkArgs(t, id)
			params.ParamGrad(&p.workers[id], t.dparams, t.dyt, x, t.yt.images(p.lo, p.chunk), Share(s))
		})
	}
}

// clearParts zeroes the worker's share of each parameter's gradient.
func clearParts(params [][]float32, s Share) {
	for _, d := range params {
		lo, hi := s.Of(len(d))
		clear(d[lo:hi])
	}
}

// addSum lists a stage that adds one more gradient of a value that several nodes read.
func (p *Pass) addSum(l *engine.List, op int, dst, more Tensor) {
	l.Whole(p.chunk, 1, engine.Task{Op: op, Name: "backward", Run: func(id int, s engine.Share) {
		sum(&p.workers[id], dst, more, Share{N0: s.N0, N1: s.N1}, false)
	}})
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

// byImage adds a task of t's Forward that goes through the images in blocks.
func (p *Pass) byImage(l *engine.List, t *passNode, run func(id int, s engine.Share)) {
	l.ByImage(p.o.Batch, t.block(), t.grain(), engine.Task{Op: t.op, Name: "forward", Run: run})
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
	var l engine.List
	l.Once(len(p.nodes), "pack", func(id int, _ engine.Share) {
		for _, t := range tasks[id] {
			t.run(&p.workers[id])
		}
	})
	return l.Stages
}
