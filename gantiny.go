package gantiny

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/gantiny/gantiny/model"
)

// GeneratorFile is the name that a training run's directory has for its generator.
const GeneratorFile = "generator.safetensors"

// Errors of this package, for errors.Is. Those of a model's file are package model's.
var (
	ErrClosed  = errors.New("generator is closed")
	ErrRequest = errors.New("bad request")
	ErrModel   = errors.New("not a generator") // a model that does not make images of latents
)

// Generator draws images. It is safe for concurrent use by any number of goroutines.
type Generator struct {
	m       *model.Model
	latent  int // index among the model's inputs
	class   int // alike, -1 for none
	options model.Options
	permits chan struct{} // one for each session that may be at work

	observer Observer // nil for none

	mu     sync.Mutex
	free   []*model.Session
	closed bool
}

// Option changes how a Generator works.
type Option func(*config)

type config struct {
	float    bool
	sessions int
	observer Observer
	options  model.Options
}

// Float takes the model in float32 where the file holds it in 8-bit integers too.
func Float() Option { return func(c *config) { c.float = true } }

// Sessions limits how many sessions, each on one thread and with activations of its own, work at
// the same time; without it, or with 0, as many as Go may use processors. A Draw of many images
// takes as many as are free, and waits if none is.
func Sessions(n int) Option { return func(c *config) { c.sessions = n } }

// Open reads a model from a .safetensors file, or from the directory of a training run. Of a file
// that holds a model in float32 and in 8-bit integers it takes the latter. Where the system can,
// weights stay in the file until they are packed. Errors wrap those of package model or ErrModel.
func Open(name string, options ...Option) (*Generator, error) {
	m, err := OpenModel(name, options...)
	if err != nil {
		return nil, err
	}
	return newGenerator(m, nil, "", options)
}

// OpenModel opens any model, such as a discriminator, and returns it without a Generator.
func OpenModel(name string, options ...Option) (*model.Model, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, GeneratorFile)
	}
	f := formatOf(name)
	if f == nil {
		m, err := model.LoadForm(name, settings(options).float)
		if err != nil {
			return nil, fmt.Errorf("gantiny: %w", err)
		}
		return m, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("gantiny: %w", err)
	}
	m, err := f.read(b)
	if err != nil {
		return nil, fmt.Errorf("gantiny: %s: %w", name, err)
	}
	return m, nil
}

// OpenFS is Open in a file system, such as one of go:embed.
func OpenFS(fsys fs.FS, name string, options ...Option) (*Generator, error) {
	if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
		name = path.Join(name, GeneratorFile)
	}
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("gantiny: %w", err)
	}
	m, err := decode(b, name, settings(options))
	return newGenerator(m, err, name, options)
}

// Read is Open of a file in memory, to which nothing may write from then on. Weights are read where
// they are: of bytes that a go:embed directive made, in the program's own file.
func Read(b []byte, options ...Option) (*Generator, error) {
	m, err := decode(b, "", settings(options))
	return newGenerator(m, err, "", options)
}

// Must returns g, and panics if err is not nil. It is meant for variables of programs that embed a
// model:
//
//	var generator = gantiny.Must(gantiny.Read(model))
func Must(g *Generator, err error) *Generator {
	if err != nil {
		panic(err.Error())
	}
	return g
}

// New returns a Generator for a model that the program already has.
func New(m *model.Model, options ...Option) (*Generator, error) {
	return newGenerator(m, nil, "", options)
}

func settings(options []Option) (c config) {
	for _, o := range options {
		o(&c)
	}
	return c
}

// newGenerator checks that m draws images of latents and, perhaps, classes.
func newGenerator(m *model.Model, err error, name string, options []Option) (*Generator, error) {
	if err != nil {
		if name != "" {
			return nil, fmt.Errorf("gantiny: %s: %w", name, err)
		}
		return nil, fmt.Errorf("gantiny: %w", err)
	}
	c := settings(options)
	if c.sessions <= 0 {
		c.sessions = runtime.GOMAXPROCS(0)
	}
	g := &Generator{m: m, options: c.options, observer: c.observer, permits: make(chan struct{}, c.sessions)}
	g.options.Threads, g.options.Winograd = 1, true
	if g.latent, g.class, err = m.GeneratorInputs(); err != nil {
		return nil, fmt.Errorf("gantiny: %w: %w", ErrModel, err)
	}
	if out := m.Output(); out.IsFlat() || out.C > 4 {
		return nil, fmt.Errorf("gantiny: %w: it makes %v of %v", ErrModel, out, m.Input())
	}
	return g, nil
}

// Model returns the model, for everything that this package does not do.
func (g *Generator) Model() *model.Model { return g.m }

// Latent returns the number of values in the latent of one image.
func (g *Generator) Latent() int { return g.m.Inputs()[g.latent].Shape.Len() }

// Classes returns the number of classes, 0 for a model without classes.
func (g *Generator) Classes() int {
	if g.class < 0 {
		return 0
	}
	return g.m.Inputs()[g.class].Type.Classes
}

// Close ends the Generator. A Draw that waits or comes later returns ErrClosed; those at work
// finish. Close always returns nil; it has an error to be an io.Closer.
func (g *Generator) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, s := range g.free {
		s.Close()
	}
	g.free = nil
	return nil
}

// session takes a free session, or makes one. The caller has a permit.
func (g *Generator) session() (*model.Session, error) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(g.free); n > 0 {
		s := g.free[n-1]
		g.free = g.free[:n-1]
		g.mu.Unlock()
		return s, nil
	}
	g.mu.Unlock()
	return g.m.NewSession(g.options)
}

// put gives a session back.
func (g *Generator) put(s *model.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		s.Close()
		return
	}
	g.free = append(g.free, s)
}
