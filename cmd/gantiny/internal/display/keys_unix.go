//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package display

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keyWait is how long a key, a signal or the end of the work may wait, in milliseconds.
const keyWait = 50

// keys is a terminal that is listened to.
type keys struct {
	fd      int
	pressed func(key byte)
	before  *unix.Termios // the mode to go back to; nil while the terminal is as it was
}

func listen(ctx context.Context, fd int, pressed func(key byte)) (stop func(), ok bool) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGTSTP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	done := make(chan struct{})
	k := &keys{fd: fd, pressed: pressed}
	go func() {
		defer close(done)
		defer signal.Stop(signals)
		defer k.restore()
		for ctx.Err() == nil {
			select {
			case s := <-signals:
				k.restore()
				obey(s)
			default:
				k.read()
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}, true
}

// longest is how long a signal to the own process may take, after which it was in vain: the first
// process of a container cannot be stopped.
const longest = time.Second

// obey does what the system does at a signal that it was kept from. It returns when the process has
// been stopped and goes on: kill may return before any thread stops, and the terminal must not be
// set meanwhile.
func obey(s os.Signal) {
	if s != syscall.SIGTSTP {
		signal.Reset(s)
		_ = unix.Kill(unix.Getpid(), s.(syscall.Signal))
		time.Sleep(longest)
		return
	}
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGCONT)
	defer signal.Stop(on)
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	select {
	case <-on:
	case <-time.After(longest):
	}
}

// read waits for keys a little while. In the background the terminal is another's: even to read
// would stop the process.
func (k *keys) read() {
	ours := k.foreground()
	if !ours {
		k.before = nil // who has it now has set it
	} else if k.before == nil {
		k.set()
	}
	ready := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
	if !ours {
		ready[0].Fd = -1 // wait only
	}
	n, err := unix.Poll(ready, keyWait)
	if err != nil || n == 0 || !k.foreground() {
		return
	}
	var b [16]byte
	n, err = unix.Read(k.fd, b[:])
	if err != nil || n == 0 { // it has hung up
		_, _ = unix.Poll(nil, keyWait)
		return
	}
	for _, key := range b[:n] {
		k.pressed(key)
	}
}

// foreground tells whether the terminal is this process group's. One that controls no session
// is everybody's.
func (k *keys) foreground() bool {
	group, err := unix.IoctlGetInt(k.fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// set has the terminal hand out keys at once and show none.
func (k *keys) set() {
	before, err := unix.IoctlGetTermios(k.fd, getMode)
	if err != nil {
		return
	}
	mode := *before
	mode.Lflag &^= unix.ICANON | unix.ECHO
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(k.fd, setMode, &mode) == nil {
		k.before = before
	}
}

func (k *keys) restore() {
	if k.before != nil && k.foreground() {
		_ = unix.IoctlSetTermios(k.fd, setMode, k.before)
	}
	k.before = nil
}
