package display

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Progress shows how work goes on: one line redrawn in place on a terminal, else a plain line at
// the end of each part and every so often between. It is safe for concurrent use.
type Progress struct {
	w     io.Writer
	width func() int // columns of the terminal; nil where nothing can be redrawn
	ascii bool       // the bar is drawn in ASCII
	now   func() time.Time
	from  time.Time // nothing is shown before
	brief bool      // the work has one part, whose end is said otherwise
	lock  sync.Mutex
	last  time.Time // of the last line
	drawn bool      // a line without its newline stands on the terminal
}

// State is how far the work has come.
type State struct {
	Part     string // what Done and Of count within, as in "epoch 2/3"
	Done, Of int
	Unit     string   // what is counted, as in "step"
	Facts    []string // what else there is to say; where there is no room the last ones are left out first
}

const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
	mostCells  = 24 // of the bar
	leastCells = 4  // a shorter one is left out
)

// NewProgress shows work in several parts on w, which is a terminal or not.
func NewProgress(w io.Writer) *Progress {
	s := Look(w)
	p := &Progress{w: w, now: time.Now, last: time.Now(), ascii: !s.UTF8}
	if s.Redraws {
		p.width = func() int { return Look(w).Width }
	}
	return p
}

// NewBriefProgress shows work that may be over in a moment, and then shows nothing of it.
func NewBriefProgress(w io.Writer) *Progress {
	p := NewProgress(w)
	p.brief, p.from = true, p.last.Add(time.Second)
	return p
}

// Show shows a state, unless the last one was shown a moment ago and this is not the last of its
// part.
func (p *Progress) Show(s State) {
	p.lock.Lock()
	defer p.lock.Unlock()
	every := plainEvery
	if p.width != nil {
		every = liveEvery
	}
	now := p.now()
	ended := s.Done == s.Of && !p.brief
	if !ended && now.Sub(p.last) < every || now.Before(p.from) {
		return
	}
	p.last = now
	if p.width == nil {
		fmt.Fprintf(p.w, "%s  %s %d/%d  %s\n", s.Part, s.Unit, s.Done, s.Of, strings.Join(s.Facts, "  "))
		return
	}
	fmt.Fprintf(Raw(p.w), "\r%s\x1b[K", Line(s.fit(p.width()-1, p.ascii))) // a line that wraps could not be redrawn
	p.drawn = true
	if ended {
		p.settle()
	}
}

// fit is the state on so many columns: the bar gives way to the facts down to its least, then the
// last facts to the others.
func (s State) fit(columns int, ascii bool) string {
	facts := s.Facts
	for {
		text := s.Part
		for _, f := range facts {
			text += "  " + f
		}
		room := columns - utf8.RuneCountInString(text)
		if cells := min(mostCells, room-2); cells >= leastCells {
			return s.Part + "  " + s.bar(cells, ascii) + text[len(s.Part):]
		}
		if len(facts) <= 1 {
			return string([]rune(text)[:max(0, min(columns, utf8.RuneCountInString(text)))])
		}
		facts = facts[:len(facts)-1]
	}
}

func (s State) bar(cells int, ascii bool) string {
	full, empty := "█", "░"
	if ascii {
		full, empty = "#", "."
	}
	n := int(int64(cells) * int64(s.Done) / int64(max(s.Of, 1)))
	return strings.Repeat(full, n) + strings.Repeat(empty, cells-n)
}

// Log writes a line of its own.
func (p *Progress) Log(format string, args ...any) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.settle()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Settle ends the line that stands on the terminal, so that others can follow; that of brief work
// disappears.
func (p *Progress) Settle() {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.settle()
}

func (p *Progress) settle() {
	if !p.drawn {
		return
	}
	p.drawn = false
	if p.brief {
		fmt.Fprint(Raw(p.w), "\r\x1b[K")
		return
	}
	fmt.Fprintln(p.w)
}
