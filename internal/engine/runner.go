package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gantiny/gantiny/internal/pool"
)

// Observer is called after a task, or a block of it, with the time that it took on the calling
// goroutine.
type Observer func(op int, name string, d time.Duration)

// Runner runs stages on a pool. It belongs to one goroutine at a time and allocates nothing.
type Runner struct {
	pool    *pool.Pool
	observe Observer

	call func(worker int)
	done func(t *Task)
	stop func() bool

	// The Run in progress.
	ctx     context.Context
	now     *Stage
	mark    time.Time // when the observer was last told
	stopped atomic.Bool
}

// NewRunner returns a Runner; observe may be nil.
func NewRunner(p *pool.Pool, observe Observer) *Runner {
	r := &Runner{pool: p, observe: observe}
	r.stop = r.canceled
	if observe != nil {
		r.done = r.report
	}
	workers := p.Workers()
	r.call = func(worker int) {
		done := r.done
		if worker != 0 || len(r.now.Tasks) == 1 {
			done = nil
		}
		r.now.run(worker, workers, done, r.stop)
	}
	return r
}

// Run runs stages one after another, each on all workers. It checks the context between tasks.
// When the context is done, Run soon returns its cause, and the output of the stages is
// incomplete.
func (r *Runner) Run(ctx context.Context, stages []Stage) error {
	r.ctx = ctx
	r.stopped.Store(false)
	for i := range stages {
		if r.canceled() {
			break
		}
		r.now = &stages[i]
		if r.observe != nil {
			r.mark = time.Now()
		}
		r.pool.Run(r.call)
		if tasks := r.now.Tasks; r.observe != nil && (len(tasks) == 1 || r.pool.Workers() > 1) {
			r.report(&tasks[len(tasks)-1]) // for which counts what the other workers take longer
		}
	}
	r.ctx, r.now = nil, nil
	if r.stopped.Load() {
		return context.Cause(ctx)
	}
	return nil
}

func (r *Runner) canceled() bool {
	if r.ctx.Err() == nil {
		return false
	}
	r.stopped.Store(true)
	return true
}

// report tells the observer how long a task has taken since the last report.
func (r *Runner) report(t *Task) {
	now := time.Now()
	if t.Op >= 0 {
		r.observe(t.Op, t.Name, now.Sub(r.mark))
	}
	r.mark = now
}
