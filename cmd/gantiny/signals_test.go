package main

import (
	"os"
	"testing"
	"time"
)

// TestUntilStopped: the first signal stops, those beside it mean the same, a later one ends the
// program.
func TestUntilStopped(t *testing.T) {
	signals := make(chan os.Signal)
	times, quits := make(chan time.Time), make(chan bool)
	ctx := untilStopped(signals, func() time.Time { return <-times }, func() { quits <- true })
	if ctx.Err() != nil {
		t.Fatal("stopped before any signal")
	}
	start := time.Unix(0, 0)
	send := func(after time.Duration) {
		signals <- os.Interrupt
		times <- start.Add(after)
	}
	send(0)
	<-ctx.Done()
	for _, after := range []time.Duration{0, 10 * time.Millisecond, oneWish} {
		send(after)
	}
	select { // the last of them has been dealt with once another is taken
	case <-quits:
		t.Fatal("signals of one moment end the program")
	case signals <- os.Interrupt:
	}
	times <- start.Add(oneWish + 1)
	<-quits
	close(signals)
}
