package httpserve

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/model/pretrained/float"
)

// BenchmarkTogether has 16 clients a processor ask for one picture each again and again: drawn one
// by one, as many together as have come, and with a wait for others. cpu-us/image is what a machine
// that has other work as well can be compared by.
func BenchmarkTogether(b *testing.B) {
	for name, open := range map[string]func() (*model.Model, error){"float32": float.Generator, "int8": pretrained.Model} {
		m, err := open()
		if err != nil {
			b.Fatal(err)
		}
		g, err := gantiny.New(m)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/one-by-one", func(b *testing.B) { together(b, g, 1, -1) })
		for _, wait := range []time.Duration{-1, 200 * time.Microsecond, time.Millisecond, 4 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s/wait=%v", name, max(0, wait)), func(b *testing.B) { together(b, g, batchImages, wait) })
		}
	}
}

func together(b *testing.B, g *gantiny.Generator, most int, wait time.Duration) {
	s := newServer(b, Options{Wait: wait}, Model{"m", g})
	s.batcher.mu.Lock()
	s.batcher.most = most
	s.batcher.mu.Unlock()
	served := s.models.Load().find("m")
	defer served.leave()
	b.SetParallelism(16)
	cpu := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		for seed := uint64(0); pb.Next(); seed++ {
			o := &order{s: served, n: 1, seed: seed, class: -1, truncation: 1}
			if !s.entrance.enter(1, 1) {
				b.Error("refused")
			}
			if _, err := s.draw(context.Background(), o, "png"); err != nil {
				b.Error(err)
			}
			s.entrance.leave(1)
		}
	})
	cpu = cpuTime(b) - cpu
	drawn := float64(s.entrance.drawn.Load())
	b.ReportMetric(float64(cpu.Microseconds())/drawn, "cpu-us/image")
	b.ReportMetric(drawn/float64(s.metrics.batches.total()), "images/batch")
}

// cpuTime is what this process has computed so far.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
