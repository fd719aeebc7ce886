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
		p.Show(State{Part: "epoch 2/3", Done: done, Of: 12, Unit: "step", Facts: "G 0.8000  D 1.2500  1234 images/s  1m30s left"})
		return out.String()
	}
	if got := show(6, time.Second); got != "\repoch 2/3  ████████████░░░░░░░░░░░░  G 0.8000  D 1.2500  1234 images/\x1b[K" {
		t.Errorf("in the middle it shows %q", got)
	}
	if got := show(7, time.Millisecond); got != "" {
		t.Errorf("a millisecond later it shows %q", got)
	}
	if got := show(12, time.Millisecond); !strings.HasPrefix(got, "\repoch 2/3  ████████████████████████  ") || !strings.HasSuffix(got, "\x1b[K\n") {
		t.Errorf("at the end it shows %q", got)
	}
	if got := Roughly(3725 * time.Second); got != "1h02m" {
		t.Errorf("3725 s are %s", got)
	}
}
