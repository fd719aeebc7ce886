package bench

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/gantiny/gantiny/internal/cputime"
	"github.com/gantiny/gantiny/simd"
)

// measured collects the times of the parts of a run, over several runs, with the peak at that
// moment beside them. On one thread all times are the processor time that the thread has had, so
// that other work on the machine counts as little as can be.
type measured struct {
	parts []part
	total []float64 // seconds, a run each

	threads int
	peak    func() float64 // operations a second of all threads, at this moment
	clock   func() time.Duration
	mark    time.Duration // of the clock, when the last part ended
	aside   time.Duration // what measuring took of the run at hand, the search for the peak above all
	peaks   []float64
	sampled time.Time // of the last of peaks
	waiting []stretch // measured since then
}

type part struct {
	name          string
	kind          string
	by            string
	macs, nominal int64 // of one whole run

	now    float64 // seconds of the run at hand
	could  float64 // operations that the peak makes of them
	runs   []float64
	shares []float64 // of the peak, a run each
}

// stretch is a time that a part took.
type stretch struct {
	part    int
	seconds float64
}

// peakEvery is how old a peak may be that a part is held against. A shared machine changes its
// speed within a second.
const peakEvery = 5 * time.Millisecond

func newMeasured(k *simd.Kernels, threads int, int8 bool) *measured {
	m := &measured{threads: threads, peak: newPeakMeter(k, threads, int8).sample, clock: cputime.Thread}
	if threads > 1 {
		start := time.Now()
		m.clock = func() time.Duration { return time.Since(start) }
	}
	return m
}

// add counts a part that has just ended and took the wall time d.
func (m *measured) add(i int, d time.Duration) {
	// The clock has run for longer than the part if anything stood between it and the one before.
	end := m.clock()
	d = min(d, end-m.mark)
	m.parts[i].now += d.Seconds()
	m.waiting = append(m.waiting, stretch{i, d.Seconds()})
	// Helpers would fall asleep while they wait for the peak: with several threads it is found
	// between the runs alone.
	if m.threads == 1 && time.Since(m.sampled) > peakEvery {
		m.sample()
	}
	m.mark = m.clock()
	m.aside += m.mark - end
}

// sample finds the peak, and what it would have made of the parts that were measured since it was
// found last.
func (m *measured) sample() {
	m.peaks = append(m.peaks, m.peak())
	m.sampled = time.Now()
	between := (m.peaks[max(len(m.peaks)-2, 0)] + m.peaks[len(m.peaks)-1]) / 2
	for _, w := range m.waiting {
		m.parts[w.part].could += w.seconds * between
	}
	m.waiting = m.waiting[:0]
}

// repeat calls run until it has taken the time and been measured three times at least, after a
// first call that is not counted.
func (m *measured) repeat(ctx context.Context, seconds float64, run func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m.sample()
	if err := run(); err != nil {
		return err
	}
	m.sample()
	for i := range m.parts {
		m.parts[i].now, m.parts[i].could = 0, 0
	}
	for begin := time.Now(); len(m.total) < 3 || time.Since(begin).Seconds() < seconds; {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.aside = 0
		start := m.clock()
		m.mark = start
		if err := run(); err != nil {
			return err
		}
		m.total = append(m.total, (m.clock() - start - m.aside).Seconds())
		m.sample()
		for i := range m.parts {
			p := &m.parts[i]
			p.runs = append(p.runs, p.now)
			if p.could > 0 {
				p.shares = append(p.shares, 2*float64(p.macs)/p.could)
			}
			p.now, p.could = 0, 0
		}
	}
	return nil
}

// divide makes runs of n steps each the mean of a step.
func (m *measured) divide(n int) {
	for i := range m.total {
		m.total[i] /= float64(n)
	}
	for i := range m.parts {
		p := &m.parts[i]
		p.macs, p.nominal = p.macs/int64(n), p.nominal/int64(n)
		for j := range p.runs {
			p.runs[j] /= float64(n)
		}
	}
}

// Median is the middle of x, 0 if there is none.
func Median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
