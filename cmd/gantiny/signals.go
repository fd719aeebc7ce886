package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// oneWish is how long signals after the first stand for the same wish: a terminal, timeout and
// supervisors send theirs to a process and to its group.
const oneWish = time.Second

// untilStopped returns a context that the first signal ends. One that comes later than oneWish
// after it is a wish to end at once: then quit is called.
func untilStopped(signals <-chan os.Signal, now func() time.Time, quit func()) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-signals
		first := now()
		cancel()
		for range signals {
			if now().Sub(first) > oneWish {
				quit()
			}
		}
	}()
	return ctx
}

// endings are the signals that ask the program to end, but for those of hangups that it was started
// to ignore, as nohup does. Scripts start what runs in their background with SIGINT ignored, and
// send it one to end it.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	for _, s := range hangups {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}
