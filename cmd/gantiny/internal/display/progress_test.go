package display

import (
	"strings"
	"testing"
	"time"
)

func TestProgressOnTerminal(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	p := &Progress{w: &out, width: func() int { return 70 }, now: func() time.Time { return now }, last: now}
	show := func(done int, after time.Duration) string {
		now = now.Add(after)
		out.Reset()
		p.Show(State{Part: "epoch 2/3", Done: done, Of: 12, Unit: "step", Facts: []string{"1m30s left", "G 0.8000  D 1.2500", "1234 images/s"}})
		return out.String()
	}
	if got := show(6, time.Second); got != "\repoch 2/3  █████░░░░░░  1m30s left  G 0.8000  D 1.2500  1234 images/s\x1b[K" {
		t.Errorf("in the middle it shows %q", got)
	}
	if got := show(7, time.Millisecond); got != "" {
		t.Errorf("a millisecond later it shows %q", got)
	}
	if got := show(12, time.Millisecond); !strings.HasPrefix(got, "\repoch 2/3  ███████████  ") || !strings.HasSuffix(got, "\x1b[K\n") {
		t.Errorf("at the end it shows %q", got)
	}
	if got := Roughly(3725 * time.Second); got != "1h02m" {
		t.Errorf("3725 s are %s", got)
	}
}

// TestProgressFits: whatever the width, the line is no longer, and what matters most stays.
func TestProgressFits(t *testing.T) {
	s := State{Part: "epoch 12/50", Done: 3, Of: 4, Facts: []string{"1h02m left", "G 0.8000  D 1.2500", "1234 images/s"}}
	for width, want := range map[int]string{
		100: "epoch 12/50  ██████████████████░░░░░░  1h02m left  G 0.8000  D 1.2500  1234 images/s",
		50:  "epoch 12/50  ███░░  1h02m left  G 0.8000  D 1.2500",
		48:  "epoch 12/50  █████████████████░░░░░░  1h02m left",
		24:  "epoch 12/50  1h02m left",
		10:  "epoch 12/5",
		0:   "",
	} {
		if got := s.fit(width, false); got != want {
			t.Errorf("on %d columns %q, want %q", width, got, want)
		}
	}
	if got, want := s.fit(48, true), "epoch 12/50  #################......  1h02m left"; got != want {
		t.Errorf("in ASCII %q, want %q", got, want)
	}
	if got := (State{Part: "empty"}).fit(30, true); got != "empty  ......................." {
		t.Errorf("of nothing %q", got)
	}
}

// TestBriefProgress: work that is over soon shows nothing, and longer work leaves nothing.
func TestBriefProgress(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	p := &Progress{w: &out, width: func() int { return 40 }, now: func() time.Time { return now }, from: now.Add(time.Second), brief: true}
	p.Show(State{Part: "a", Done: 1, Of: 2})
	p.Settle()
	if out.Len() > 0 {
		t.Errorf("at once it shows %q", out.String())
	}
	now = now.Add(2 * time.Second)
	p.Show(State{Part: "a", Done: 1, Of: 2})
	p.Show(State{Part: "a", Done: 2, Of: 2})
	if got := out.String(); strings.Contains(got, "\n") || !strings.Contains(got, "a  ████") {
		t.Errorf("later it shows %q", got)
	}
	out.Reset()
	p.Settle()
	p.Settle()
	if got := out.String(); got != "\r\x1b[K" {
		t.Errorf("at the end it writes %q", got)
	}
}

// TestProgressPlain: where nothing can be redrawn there are whole lines and no control codes.
func TestProgressPlain(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	p := &Progress{w: Clean(&out), now: func() time.Time { return now }}
	for i := range 5 {
		now = now.Add(plainEvery / 2)
		p.Show(State{Part: "epoch 1/1", Done: i, Of: 4, Unit: "step", Facts: []string{"G 1", "\x1b[H"}})
	}
	p.Log("saved")
	want := "epoch 1/1  step 0/4  G 1  \\u001b[H\nepoch 1/1  step 2/4  G 1  \\u001b[H\nepoch 1/1  step 4/4  G 1  \\u001b[H\nsaved\n"
	if got := out.String(); got != want {
		t.Errorf("it writes %q, want %q", got, want)
	}
}
