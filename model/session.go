package model

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// maxChunk is how many images a thread takes through all layers at a time: as
// many as fill the kernels' tiles while the reference network's activations,
// up to 75 KB an image for two neighbouring layers, stay in a second-level cache.
const maxChunk = 16

// Options says how a Session runs.
type Options struct {
	Batch   int           // images of a typical Run, 0 for many; any other number works too
	Threads int           // 0 for one per processor that Go may use
	Kernels *simd.Kernels // nil for simd.Best()

	// Strict keeps to direct sums, so that an image has the same bits whatever
	// Batch is. Otherwise a Session for 8 images or more convolves by minimal
	// filtering where that is faster, see conv.NewWinogradPlan: its images differ
	// from a strict Session's by rounding, at most 1e-4.
	Strict bool

	// Half keeps the weights of dense layers in half precision, which rounds them;
	// one image takes about as long as it takes to read its weights. Weights that
	// lose nothing by it, as those of a file saved with SaveOptions.Half, are kept
	// that way in any case.
	Half bool

	// Observe, if not nil, is called after each operator with its index in Ops
	// and its name. A Run that splits its images between threads reports what the
	// calling goroutine does, once for each chunk of images.
	Observe func(op int, name string, d time.Duration)
}

// minBatch is from how many images on minimal filtering pays.
const minBatch = 8

// direct tells whether a Session keeps to direct sums. That must not depend on
// the number of threads.
func (o Options) direct() bool { return o.Strict || o.Batch > 0 && o.Batch < minBatch }

// OpInfo describes an operator, which performs one or several layers.
type OpInfo struct {
	Name    string // the first layer's name, then the kinds of those fused into it
	MACs    int64  // multiply-adds of one image that touch a pixel
	Nominal int64  // and as usually quoted, padding included
}

// Session runs a Model for inference. It belongs to one goroutine at a time;
// any number of Sessions share a Model and its packed weights.
type Session struct {
	m       *Model
	o       Options
	pool    *pool.Pool
	threads int
	chunk   int // images at a time
	need    needs
	in, out conv.Layout
	first   buffer // the input
	ops     []step
	workers []worker
	arenas  [][]float32 // a worker's activations

	// The Run in progress.
	ctx     context.Context
	dst, z  []float32
	n       int // images
	op      *step
	share   share
	stopped atomic.Bool

	runImages, runPanels func(worker int)
}

// step is an operator of a Session with its input and output.
type step struct {
	operator
	unit unit
	info OpInfo
	x, y buffer
}

// NewSession plans a Session. The first one folds and packs the model's
// weights, later ones with the same kernels share them. Close ends its threads.
func (m *Model) NewSession(o Options) (*Session, error) {
	return m.newSession(o, mode{})
}

func (m *Model) newSession(o Options, md mode) (*Session, error) {
	if o.Batch < 0 {
		return nil, fmt.Errorf("model: %w: batch of %d", ErrShape, o.Batch)
	}
	s := newPlanned(m, o)
	if err := s.plan(md); err != nil {
		return nil, err
	}
	s.allocate()
	if err := s.pack(); err != nil {
		return nil, err
	}
	s.pool = pool.New(s.threads)
	s.runImages, s.runPanels = s.images, s.panels
	return s, nil
}

// Close ends the Session's threads. A Session that is dropped unclosed is
// closed by the collector.
func (s *Session) Close() { s.pool.Close() }

// needs is what a Session's workers need: how many floats, and scratch for which plans.
type needs struct {
	floats int
	plans  []*conv.Plan
}

// plan makes the operators and finds out what memory they need.
func (s *Session) plan(md mode) error {
	var sizes []int // of the buffers
	for _, u := range s.m.units(md) {
		ms := u.layout(s.chunk)
		op, err := s.m.operator(u, ms, s.o)
		if err != nil {
			return s.m.unitError(u, err)
		}
		if s.ops == nil {
			s.in = ms.in
			sizes = append(sizes, ms.in.Len())
		}
		if c, ok := op.(*contraction); ok {
			s.need.plans = append(s.need.plans, c.plan)
		}
		s.out = ms.out
		at := step{operator: op, unit: u, info: s.m.opInfo(u)}
		at.x.n = len(sizes) - 1 // for now the index of the buffer
		if !inPlace(op) {
			sizes = append(sizes, ms.out.Len())
		}
		at.y.n = len(sizes) - 1
		s.ops = append(s.ops, at)
	}
	var places []buffer
	places, s.need.floats = chain(sizes)
	s.first = places[0]
	for i := range s.ops {
		at := &s.ops[i]
		at.x, at.y = places[at.x.n], places[at.y.n]
	}
	return nil
}

// allocate makes arenas and workers.
func (s *Session) allocate() {
	threads, length := s.threads, s.need.floats
	buf := arena.Floats(threads * length)
	for i := range threads {
		s.workers = append(s.workers, worker{id: i, of: threads, k: s.o.Kernels, conv: conv.NewForwardWorkspace(s.need.plans...)})
		s.arenas = append(s.arenas, buf[i*length:][:length:length])
	}
}

// inPlace tells whether an operator's output may be its input's buffer.
func inPlace(op operator) bool {
	switch op.(type) {
	case *contraction, *move:
		return false
	}
	return true
}

// operator plans one unit for inference.
func (m *Model) operator(u unit, ms maps, opt Options) (operator, error) {
	n := &m.nodes[u.first]
	switch l := m.layer(u).(type) {
	case nil:
		return &move{ms}, nil
	case linear:
		plan := planner(conv.NewWinogradPlan)
		if opt.direct() {
			plan = conv.NewPlan
		}
		return newContraction(l, u, ms, opt.Kernels, plan)
	case BatchNorm:
		return newAffine(l, n.params, ms, u.slope), nil
	case Tanh:
		return &tanh{ms}, nil
	case Sigmoid:
		return &sigmoid{ms}, nil
	}
	return newLeaky(ms, u.slope), nil
}

func (m *Model) unitError(u unit, err error) error {
	return fmt.Errorf("model: layer %d (%s): %w", u.first, m.nodes[u.first].layer.Kind(), err)
}

func (m *Model) opInfo(u unit) OpInfo {
	info := OpInfo{Name: m.unitName(u)}
	if !u.moves {
		info.MACs, info.Nominal = m.nodes[u.first].macs()
	}
	return info
}

// Ops describes the operators in the order in which they run.
func (s *Session) Ops() []OpInfo {
	list := make([]OpInfo, len(s.ops))
	for i := range s.ops {
		list[i] = s.ops[i].info
	}
	return list
}

// Run computes the images of all latents in z: z is (n, latent), dst (n, H, W, C),
// both in row-major order, n at least 1. An image does not depend on the others,
// on n or on the number of threads, and with the option Strict neither on the
// Session's batch. Run allocates nothing.
func (s *Session) Run(dst, z []float32) error {
	return s.RunContext(context.Background(), dst, z)
}

// RunContext is Run, but returns the context's error soon after it is done:
// it looks between the layers. dst is then incomplete.
func (s *Session) RunContext(ctx context.Context, dst, z []float32) error {
	in, out := s.m.input.Len(), s.m.Output().Len()
	n := len(z) / in
	switch {
	case len(z) == 0:
		return fmt.Errorf("model: Run: %w: no images", ErrShape)
	case len(z)%in != 0:
		return fmt.Errorf("model: Run: %w: input of %d values, want a multiple of %d", ErrShape, len(z), in)
	case len(dst) != n*out:
		return fmt.Errorf("model: Run: %w: output of %d values, want %d for %d images of %v", ErrShape, len(dst), n*out, n, s.m.Output())
	}
	s.ctx, s.dst, s.z, s.n = ctx, dst, z, n
	s.stopped.Store(false)
	if n >= len(s.workers) {
		s.pool.Run(s.runImages)
	} else {
		s.few()
	}
	s.ctx, s.dst, s.z = nil, nil, nil
	if s.stopped.Load() {
		return fmt.Errorf("model: Run: %w", context.Cause(ctx))
	}
	return nil
}

// images takes a worker's share of the images through all operators, a chunk at a time.
func (s *Session) images(id int) {
	w, arena := &s.workers[id], s.arenas[id]
	lo, hi := pool.Split(s.n, w.of, id)
	for ; lo < hi; lo += s.chunk {
		n := min(s.chunk, hi-lo)
		s.load(arena, lo, n)
		for i := range s.ops {
			if s.cancelled() {
				return
			}
			start := s.start(id)
			op := &s.ops[i]
			op.Forward(w, op.y.of(arena), op.x.of(arena), share{n1: n, parts: 1})
			s.observe(i, start)
		}
		s.store(arena, lo, n)
	}
}

// few takes fewer images than threads through the operators, each of which is
// split between the threads.
func (s *Session) few() {
	for lo := 0; lo < s.n; lo += s.chunk {
		n := min(s.chunk, s.n-lo)
		s.load(s.arenas[0], lo, n)
		s.share = share{n1: n, parts: len(s.workers)}
		for i := range s.ops {
			if s.cancelled() {
				return
			}
			start := s.start(0)
			s.op = &s.ops[i]
			s.pool.Run(s.runPanels)
			s.observe(i, start)
		}
		s.store(s.arenas[0], lo, n)
	}
}

// panels computes a worker's part of one operator.
func (s *Session) panels(id int) {
	part, arena := s.share, s.arenas[0]
	part.part = id
	s.op.Forward(&s.workers[id], s.op.y.of(arena), s.op.x.of(arena), part)
}

func (s *Session) cancelled() bool {
	if s.ctx.Err() == nil {
		return false
	}
	s.stopped.Store(true)
	return true
}

// load copies images [lo, lo+n) of the input into an arena.
func (s *Session) load(arena []float32, lo, n int) {
	m := s.in
	m.N = n
	m.Import(s.first.of(arena), s.z[lo*s.m.input.Len():])
}

// store copies an arena's output to images [lo, lo+n).
func (s *Session) store(arena []float32, lo, n int) {
	m := s.out
	m.N = n
	m.Export(s.dst[lo*s.m.Output().Len():], s.ops[len(s.ops)-1].y.of(arena))
}

// start and observe measure an operator for Options.Observe, on the calling goroutine only.
func (s *Session) start(worker int) time.Time {
	if s.o.Observe == nil || worker != 0 {
		return time.Time{}
	}
	return time.Now()
}

func (s *Session) observe(op int, start time.Time) {
	if !start.IsZero() {
		s.o.Observe(op, s.ops[op].info.Name, time.Since(start))
	}
}
