package model

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gantiny/gantiny/internal/engine"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// maxChunk is how many images a thread takes through all operators at a time: as
// many as fill the kernels' tiles while the reference network's activations,
// up to 75 KB an image for two neighboring layers, stay in a second-level cache.
const maxChunk = 16

// Options configures a Session.
type Options struct {
	Batch   int           // images of a typical Run, 0 for many; any other number works too
	Threads int           // 0 for one per processor that Go may use
	Kernels *simd.Kernels // nil for simd.Best()

	// MaxBytes is how much memory NewSession may take, see Memory, without the parameters, which
	// are there already. 0 is three quarters of what the machine, or the container that the program
	// runs in, has left; below 0 there is no limit. What needs more is an error that wraps
	// ErrMemory, before it is allocated.
	MaxBytes int64

	// Strict keeps to direct sums, so that an image has the same bits whatever Batch is. Otherwise
	// a float32 Session for 8 images or more convolves by Winograd's algorithm where that is
	// faster, see conv.NewWinogradPlan: its images differ from a strict Session's by rounding, at
	// most 1e-4 of the largest value. A Session of a Model that is Direct is strict. An int8 image
	// has the same bytes in any case.
	Strict bool

	// Winograd convolves by Winograd's algorithm where that is faster for many images, whatever
	// Batch is: an image then has the same bits in every Session with this option.
	Winograd bool

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

// minBatch is from how many images on Winograd's algorithm pays.
const minBatch = 8

// direct tells whether a Session keeps to direct sums. That must not depend on
// the number of threads.
func (o Options) direct() bool {
	return o.Strict || !o.Winograd && o.Batch > 0 && o.Batch < minBatch
}

// OpInfo describes an operator of a program, which performs one or several nodes.
type OpInfo struct {
	Name    string // the first node's name, then the kinds of those fused into it
	MACs    int64  // multiply-adds of one image that touch a pixel
	Nominal int64  // and as usually quoted, padding included
	By      string // of a linear operator in a Session: how it is computed, see conv.Plan.Lowering; else ""
}

func (n *Node) info() OpInfo {
	info := OpInfo{Name: n.title()}
	info.MACs, info.Nominal = n.macs()
	return info
}

// Session runs a Model for inference. Only one goroutine may use it at a time. Any number of
// Sessions share a Model and its packed weights.
type Session struct {
	m       *Model
	o       Options
	threads int
	chunk   int // images that go through at a time
	program *program
	pool    *pool.Pool
	runner  *engine.Runner
	workers []Worker
	memory  []memory

	each     []engine.Stage // takes a worker's images through all steps, in its own memory
	together []engine.Stage // all workers share each step, in the first one's memory

	busy atomic.Bool
	one  [2]Data // room for the Feed of a Run of one input and one output
	feed Feed    // of the Run in progress
	n    int     // its images
	lo   int     // the first image of the chunk that goes through together
}

// Feed holds the inputs and outputs of one Run: a Data for each of the model's inputs and outputs,
// in their order. Each is in row-major order of (n, ...) for n images.
type Feed struct {
	In  []Data
	Out []Data
}

// Data is an array of a Feed. One field is set; for an output, Floats and Pixels may both be.
type Data struct {
	Floats  []float32 // of a float32 value; of a Pixel output: (p-127.5) / 127.5
	Classes []int32   // of a Class input: one index an image
	Pixels  []uint8   // of a Pixel output; of a float32 one in [-1, 1]: see quant.Pixels
}

// NewSession plans a Session. The first one folds and packs the model's weights; later ones with
// the same kernels share them. Close ends its threads.
func (m *Model) NewSession(o Options) (*Session, error) {
	return m.newSession(o, mode{})
}

func (m *Model) newSession(o Options, md mode) (*Session, error) {
	s, g, price, err := m.prepare(o, md)
	if err != nil {
		return nil, err
	}
	if err := allow("a session", price.needed(), o.MaxBytes); err != nil {
		return nil, err
	}
	if err := s.plan(g); err != nil {
		return nil, err
	}
	if err := allow("a session", s.footprint().needed(), o.MaxBytes); err != nil {
		return nil, err
	}
	s.workers = s.program.newWorkers(s.threads, s.o.Kernels)
	if err := s.program.load(m, &s.workers[0]); err != nil {
		return nil, err
	}
	s.memory = s.program.newMemory(s.threads)
	s.pool = pool.New(s.threads)
	s.schedule()
	return s, nil
}

// prepare returns a Session without a plan, the graph that it is to run, and what that costs.
func (m *Model) prepare(o Options, md mode) (*Session, *Graph, Memory, error) {
	if err := checkOptions(o.Batch, o.Threads, 0); err != nil {
		return nil, nil, Memory{}, err
	}
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	o.Strict = o.Strict || m.Direct && !o.Winograd
	s := &Session{m: m, o: o, threads: o.threads(), chunk: maxChunk}
	if o.Batch > 0 {
		s.chunk = min(maxChunk, (o.Batch+s.threads-1)/s.threads)
	}
	md.rowwise = s.chunk == 1 || o.direct()
	g := m.graph.rewritten(md)
	return s, g, m.price(g, s.chunk, s.threads, o), nil
}

// plan lowers the graph; weights, memory and threads are still to come.
func (s *Session) plan(g *Graph) (err error) {
	fault := s.m.file.Guard(func() { s.program, err = newProgram(g, s.chunk, s.o) })
	return errors.Join(fault, err)
}

// Close ends the Session's threads. A Session that becomes unreachable without Close is closed by
// the garbage collector.
func (s *Session) Close() { s.pool.Close() }

// schedule lists the stages of a Run.
func (s *Session) schedule() {
	p := s.program
	one := engine.Stage{Block: p.chunk, Grain: 1}
	one.Tasks = append(one.Tasks, engine.Task{Op: -1, Run: func(id int, sh engine.Share) { s.load(&s.memory[id], sh.N0, sh.N1-sh.N0) }})
	var all engine.List
	for i := range p.steps {
		name := p.steps[i].node.title()
		one.Tasks = append(one.Tasks, engine.Task{Op: i, Name: name, Run: func(id int, sh engine.Share) {
			p.run(i, &s.workers[id], &s.memory[id], Share{N1: sh.N1 - sh.N0, Count: 1})
		}})
		all.Once(engine.Task{Op: i, Name: name, Run: func(id int, sh engine.Share) {
			p.run(i, &s.workers[id], &s.memory[0], Share{N1: min(p.chunk, s.n-s.lo), Index: sh.Index, Count: sh.Count})
		}})
	}
	one.Tasks = append(one.Tasks, engine.Task{Op: -1, Run: func(id int, sh engine.Share) { s.store(id, sh.N0, sh.N1-sh.N0) }})
	s.each, s.together = []engine.Stage{one}, all.Stages
	s.runner = engine.NewRunner(s.pool, s.o.Observe)
}

// Ops describes the operators in the order in which they run.
func (s *Session) Ops() []OpInfo {
	list := make([]OpInfo, len(s.program.steps))
	for i, st := range s.program.steps {
		list[i] = st.node.info()
		if k, ok := st.Kernel.(interface{ lowering() string }); ok {
			list[i].By = k.lowering()
		}
	}
	return list
}

// Run computes the images of all latents in z, for a model with one input. z is (n, latent) and
// dst (n, H, W, C), both in row-major order, n at least 1. An image does not depend on the others,
// on n or on the number of threads; with the option Strict it does not depend on the Session's
// batch either. Run allocates nothing, but for small lists of an int8 model that the first run of
// some number of images makes.
func (s *Session) Run(dst, z []float32) error {
	return s.RunContext(context.Background(), dst, z)
}

// RunContext is Run with a context. It checks the context between operators and returns the
// context's error soon after it is done; dst is then incomplete.
func (s *Session) RunContext(ctx context.Context, dst, z []float32) error {
	return s.runOne(ctx, Data{Floats: z}, Data{Floats: dst})
}

// Pixels is Run, but writes pixels from 0 to 255 instead of values in [-1, 1].
func (s *Session) Pixels(dst []uint8, z []float32) error {
	return s.PixelsContext(context.Background(), dst, z)
}

// PixelsContext is Pixels with a context, see RunContext.
func (s *Session) PixelsContext(ctx context.Context, dst []uint8, z []float32) error {
	return s.runOne(ctx, Data{Floats: z}, Data{Pixels: dst})
}

// RunFeed is RunContext for a model with any inputs and outputs. An output whose Data is empty is
// not stored. Two Runs of one Session at the same time are a programming error, and RunFeed panics.
func (s *Session) RunFeed(ctx context.Context, f Feed) error {
	s.begin(ctx)
	defer s.end()
	return s.run(ctx, f)
}

// runOne is RunFeed of one input and one output, without allocating.
func (s *Session) runOne(ctx context.Context, in, out Data) error {
	s.begin(ctx)
	defer s.end()
	s.one = [2]Data{in, out}
	return s.run(ctx, Feed{In: s.one[:1], Out: s.one[1:]})
}

func (s *Session) begin(ctx context.Context) {
	if ctx == nil {
		panic("model: Run with a nil context")
	}
	if !s.busy.CompareAndSwap(false, true) {
		panic("model: Run inside Run of one Session")
	}
}

func (s *Session) end() {
	s.feed, s.one = Feed{}, [2]Data{}
	s.busy.Store(false)
}

func (s *Session) run(ctx context.Context, f Feed) error {
	n, err := s.check(f)
	if err != nil {
		return fmt.Errorf("model: Run: %w", err)
	}
	s.feed, s.n = f, n
	if n >= len(s.workers) {
		s.each[0].Items = n
		err = s.runner.Run(ctx, s.each)
	} else {
		for s.lo = 0; s.lo < n && err == nil; s.lo += s.program.chunk {
			images := min(s.program.chunk, n-s.lo)
			s.load(&s.memory[0], s.lo, images)
			if err = s.runner.Run(ctx, s.together); err == nil {
				s.store(0, s.lo, images)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("model: Run: %w", err)
	}
	return nil
}
