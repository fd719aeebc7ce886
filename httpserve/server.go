package httpserve

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gantiny/gantiny"
)

// ErrModels is wrapped by errors about the models that a Server is given.
var ErrModels = errors.New("models cannot be served")

// Options says how a Server works. Each zero value means the default.
type Options struct {
	Log *slog.Logger // a line a request, and events; nil means no log

	MaxImages int           // of one request; 256
	MaxBody   int64         // bytes of one request's body; 8 MiB
	Timeout   time.Duration // of one request, until its pictures are drawn; 30 s

	// Queue is how many images may wait or be drawn at a time; 1024. Requests beyond it are
	// answered with status 503 and Retry-After.
	Queue int
	// Memory is how many bytes the latents, pictures and answers of all requests at work may take
	// together; 256 MiB. Bodies that are still arriving may take a quarter of it besides. Requests
	// beyond it are answered as those beyond Queue.
	Memory int64

	// Wait is how long images wait for others, to be drawn as one batch, while other requests are
	// at work. A request that is alone never waits. Below 0 none does; 0 means 1 ms.
	Wait time.Duration
	// Threads is how many batches are drawn at a time, each on one thread; one for each processor.
	Threads int

	// MaxAge is how long clients and proxies may keep a picture without asking again; 1 minute. A
	// negative one makes them ask each time. Asking costs no drawing.
	MaxAge time.Duration

	NoPage bool // leaves out the explorer page at /
}

func (o Options) withDefaults() Options {
	defaults(&o.MaxImages, 256)
	defaults(&o.MaxBody, 8<<20)
	defaults(&o.Timeout, 30*time.Second)
	defaults(&o.Queue, 1024)
	defaults(&o.Memory, 256<<20)
	defaults(&o.Wait, time.Millisecond)
	defaults(&o.Threads, runtime.GOMAXPROCS(0))
	defaults(&o.MaxAge, time.Minute)
	return o
}

// defaults sets a number that is 0.
func defaults[N int | int64 | time.Duration](p *N, value N) {
	if *p == 0 {
		*p = value
	}
}

// Model is a generator under the name that requests call it by.
type Model struct {
	Name      string
	Generator *gantiny.Generator
}

// Server draws for HTTP requests. It is an http.Handler.
type Server struct {
	o        Options
	models   atomic.Pointer[catalog]
	draining atomic.Bool
	entrance *entrance
	bodies   *entrance // that bodies are read within, which clients may send slowly
	batcher  *batcher
	metrics  *metrics
	handler  http.Handler
}

// New returns a Server of models, the first of which is drawn from where a request names none. The
// caller closes the Server, and the generators when it is closed.
func New(models []Model, o Options) (*Server, error) {
	if o.MaxImages < 0 || o.MaxBody < 0 || o.Timeout < 0 || o.Queue < 0 || o.Memory < 0 || o.Threads < 0 {
		return nil, errors.New("httpserve: a limit below 0")
	}
	o = o.withDefaults()
	if o.MaxImages > o.Queue {
		return nil, fmt.Errorf("httpserve: a queue of %d images is smaller than a request of %d", o.Queue, o.MaxImages)
	}
	s := &Server{o: o, entrance: newEntrance(o.Queue, o.Memory), bodies: newEntrance(0, o.Memory/4), metrics: newMetrics()}
	if err := s.SetModels(models); err != nil {
		return nil, err
	}
	s.batcher = newBatcher(o.Threads, o.Wait, s.entrance, s.metrics)
	s.handler = s.logged(s.routes())
	return s, nil
}

// SetModels replaces all models at once. Requests at work finish on those that they began with. On
// an error, which wraps ErrModels, the Server keeps what it has. Generators that are replaced may
// be closed at once.
func (s *Server) SetModels(models []Model) error {
	next, err := newCatalog(models)
	if err != nil {
		return fmt.Errorf("httpserve: %w: %w", ErrModels, err)
	}
	if old := s.models.Swap(next); old != nil {
		s.metrics.reloads.add("", 1)
		old.retire()
	}
	return nil
}

// Drain makes /readyz say that no more requests should come, and asks clients to close their
// connections. Requests are still answered. Shutdown does so too.
func (s *Server) Drain() { s.draining.Store(true) }

// Stuck tells whether an image has waited for longer than a request may take: something is wrong
// then, and a restart is the remedy.
func (s *Server) Stuck() bool { return s.batcher.waited() > s.o.Timeout+10*time.Second }

// Close ends the Server's threads when they have drawn what waits. No request may come afterwards.
func (s *Server) Close() error {
	s.batcher.close()
	if old := s.models.Swap(nil); old != nil {
		old.retire()
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
