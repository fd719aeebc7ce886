package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gantiny/gantiny/train"
)

// progress shows how a run goes on: one line redrawn in place on a terminal, else a plain line at each epoch's end and
// every so often between.
type progress struct {
	w     io.Writer
	width func() int // columns of the terminal; nil where w is none
	now   func() time.Time
	last  time.Time // of the last line
	drawn bool      // a line without its newline stands on the terminal
}

const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
	barCells   = 24
	leastCells = 6 // of the bar, on a narrow terminal
)

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, now: time.Now, last: time.Now()}
	if isTerminal(w) {
		p.width = func() int { return terminalWidth(w) }
	}
	return p
}

// step reports a finished step.
func (p *progress) step(s train.Stats) {
	every := plainEvery
	if p.width != nil {
		every = liveEvery
	}
	now := p.now()
	ended := s.Batch == s.Batches
	if !ended && now.Sub(p.last) < every {
		return
	}
	p.last = now
	state := fmt.Sprintf("G %.4f  D %.4f  D(x) %.2f  D(G(z)) %.2f", s.G, s.D, s.Real, s.Fake)
	if s.Left > 0 {
		state += "  " + roughly(s.Left) + " left"
	}
	state += fmt.Sprintf("  %.0f images/s", s.ImagesPerSecond) // last, where a narrow terminal cuts
	if p.width == nil {
		fmt.Fprintf(p.w, "epoch %d/%d  step %d/%d  %s\n", s.Epoch, s.Epochs, s.Batch, s.Batches, state)
		return
	}
	head := fmt.Sprintf("epoch %d/%d  ", s.Epoch, s.Epochs)
	cells := min(max(p.width()-1-len(head)-2-len(state), leastCells), barCells)
	full := cells * s.Batch / s.Batches
	line := []rune(head + strings.Repeat("█", full) + strings.Repeat("░", cells-full) + "  " + state)
	if most := p.width() - 1; len(line) > most { // a line that wraps could not be redrawn
		line = line[:max(most, 0)]
	}
	fmt.Fprintf(p.w, "\r%s\x1b[K", string(line))
	p.drawn = true
	if ended {
		p.settle()
	}
}

// epoch reports a finished epoch's grid.
func (p *progress) epoch(s train.Stats) {
	if s.Grid == "" {
		return
	}
	next := ""
	if s.NextGrid > 0 {
		next = fmt.Sprintf("; the next after epoch %d", s.NextGrid)
	}
	p.log("samples of epoch %d: %s%s", s.Epoch, s.Grid, next)
}

// log writes a line of its own.
func (p *progress) log(format string, args ...any) {
	p.settle()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// settle ends the line that stands on the terminal, so that others can follow.
func (p *progress) settle() {
	if p.drawn {
		fmt.Fprintln(p.w)
		p.drawn = false
	}
}

// roughly is a time in two units at most.
func roughly(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}
