package model

import (
	"fmt"
	"slices"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// PassOptions says how a Pass runs.
type PassOptions struct {
	Batch     int           // images of every pass
	Pool      *pool.Pool    // whose threads do the work; nil for one of Threads
	Threads   int           // 0 for one per processor that Go may use
	Kernels   *simd.Kernels // nil for simd.Best()
	Seed      uint64        // of the dropout masks
	InputGrad bool          // whether Backward computes the input's gradient
	Strict    bool          // convolve by direct sums only, never by minimal filtering

	// Borrow names a Pass whose activations and gradients nobody needs while
	// this one's Forward or Backward runs; if there is room, this one keeps its
	// gradients and other brief values in their place. The lender's Input and
	// InputGrad stay as they are, its Output does not.
	Borrow *Pass

	// Observe, if not nil, is called after each stage of the work with the index
	// in Ops of the operator and the stage: forward, backward, input gradient,
	// weight gradient, bias gradient or pack. A stage may be reported in parts.
	Observe func(op int, stage string, d time.Duration)
}

// Pass runs a Model forward and backward on a batch, in training. It belongs to
// one goroutine at a time. Its results do not depend on the number of threads.
// It uses the Model's parameters in place: it reads all of them and writes the
// moving statistics.
type Pass struct {
	m *Model
	o PassOptions
	passPlan

	pool    *pool.Pool
	workers []worker
	call    func(id int) // runs now on worker id
	holds   packing      // what packed holds

	// The call in progress.
	now   *stage
	mark  time.Time // when somebody was last told what a part took
	scale []float32
	from  int
	lo    int       // the first image of the chunk that goes backward
	dy    []float32 // the caller's gradient at the output
}

// NewPass plans a training pass. Its memory is allocated when it is first used.
func (m *Model) NewPass(o PassOptions) (*Pass, error) { return m.newPass(o, mode{training: true}) }

func (m *Model) newPass(o PassOptions, md mode) (*Pass, error) {
	if !fits(o.Batch) {
		return nil, fmt.Errorf("model: %w: batch of %d", ErrShape, o.Batch)
	}
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	m.own()
	p := &Pass{m: m, o: o, pool: o.Pool}
	p.mode = md
	if p.pool == nil {
		p.pool = pool.New(o.Threads)
	}
	if err := p.plan(); err != nil {
		p.Close()
		return nil, err
	}
	var done func(of *part)
	if o.Observe != nil {
		done = p.report
	}
	p.call = func(id int) {
		if id == 0 && len(p.now.parts) > 1 {
			p.now.run(&p.workers[id], done)
		} else {
			p.now.run(&p.workers[id], nil)
		}
	}
	return p, nil
}

// Close ends the threads of a pass that was made without a Pool.
func (p *Pass) Close() {
	if p.o.Pool == nil {
		p.pool.Close()
	}
}

// Input returns the buffer from which Forward reads the batch. It stays the same.
func (p *Pass) Input() (conv.Layout, []float32) {
	p.allocate()
	return p.input.Layout, p.input.buf
}

// Output returns the buffer to which Forward writes.
func (p *Pass) Output() (conv.Layout, []float32) {
	p.allocate()
	return p.output.Layout, p.output.buf
}

// InputGrad returns the gradient of the input that the last Backward left; it
// is of use for images [from, Batch) of Backward's from. It panics if the option
// InputGrad is not set.
func (p *Pass) InputGrad() (conv.Layout, []float32) {
	if !p.o.InputGrad {
		panic("model: InputGrad of a pass without it")
	}
	p.allocate()
	return p.input.Layout, p.inputGrad.buf
}

// Bind makes Forward write its output to buf, laid out as out says, which may be
// a window into a larger Map. It plans the pass anew and so belongs before its
// first use. It panics if out does not fit.
func (p *Pass) Bind(out conv.Layout, buf []float32) {
	have := p.output.Layout
	if out.H != have.H || out.W != have.W || out.C != have.C || out.N != have.N || out.Row != out.C || out.Stride < out.N*out.C || len(buf) < out.Len() {
		panic("model: Bind: the output does not fit")
	}
	p.bound = &stack{out, buf}
	if err := p.plan(); err != nil {
		panic(err.Error()) // NewPass has planned the same with another stride
	}
}

// Repack tells the pass that weights have changed, so that it packs them anew.
func (p *Pass) Repack() { p.holds = nothingPacked }

// Grads returns the gradients of TrainableParams, in that order, as the last
// Backward left them.
func (p *Pass) Grads() []*Param { return p.grads }

// Ops describes the operators, in the order of Forward, and last the packing of
// the weights.
func (p *Pass) Ops() []OpInfo { return slices.Clone(p.infos) }

// Forward computes the output of the batch in the input buffer: BatchNorm uses
// the batch's statistics and updates the moving ones, Dropout uses the masks of
// this step.
func (p *Pass) Forward(step uint64) {
	p.allocate()
	p.pack(forForward)
	for _, a := range p.ops {
		if a.drop != nil {
			a.drop.key = DropoutKey(p.o.Seed, step, a.first)
		}
	}
	p.stages(p.forward)
}

// Backward computes, from the gradient of a loss at the output, laid out as the
// output is, the gradients of all trainable parameters and, if the pass has it,
// that of the input for images [from, Batch). It belongs after Forward.
//
// With scale, image n counts scale[n] times in the parameters' gradients, but
// once in the input's. That is meant for networks without BatchNorm, whose
// images do not mix; with BatchNorm it panics.
func (p *Pass) Backward(dout, scale []float32, from int) {
	switch {
	case len(dout) < p.output.Len():
		panic("model: Backward: gradient shorter than the output")
	case scale != nil && len(scale) != p.o.Batch:
		panic("model: Backward: scale is not one value an image")
	case scale != nil && p.mixes:
		panic("model: Backward: scale with BatchNorm")
	case from < 0 || from > p.o.Batch:
		panic("model: Backward: from is no image")
	}
	p.pack(forBackward)
	p.dy, p.scale, p.from = dout, scale, from
	for p.lo = 0; p.lo < p.o.Batch; p.lo += p.chunk {
		p.stages(p.reverse)
	}
	p.stages(p.finish)
	p.dy, p.scale = nil, nil
}

// packing says for what the weights are packed. One memory serves both, since
// Forward and Backward take turns.
type packing int8

const (
	forForward packing = iota + 1
	forBackward
	nothingPacked packing = 0
)

func (p *Pass) pack(what packing) {
	if p.holds != what {
		p.stages(p.packing[what-forForward])
		p.holds = what
	}
}
