package display

import (
	"context"
	"io"
	"os"

	"golang.org/x/term"
)

// Keys calls pressed with each key that is pressed on a terminal, without waiting for the end of a
// line, until ctx ends or stop is called. Between, keys are not shown; Ctrl-C and Ctrl-Z mean what
// they always do. The terminal is as before when ctx has ended, after stop, while the process is
// stopped or in the background, and where a signal that asks for a dump ends the process.
//
// ok tells whether anybody can press one: in must be a terminal, out one that Look says Redraws,
// and the system one of those that are known. Then stop must be called; it may be at any time.
func Keys(ctx context.Context, in *os.File, out io.Writer, pressed func(key byte)) (stop func(), ok bool) {
	if in == nil || !Look(out).Redraws || !term.IsTerminal(int(in.Fd())) {
		return func() {}, false
	}
	return listen(ctx, int(in.Fd()), pressed)
}
