package model

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

// TestMaxBytes: what a session or pass needs is compared with the limit before it is allocated.
func TestMaxBytes(t *testing.T) {
	m := Generator(Config{Latent: 20, Size: 16, Width: 24})
	all, err := m.Memory(Options{Batch: 4, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit int64
		ok    bool
	}{{0, true}, {-1, true}, {all.needed(), true}, {all.needed() - 1, false}, {1, false}} {
		s, err := m.NewSession(Options{Batch: 4, Threads: 2, MaxBytes: c.limit})
		if err == nil {
			s.Close()
		}
		if c.ok && err != nil || !c.ok && !errors.Is(err, ErrMemory) {
			t.Errorf("%d of %d bytes: %v", c.limit, all.needed(), err)
		}
	}
	if _, err := m.NewPass(PassOptions{Batch: 16, Threads: 1, MaxBytes: 1 << 16}); !errors.Is(err, ErrMemory) || !strings.HasSuffix(err.Error(), "MiB, and may take 1 MiB") {
		t.Errorf("a pass in 64 KiB: %v", err)
	}
	p, err := m.NewPass(PassOptions{Batch: 16, Threads: 1, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if need, have := p.needed(), p.Bytes(); need > have+have/4 || need < have/2 {
		t.Errorf("a pass of %d bytes is priced at %d", have, need)
	}
}

// enormous are models of a few numbers that no machine can run.
func enormous(t *testing.T) map[string]*Model {
	t.Helper()
	models := map[string]*Model{}
	for name, layers := range map[string][]Op{
		"values": {Tanh{}, Reshape{1 << 14, 1 << 14, 1}},
		"pool":   {Reshape{1 << 14, 1 << 14, 1}, MaxPool{Kernel: [2]int{5000, 5000}, Stride: [2]int{1, 1}}, Tanh{}},
		"moves":  {Reshape{1 << 14, 1 << 14, 1}, Transpose{Perm: [3]int{1, 0, 2}}, Tanh{}},
	} {
		m, err := New(name, Flat(1<<28), layers...)
		if err != nil {
			t.Fatal(err)
		}
		models[name] = m
	}
	return models
}

// TestEnormous: their price is known, and comes as an error, without any of it.
func TestEnormous(t *testing.T) {
	for name, m := range enormous(t) {
		used := allocated(func() {
			p, err := m.Memory(Options{Batch: 16, Threads: 1})
			if err != nil || p.needed() < 1<<34 {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
			const limit = 1 << 32
			if _, err := m.NewSession(Options{Batch: 16, Threads: 1, MaxBytes: limit}); !errors.Is(err, ErrMemory) {
				t.Errorf("%s: NewSession: %v", name, err)
			}
			if _, err := m.NewPass(PassOptions{Batch: 16, Threads: 1, MaxBytes: limit}); !errors.Is(err, ErrMemory) {
				t.Errorf("%s: NewPass: %v", name, err)
			}
			if math.MaxInt == math.MaxInt32 { // an int cannot count it
				if _, err := m.NewSession(Options{Batch: 16, Threads: 1, MaxBytes: -1}); !errors.Is(err, ErrMemory) {
					t.Errorf("%s: NewSession without a limit: %v", name, err)
				}
			}
		})
		if used > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, used)
		}
	}
}

// panics returns what f panics with.
func panics(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// TestOptionsErrors: numbers that cannot be meant are errors.
func TestOptionsErrors(t *testing.T) {
	m := Generator(Config{Latent: 20, Size: 8, Width: 4})
	for _, o := range []Options{{Threads: -1}, {Threads: maxThreads + 1}, {Threads: math.MaxInt}, {Batch: -1}, {Batch: math.MaxInt}, {Batch: math.MinInt}} {
		if _, err := m.NewSession(o); !errors.Is(err, ErrShape) {
			t.Errorf("NewSession of %+v: %v", o, err)
		}
		if _, err := m.Memory(o); !errors.Is(err, ErrShape) {
			t.Errorf("Memory of %+v: %v", o, err)
		}
		p := PassOptions{Batch: o.Batch, Threads: o.Threads}
		if p.Batch == 0 {
			p.Batch = 1
		}
		if _, err := m.NewPass(p); !errors.Is(err, ErrShape) {
			t.Errorf("NewPass of %+v: %v", o, err)
		}
	}
	for _, threads := range []int{-1, maxThreads + 1} {
		if panics(func() { NewTeam(threads) }) == nil {
			t.Errorf("NewTeam(%d) did not panic", threads)
		}
	}
}

// TestMisuse: what only a mistake in a program does ends in a panic with one line.
func TestMisuse(t *testing.T) {
	m := Generator(Config{Latent: 20, Size: 8, Width: 4})
	z, x := make([]float32, m.Input().Len()), make([]float32, m.Output().Len())
	var s *Session
	s, err := m.NewSession(Options{Batch: 1, Threads: 1, Observe: nil})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := m.NewPass(PassOptions{Batch: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var none context.Context
	for name, f := range map[string]func(){
		"RunContext with nil": func() { _ = s.RunContext(none, x, z) },
		"Quantize with nil":   func() { _, _, _ = m.Quantize(none, quant.Options{}) },
		"two Runs":            func() { s.busy.Store(true); defer s.busy.Store(false); _ = s.Run(x, z) },
		"two Forwards":        func() { p.busy.Store(true); defer p.busy.Store(false); p.Forward(1) },
		"two Backwards":       func() { p.busy.Store(true); defer p.busy.Store(false); p.Backward(x, nil, 0) },
	} {
		text, _ := panics(f).(string)
		if !strings.HasPrefix(text, "model: ") || strings.Contains(text, "\n") {
			t.Errorf("%s: panic %q", name, text)
		}
	}
	// They are as good as before.
	if err := s.Run(x, z); err != nil {
		t.Error(err)
	}
	p.Forward(1)
}
