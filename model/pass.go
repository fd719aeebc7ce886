package model

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/engine"
	"github.com/gantiny/gantiny/simd"
)

// PassOptions configures a Pass.
type PassOptions struct {
	Batch     int           // images of every pass
	Threads   int           // 0 for one per processor that Go may use
	Kernels   *simd.Kernels // nil for simd.Best()
	Seed      uint64        // of the dropout masks
	InputGrad bool          // whether Backward computes the first input's gradient
	Strict    bool          // convolve by direct sums only, never by Winograd's algorithm
	Frozen    []string      // names of parameters whose gradients are not wanted
	Tangents  bool          // for InputBackward and TangentGrad: a gradient penalty's pass; implies InputGrad
	MaxBytes  int64         // how much memory the pass may take, see Options.MaxBytes

	// Team, if not nil, has the threads that do the work. Threads is then ignored.
	Team *Team

	// Borrow is a Pass whose activations and gradients are not needed while this one's Forward or
	// Backward runs. If they take enough memory, this Pass keeps its gradients and other
	// short-lived values there. Input and InputGrad of the other Pass stay as they are, its Output
	// does not.
	Borrow *Pass

	// Observe, if not nil, is called after each task with the index in Ops of the operator and the
	// task's name: forward, backward, input gradient, weight gradient, bias gradient or pack. A
	// task may be reported several times, for different images.
	Observe func(op int, stage string, d time.Duration)
}

// Pass runs a Model forward and backward on a batch, in training. Only one goroutine may use it at
// a time; if two do, it panics. Its results do not depend on the number of threads. It uses the
// Model's parameters in place: it reads all of them and writes the moving statistics.
type Pass struct {
	m *Model
	o PassOptions
	passPlan
	tangents
	infos []OpInfo // of the nodes, then of the packing

	team    *Team
	runner  *engine.Runner
	workers []Worker

	// The memory, once it is there.
	ready      bool
	bound      *Tensor  // the caller's output
	values     []Tensor // of the activations
	inputGrad  Tensor
	inputSums  []Tensor  // of inputParts
	doutt      []Tensor  // of douts
	arena      []float32 // activations, then gradients unless they are borrowed
	packed     []float32 // all packed weights, for Forward or for Backward
	params     []float32 // the gradients of all parameters
	paramGrads []*Param
	holds      packing // what packed holds

	forward, reverse, finish []engine.Stage    // reverse runs once a chunk
	packing                  [2][]engine.Stage // for Forward and for Backward

	busy atomic.Bool

	// The Backward in progress.
	scale []float32
	from  int
	lo    int         // the first image of the chunk that goes backward
	dy    [][]float32 // the caller's gradients at the outputs
}

// NewPass plans a training pass. Its memory is allocated when it is first used.
func (m *Model) NewPass(o PassOptions) (*Pass, error) { return m.newPass(o, mode{training: true}) }

func (m *Model) newPass(o PassOptions, md mode) (*Pass, error) {
	if err := checkOptions(o.Batch, o.Threads, 1); err != nil {
		return nil, err
	}
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	if o.Tangents {
		o.InputGrad, md.whole = true, true
	}
	if err := allow("a pass", m.passPrice(o, md), o.MaxBytes); err != nil {
		return nil, err
	}
	if err := m.detach(); err != nil {
		return nil, err
	}
	p := &Pass{m: m, o: o}
	p.mode = md
	if p.team = o.Team; p.team == nil {
		p.team = NewTeam(o.Threads)
	}
	err := p.plan()
	if err == nil {
		err = allow("a pass", p.needed(), o.MaxBytes)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	p.dy = make([][]float32, len(p.graph.Outputs))
	p.runner = engine.NewRunner(p.team.pool, o.Observe)
	return p, nil
}

// Close ends the threads of a pass. A pass with a Team leaves the Team's threads alone.
func (p *Pass) Close() {
	if p.o.Team == nil {
		p.team.Close()
	}
}

// Input returns the buffer from which Forward reads the batch. It stays the same.
func (p *Pass) Input() (conv.Layout, []float32) { return p.InputAt(0) }

// InputAt is Input of input i, which is no class.
func (p *Pass) InputAt(i int) (conv.Layout, []float32) {
	p.allocate()
	return p.values[i].Layout, p.values[i].F
}

// Classes returns the buffer from which Forward reads the classes of input i.
func (p *Pass) Classes(i int) []int32 {
	p.allocate()
	return p.values[i].Class
}

// Output returns the buffer to which Forward writes.
func (p *Pass) Output() (conv.Layout, []float32) { return p.OutputAt(0) }

// OutputAt is Output of output i.
func (p *Pass) OutputAt(i int) (conv.Layout, []float32) {
	p.allocate()
	v := p.values[p.outputs[i]]
	return v.Layout, v.F
}

// InputGrad returns the gradient of the first input that the last Backward left; it
// is of use for images [from, Batch) of Backward's from. It panics if the option
// InputGrad is not set.
func (p *Pass) InputGrad() (conv.Layout, []float32) {
	if !p.o.InputGrad {
		panic("model: InputGrad of a pass without it")
	}
	p.allocate()
	return p.inputGrad.Layout, p.inputGrad.F
}

// Bind makes Forward write its first output to buf, in the layout out, which may be a window into
// a larger Layout. It plans the pass anew, so call it before the first use. It panics if out does
// not fit.
func (p *Pass) Bind(out conv.Layout, buf []float32) {
	have := p.acts[p.outputs[0]].layout
	if out.H != have.H || out.W != have.W || out.C != have.C || out.N != have.N || out.Row != out.C || out.Stride < out.N*out.C || len(buf) < out.Len() {
		panic("model: Bind: the output does not fit")
	}
	p.bound = &Tensor{Layout: out, F: buf}
	if err := p.plan(); err != nil {
		panic(err.Error()) // NewPass has planned the same with another stride
	}
}

// Repack tells the pass that weights have changed. The pass packs them again.
func (p *Pass) Repack() { p.holds = nothingPacked }

// Grads returns the gradients of the model's TrainableParams, in that order and without those that
// are frozen, as the last Backward left them.
func (p *Pass) Grads() []*Param {
	p.makeParamGrads()
	return p.paramGrads
}

// Ops describes the operators, in the order of Forward, and last the packing of
// the weights.
func (p *Pass) Ops() []OpInfo { return slices.Clone(p.infos) }

// Forward computes the outputs of the batch in the input buffers: BatchNorm uses
// the batch's statistics and updates the moving ones, Dropout uses the masks of
// this step.
func (p *Pass) Forward(step uint64) {
	p.begin()
	defer p.end()
	p.allocate()
	p.pack(forForward)
	for _, t := range p.nodes {
		if k, ok := t.kernel.(interface{ setKey(key [2]uint32) }); ok {
			k.setKey(DropoutKey(p.o.Seed, step, t.index))
		}
	}
	p.run(p.forward)
}

// Backward computes gradients from dout, the gradient of a loss at the first output, in the layout
// of that output. It computes the gradients of all trainable parameters and, with the option
// InputGrad, the gradient of the first input for images [from, Batch). Call it after Forward.
//
// With scale, the contribution of image n to the parameters' gradients is multiplied by scale[n];
// the input's gradient is not scaled. This is for networks whose images do not depend on one
// another; with BatchNorm it panics.
func (p *Pass) Backward(dout, scale []float32, from int) {
	p.begin()
	defer p.end()
	clear(p.dy)
	p.dy[0] = dout
	p.backward(scale, from)
}

// BackwardAll is Backward from the gradients at all outputs. A nil gradient stands for 0.
func (p *Pass) BackwardAll(douts [][]float32, scale []float32, from int) {
	p.begin()
	defer p.end()
	if copy(p.dy, douts) != len(p.dy) || len(douts) != len(p.dy) {
		panic("model: Backward: not one gradient an output")
	}
	p.backward(scale, from)
}

func (p *Pass) backward(scale []float32, from int) {
	for i, dy := range p.dy {
		if dy != nil && len(dy) < p.acts[p.outputs[i]].layout.Len() {
			panic("model: Backward: gradient shorter than the output")
		}
	}
	switch {
	case scale != nil && len(scale) != p.o.Batch:
		panic("model: Backward: scale is not one value an image")
	case scale != nil && p.batchDependent:
		panic("model: Backward: scale with BatchNorm")
	case from < 0 || from > p.o.Batch:
		panic("model: Backward: from is no image")
	}
	p.allocate()
	p.pack(forBackward)
	p.scale, p.from = scale, from
	for p.lo = 0; p.lo < p.o.Batch; p.lo += p.chunk {
		p.run(p.reverse)
	}
	p.run(p.finish)
	p.scale = nil
	clear(p.dy)
}

// begin panics if a Forward or Backward of the pass is still at work: two goroutines use it.
func (p *Pass) begin() {
	if !p.busy.CompareAndSwap(false, true) {
		panic("model: Forward or Backward inside another of one Pass")
	}
}

func (p *Pass) end() { p.busy.Store(false) }

// run runs stages to their end.
func (p *Pass) run(stages []engine.Stage) {
	if err := p.runner.Run(context.Background(), stages); err != nil {
		panic("model: " + err.Error()) // the background is never done
	}
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
		p.run(p.packing[what-forForward])
		p.holds = what
	}
}
