package train

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/gantiny/gantiny/eval"
)

// judge looks, at an epoch's end, how many of the test images a classifier names right.
func (r *run) judge(s *Stats) error {
	if r.o.Test == nil || s.Batch != s.Batches {
		return nil
	}
	defer debug.FreeOSMemory() // drop the session now: a step allocates nothing that would have it collected
	m := r.t.product()
	m.Changed() // the last steps have written to it
	defer m.Changed()
	c, err := eval.NewClassifier(m)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	seen, err := c.See(context.Background(), r.o.Test.Pix, eval.Options{Threads: r.c.Threads, Kernels: r.t.k})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	s.TestRight = seen.Accuracy(r.o.Test.Labels)
	return nil
}
