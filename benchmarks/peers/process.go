package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// A process is a contestant at work. It says "ready NAME" when it has prepared itself; for each
// line with a number of seconds it then runs its work that long and says the median in
// milliseconds, the number of runs and perhaps the least processor time.
type process struct {
	contestant contestant
	title      string // how it calls itself, with its version
	ms         []float64
	failed     bool

	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func start(ctx context.Context, w *workshop, c contestant, what string, batch, threads int) (*process, error) {
	cmd, err := c.command(w, what, batch, threads)
	if err != nil {
		return nil, err
	}
	p := &process{contestant: c, cmd: cmd}
	cmd.Stderr = &p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	title, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		p.stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("did not start%s", lastLine(p.stderr.Bytes()))
	}
	p.title = title + c.note
	return p, nil
}

// turn has the process work for some seconds and returns the median run in milliseconds or, with
// cpu, the least processor time of one.
func (p *process) turn(seconds float64, cpu bool) (float64, error) {
	var ms, used float64
	var runs int
	if _, err := fmt.Fprintf(p.in, "%g\n", seconds); err != nil {
		return 0, p.died(err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, p.died(err)
	}
	if _, err := fmt.Sscan(line, &ms, &runs); err != nil || !(ms > 0) || runs < 1 {
		return 0, fmt.Errorf("answered %q", strings.TrimSpace(line))
	}
	if cpu {
		if _, err := fmt.Sscan(line, &ms, &runs, &used); err != nil {
			return 0, errors.New("does not tell its processor time")
		}
		ms = max(used, 1e-3)
	}
	return ms, nil
}

func (p *process) died(err error) error {
	p.stop() // all of its stderr has arrived after this
	return fmt.Errorf("stopped: %w%s", err, lastLine(p.stderr.Bytes()))
}

// stop ends the process, which leaves when its input does; it may be called again.
func (p *process) stop() {
	p.in.Close()
	late := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
	p.cmd.Wait()
	late.Stop()
}
