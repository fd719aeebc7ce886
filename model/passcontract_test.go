package model

import (
	"testing"
	"time"

	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/simd"
)

func TestPassAllocatesNothing(t *testing.T) {
	c := Config{Latent: 5, Size: 12, Width: 3}
	for _, m := range []*Model{Generator(c), Discriminator(c)} {
		for _, threads := range []int{1, 2} {
			p, err := m.NewPass(PassOptions{Batch: 4, Threads: threads, InputGrad: true})
			if err != nil {
				t.Fatal(err)
			}
			out, _ := p.Output()
			dy := make([]float32, out.Len())
			step := uint64(0)
			if n := alloctest.PerRun(func() {
				step++
				p.Forward(step)
				p.Backward(dy, nil, 1)
				p.Repack()
			}); n != 0 {
				t.Errorf("%s, %d threads: %d allocations a step", m.Name, threads, n)
			}
			p.Close()
		}
	}
}

func TestPassPanics(t *testing.T) {
	m := Generator(Config{Latent: 3, Size: 4, Width: 1})
	p, err := m.NewPass(PassOptions{Batch: 2, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, _ := p.Output()
	dy := make([]float32, out.Len())
	wide := out
	wide.W++
	for name, f := range map[string]func(){
		"short gradient":        func() { p.Backward(dy[1:], nil, 0) },
		"scale with batch norm": func() { p.Backward(dy, []float32{1, 1}, 0) },
		"from":                  func() { p.Backward(dy, nil, 3) },
		"no input gradient":     func() { p.InputGrad() },
		"bind":                  func() { p.Bind(wide, make([]float32, wide.Len())) },
		"bind to too little":    func() { p.Bind(out, dy[1:]) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestPassErrors(t *testing.T) {
	m := Generator(Config{Latent: 3, Size: 4, Width: 1})
	for _, n := range []int{0, -1, 1 << 30} {
		if _, err := m.NewPass(PassOptions{Batch: n, Threads: 1}); err == nil {
			t.Errorf("no error for a batch of %d", n)
		}
	}
}

// TestPassObserve: every operator and stage is reported, on a shared pool.
func TestPassObserve(t *testing.T) {
	m := Discriminator(Config{Size: 4, Width: 1})
	team := NewTeam(2)
	defer team.Close()
	seen := map[string]int{}
	var p *Pass
	p, err := m.NewPass(PassOptions{Batch: 2, Team: team, Observe: func(op int, stage string, d time.Duration) {
		if d < 0 {
			t.Errorf("%v for %s", d, stage)
		}
		seen[p.Ops()[op].Name+" "+stage]++
	}})
	if err != nil {
		t.Fatal(err)
	}
	out, _ := p.Output()
	p.Forward(1)
	p.Backward(make([]float32, out.Len()), nil, 0)
	for _, want := range []string{
		"weights pack", "conv2d0+leakyrelu forward", "conv2d0+leakyrelu backward", "conv2d0+leakyrelu weight gradient", "dropout2 forward", "dropout2 backward",
		"conv2d3+leakyrelu input gradient", "conv2d3+leakyrelu weight gradient", "dense7 forward", "dense7 input gradient", "dense7 weight gradient",
	} {
		if seen[want] == 0 {
			t.Errorf("%q is not reported", want)
		}
	}
	if p.Ops()[0].MACs != m.Layers()[0].MACs {
		t.Error("multiply-adds differ")
	}
}

// BenchmarkStep runs the reference networks' passes at batch 64, of D at 128.
func BenchmarkStep(b *testing.B) {
	for _, m := range []*Model{Generator(Config{}), Discriminator(Config{})} {
		for _, k := range simd.Variants()[1:] {
			b.Run(m.Name+"/"+k.Name, func(b *testing.B) {
				n := 64
				if m.Name == "discriminator" {
					n = 128
				}
				p, err := m.NewPass(PassOptions{Batch: n, Threads: 1, Kernels: k, InputGrad: n == 128})
				if err != nil {
					b.Fatal(err)
				}
				defer p.Close()
				in, x := p.Input()
				in.Import(x, normals(n*m.Input().Len(), 1))
				out, _ := p.Output()
				dy := normals(out.Len(), 2)
				step := uint64(0)
				for b.Loop() {
					step++
					p.Forward(step)
					p.Backward(dy, nil, n/2)
					p.Repack()
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
			})
		}
	}
}
