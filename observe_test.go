package gantiny_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gantiny/gantiny"
)

type key struct{}

// recorder keeps what it is told, and marks the contexts of Draws.
type recorder struct {
	mu    sync.Mutex
	begun int
	ended []gantiny.Drawn
	marks []any
}

func (r *recorder) BeginDraw(ctx context.Context, q gantiny.Request) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	return context.WithValue(ctx, key{}, q.Seed)
}

func (r *recorder) EndDraw(ctx context.Context, d gantiny.Drawn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, d)
	r.marks = append(r.marks, ctx.Value(key{}))
}

func TestObserver(t *testing.T) {
	r := &recorder{}
	g, err := gantiny.Read(both(t), gantiny.Observe(r), gantiny.Sessions(2))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	draw(t, g, gantiny.Request{N: 40, Seed: 5})
	if r.begun != 1 || len(r.ended) != 1 || r.marks[0] != uint64(5) {
		t.Fatalf("begun %d, %+v, %v", r.begun, r.ended, r.marks)
	}
	if d := r.ended[0]; d.Images != 40 || d.Sessions != 2 || d.Waited < 0 || d.Took <= 0 || d.Waited > d.Took || d.Err != nil {
		t.Errorf("%+v", d)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("enough"))
	for i, c := range []struct {
		ctx context.Context
		n   int
	}{{t.Context(), -1}, {ctx, 1}} {
		_, err := g.Draw(c.ctx, gantiny.Request{N: c.n})
		if d := r.ended[1+i]; err == nil || d.Err != err || d.Images != 0 {
			t.Errorf("%v, %+v", err, d)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = g.Draw(t.Context(), gantiny.Request{N: 3}) })
	}
	all.Wait()
	if r.begun != 11 || len(r.ended) != 11 {
		t.Errorf("%d begun, %d ended", r.begun, len(r.ended))
	}
}

type idle struct{}

func (idle) BeginDraw(ctx context.Context, _ gantiny.Request) context.Context { return ctx }
func (idle) EndDraw(context.Context, gantiny.Drawn)                           {}

// TestNoObserver: one that is not there allocates nothing; what Draw allocates without one is the
// pixels, an image, their list, a worker's buffers and counters.
func TestNoObserver(t *testing.T) {
	allocations := func(options ...gantiny.Option) float64 {
		g, err := gantiny.Read(both(t), append(options, gantiny.Sessions(1))...)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		return testing.AllocsPerRun(20, func() { draw(t, g, gantiny.Request{}) })
	}
	const before = 16 // without observers in the package
	if n := allocations(); n > before {
		t.Errorf("%v allocations without an observer, want %d at most", n, before)
	}
	if n := allocations(gantiny.Observe(nil)); n > before {
		t.Errorf("%v allocations with none, want %d at most", n, before)
	}
}

// BenchmarkObserver is one image of the smallest model: nothing else takes as little time.
func BenchmarkObserver(b *testing.B) {
	for name, o := range map[string]gantiny.Observer{"none": nil, "idle": idle{}} {
		b.Run(name, func(b *testing.B) {
			g, err := gantiny.Read(both(b), gantiny.Observe(o))
			if err != nil {
				b.Fatal(err)
			}
			defer g.Close()
			b.ReportAllocs()
			for b.Loop() {
				draw(b, g, gantiny.Request{})
			}
		})
	}
}
