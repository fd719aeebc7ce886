package quantized

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// maxChunk is how many images a thread takes through all operators at a time: the activations of two neighbouring ones, 25 KB an
// image in the reference network, stay in a second-level cache.
const maxChunk = 16

// Session runs a Model. It belongs to one goroutine at a time; any number of Sessions share a Model and its packed weights.
type Session struct {
	m       *Model
	o       model.Options
	pool    *pool.Pool
	threads int
	chunk   int // images at a time
	need    needs
	ops     []step
	workers []worker
	table   []uint8

	// The Run in progress.
	ctx     context.Context
	dst     []uint8   // pixels, or
	floats  []float32 // what they stand for
	z       []float32
	n       int // images
	op      int
	share   conv.Share // of the chunk in progress
	stopped atomic.Bool

	runImages, runPanels func(worker int)
}

// step is an operator as a Session runs it.
type step struct {
	info    model.OpInfo
	plan    *conv.QPlan
	weights *conv.QWeights
}

// worker is one thread's own memory.
type worker struct {
	conv   *conv.QWorkspace
	arena  [2][]int8 // operators read one and write the other by turns
	pixels []uint8   // of a chunk
}

// packs are the weights as the plans of a kernel row want them, which all Sessions share.
type packs struct {
	mu   sync.Mutex
	list map[packKey]*conv.QWeights
}

type packKey struct {
	k  *simd.Kernels
	op int
}

// NewSession plans a Session. The first one packs the weights, later ones with the same kernels share them. Close ends its threads.
func (m *Model) NewSession(o model.Options) (*Session, error) {
	if o.Batch < 0 {
		return nil, fmt.Errorf("quantized: %w: batch of %d", model.ErrShape, o.Batch)
	}
	s := newPlanned(m, o)
	if err := s.plan(); err != nil {
		return nil, err
	}
	for i := range s.ops {
		at := &s.ops[i]
		var err error
		if at.weights, err = m.packed(i, at.plan, s.o.Kernels); err != nil {
			return nil, fmt.Errorf("quantized: operator %d (%s): %w", i, m.ops[i].Name, err)
		}
	}
	s.allocate()
	s.pool, s.table = pool.New(s.threads), quant.TanhTable()
	s.runImages, s.runPanels = s.images, s.panels
	return s, nil
}

// Close ends the Session's threads. A Session that is dropped unclosed is closed by the collector.
func (s *Session) Close() { s.pool.Close() }

// plan makes plans, and finds out what memory they need.
func (s *Session) plan() error {
	for i := range s.m.ops {
		o := &s.m.ops[i]
		newPlan := conv.NewQPlan
		if i == len(s.m.ops)-1 {
			newPlan = conv.NewQSums
		}
		in, out := conv.NewLayout(o.In.H, o.In.W, o.In.C, s.chunk), conv.NewLayout(o.Out.H, o.Out.W, o.Out.C, s.chunk)
		plan, err := newPlan(o.Geometry, in, out, s.o.Kernels)
		if err != nil {
			return fmt.Errorf("quantized: operator %d (%s): %w", i, o.Name, err)
		}
		at := step{plan: plan, info: model.OpInfo{Name: o.Name}}
		at.info.MACs, at.info.Nominal = o.Geometry.MACs()
		s.ops = append(s.ops, at)
		s.need.plans = append(s.need.plans, plan)
		s.need.arena[i%2] = max(s.need.arena[i%2], in.Len())
	}
	s.need.pixels = s.chunk * s.m.Output().Len()
	return nil
}

// allocate makes the workers.
func (s *Session) allocate() {
	for range s.threads {
		w := worker{conv: conv.NewQWorkspace(s.need.plans...), pixels: make([]uint8, s.need.pixels)}
		for i, n := range s.need.arena {
			w.arena[i] = make([]int8, n)
		}
		s.workers = append(s.workers, w)
	}
}

// packed returns an operator's weights.
func (m *Model) packed(i int, plan *conv.QPlan, k *simd.Kernels) (*conv.QWeights, error) {
	m.packs.mu.Lock()
	defer m.packs.mu.Unlock()
	key := packKey{k, i}
	if w := m.packs.list[key]; w != nil {
		return w, nil
	}
	o := &m.ops[i]
	var w *conv.QWeights
	var err error
	fault := m.file.Guard(func() {
		w, err = plan.Pack(conv.QLayer{
			Weights: o.Weight, Bias: o.Bias, Scale: o.Scale, Slope: o.Slope, InZero: o.Input.Zero, OutZero: o.Output.Zero,
		})
	})
	if err = errors.Join(fault, err); err != nil {
		return nil, err
	}
	if m.file != nil {
		m.file.Drop(m.places[i])
	}
	if m.packs.list == nil {
		m.packs.list = map[packKey]*conv.QWeights{}
	}
	m.packs.list[key] = w
	return w, nil
}

// Ops describes the operators in the order in which they run.
func (s *Session) Ops() []model.OpInfo {
	list := make([]model.OpInfo, len(s.ops))
	for i := range s.ops {
		list[i] = s.ops[i].info
	}
	return list
}

// Pixels draws the images of all latents in z: z is (n, latent), dst (n, H, W, C), both in row-major order, n at least 1. An image
// depends on its latent alone, on every machine. Pixels allocates nothing.
func (s *Session) Pixels(dst []uint8, z []float32) error {
	return s.PixelsContext(context.Background(), dst, z)
}

// PixelsContext is Pixels, but returns the context's error soon after it is done: it looks between the operators. dst is then
// incomplete.
func (s *Session) PixelsContext(ctx context.Context, dst []uint8, z []float32) error {
	return s.run(ctx, dst, nil, len(dst), z)
}

// Run is Pixels with values in [-1, 1] in place of pixels: (pixel-127.5) / 127.5.
func (s *Session) Run(dst, z []float32) error { return s.RunContext(context.Background(), dst, z) }

// RunContext is Run with a context, see PixelsContext.
func (s *Session) RunContext(ctx context.Context, dst, z []float32) error {
	return s.run(ctx, nil, dst, len(dst), z)
}

func (s *Session) run(ctx context.Context, dst []uint8, floats []float32, length int, z []float32) error {
	in, out := s.m.Input().Len(), s.m.Output().Len()
	n := len(z) / in
	switch {
	case len(z) == 0:
		return fmt.Errorf("quantized: Run: %w: no images", model.ErrShape)
	case len(z)%in != 0:
		return fmt.Errorf("quantized: Run: %w: input of %d values, want a multiple of %d", model.ErrShape, len(z), in)
	case length != n*out:
		return fmt.Errorf("quantized: Run: %w: output of %d values, want %d for %d images of %v", model.ErrShape, length, n*out, n, s.m.Output())
	}
	s.ctx, s.dst, s.floats, s.z, s.n = ctx, dst, floats, z, n
	s.stopped.Store(false)
	if n >= len(s.workers) {
		s.pool.Run(s.runImages)
	} else {
		s.few()
	}
	s.ctx, s.dst, s.floats, s.z = nil, nil, nil, nil
	if s.stopped.Load() {
		return fmt.Errorf("quantized: Run: %w", context.Cause(ctx))
	}
	return nil
}

// images takes a worker's share of the images through all operators, a chunk at a time.
func (s *Session) images(id int) {
	w := &s.workers[id]
	lo, hi := pool.Split(s.n, len(s.workers), id)
	for ; lo < hi; lo += s.chunk {
		n := min(s.chunk, hi-lo)
		s.load(w, lo, n)
		for i := range s.ops {
			if s.cancelled() {
				return
			}
			start := s.start(id)
			s.forward(i, w, w, conv.Share{N1: n, P1: s.ops[i].plan.Panels()}, s.pixels(w, lo, n))
			s.observe(i, start)
		}
		s.store(w, lo, n)
	}
}

// few takes fewer images than threads through the operators, each of which is split between the threads.
func (s *Session) few() {
	w := &s.workers[0]
	for lo := 0; lo < s.n; lo += s.chunk {
		n := min(s.chunk, s.n-lo)
		s.load(w, lo, n)
		s.share = conv.Share{N0: lo, N1: lo + n}
		for s.op = range s.ops {
			if s.cancelled() {
				return
			}
			start := s.start(0)
			s.pool.Run(s.runPanels)
			s.observe(s.op, start)
		}
		s.store(w, lo, n)
	}
}

// panels computes a worker's part of one operator.
func (s *Session) panels(id int) {
	lo, n := s.share.N0, s.share.N1-s.share.N0
	part := conv.Share{N1: n}
	part.P0, part.P1 = pool.Split(s.ops[s.op].plan.Panels(), len(s.workers), id)
	s.forward(s.op, &s.workers[id], &s.workers[0], part, s.pixels(&s.workers[0], lo, n))
}

// forward computes part of operator i by w's scratch, in the arena of home.
func (s *Session) forward(i int, w, home *worker, part conv.Share, pixels []uint8) {
	op, x := &s.ops[i], home.arena[i%2]
	if i == len(s.ops)-1 {
		op.plan.Pixels(w.conv, pixels, x, op.weights, s.table, part)
		return
	}
	op.plan.Forward(w.conv, home.arena[1-i%2], x, op.weights, part)
}

// pixels is where images [lo, lo+n) go.
func (s *Session) pixels(w *worker, lo, n int) []uint8 {
	size := s.m.Output().Len()
	if s.dst == nil {
		return w.pixels[:n*size]
	}
	return s.dst[lo*size:][:n*size]
}

// load quantises images [lo, lo+n) of the input into a worker's arena.
func (s *Session) load(w *worker, lo, n int) {
	m, x := s.ops[0].plan.In(), w.arena[0]
	for i := range n {
		for p := range m.Positions() {
			z := s.z[((lo+i)*m.Positions()+p)*m.C:][:m.C]
			quant.Latents(x[p*m.Stride+i*m.C:][:m.C], z, s.m.step)
		}
	}
}

// store turns pixels into floats if those are wanted.
func (s *Session) store(w *worker, lo, n int) {
	if s.dst == nil {
		size := s.m.Output().Len()
		quant.Floats(s.floats[lo*size:][:n*size], w.pixels[:n*size])
	}
}

func (s *Session) cancelled() bool {
	if s.ctx.Err() == nil {
		return false
	}
	s.stopped.Store(true)
	return true
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
