package bench

import (
	"context"
	"math"
	"testing"
	"time"
)

// A machine that drops to half its speed halves the peak and doubles the times: shares stay, and
// finding the peak is in no time.
func TestMeasuredShares(t *testing.T) {
	const peak = 1000.0 // operations a second
	clock, speed := time.Duration(0), 1.0
	m := &measured{threads: 1, clock: func() time.Duration { return clock }}
	m.peak = func() float64 {
		clock += time.Second
		return peak * speed
	}
	m.parts = []part{{name: "products", macs: 200}, {name: "rest"}}
	spend := func(seconds float64) time.Duration {
		d := time.Duration(seconds * float64(time.Second))
		clock += d
		return d
	}
	run := 0
	err := m.repeat(context.Background(), 1e-9, func() error {
		if run++; run == 3 {
			speed = 0.5
			m.sample()           // beside it, so that both of its neighbors are slow
			clock -= time.Second // and in no run
		}
		m.add(0, spend(0.8/speed))
		m.add(1, spend(0.2/speed)+time.Hour) // a wall time that another program made long
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := []float64{m.total[0], m.total[len(m.total)-1]}; math.Abs(got[0]-1) > 1e-9 || math.Abs(got[1]-2) > 1e-9 {
		t.Errorf("runs took %v seconds, want 1 and 2", got)
	}
	for i, share := range m.parts[0].shares { // 400 operations in 0.8 s of 1000
		if math.Abs(share-0.5) > 1e-9 {
			t.Errorf("run %d: share %g, want 0.5", i, share)
		}
	}
	if got := m.parts[1].runs[0]; math.Abs(got-0.2) > 1e-9 {
		t.Errorf("the second part took %g s, want 0.2", got)
	}
}
