package display

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress shows how work goes on: one line redrawn in place on a terminal, else a plain line at the end of each
// part and every so often between.
type Progress struct {
	w     io.Writer
	width func() int // columns of the terminal; nil where w is none
	now   func() time.Time
	last  time.Time // of the last line
	drawn bool      // a line without its newline stands on the terminal
}

// State is how far the work has come.
type State struct {
	Part     string // what Done and Of count within, as in "epoch 2/3"
	Done, Of int
	Unit     string // what is counted, as in "step"
	Facts    string // what else there is to say
}

const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
	barCells   = 24
)

// NewProgress shows on w, which is a terminal or not.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, now: time.Now, last: time.Now()}
	if IsTerminal(w) {
		p.width = func() int { return Width(w) }
	}
	return p
}

// Show shows a state, unless the last one was shown a moment ago and this is not the last of its part.
func (p *Progress) Show(s State) {
	every := plainEvery
	if p.width != nil {
		every = liveEvery
	}
	now := p.now()
	ended := s.Done == s.Of
	if !ended && now.Sub(p.last) < every {
		return
	}
	p.last = now
	if p.width == nil {
		fmt.Fprintf(p.w, "%s  %s %d/%d  %s\n", s.Part, s.Unit, s.Done, s.Of, s.Facts)
		return
	}
	full := barCells * s.Done / s.Of
	line := []rune(fmt.Sprintf("%s  %s%s  %s", s.Part, strings.Repeat("█", full), strings.Repeat("░", barCells-full), s.Facts))
	if most := p.width() - 1; len(line) > most { // a line that wraps could not be redrawn
		line = line[:max(most, 0)]
	}
	fmt.Fprintf(p.w, "\r%s\x1b[K", string(line))
	p.drawn = true
	if ended {
		p.Settle()
	}
}

// Log writes a line of its own.
func (p *Progress) Log(format string, args ...any) {
	p.Settle()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Settle ends the line that stands on the terminal, so that others can follow.
func (p *Progress) Settle() {
	if p.drawn {
		fmt.Fprintln(p.w)
		p.drawn = false
	}
}
