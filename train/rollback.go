package train

import (
	"fmt"
	"math"
	"strings"
)

// rollback is a time that a run which diverged went back to a checkpoint, from where it
// has gone on with half the learning rates.
type rollback struct {
	At   uint64 `json:"at"` // step that the run had come to
	To   uint64 `json:"to"` // step of the checkpoint
	What string `json:"what"`
}

// setBack makes list the rollbacks that the learning rates follow.
//
//	rate = setting * schedule * 2^-rollbacks
func (r *run) setBack(list []rollback) {
	r.back = list
	r.t.slow = math.Ldexp(1, -len(list))
}

// resumeRates takes over the rollbacks of the checkpoint that a run is resumed from. Where the user
// has chosen other learning rates since, those count from here on, whole.
func (r *run) resumeRates(h *header) {
	if r.c.LearningRate != h.Config.LearningRate || r.c.DLearningRate != h.Config.DLearningRate {
		r.setBack(nil)
		return
	}
	r.setBack(h.Back)
}

// mayGoBack tells whether the run goes on by itself after it has diverged.
func (r *run) mayGoBack() bool {
	return r.c.OnDivergence == "rollback" && len(r.back) < r.c.Rollbacks
}

// goBack brings the run back to its last checkpoint after it has diverged, with half the
// learning rates, and saves that at once: a run which is stopped and resumed then goes
// the same way. Where there has been no new checkpoint since it went back to this one,
// the one before is taken, since the harm may be older than the last.
func (r *run) goBack(cause error) error {
	names := []string{CheckpointFile, PreviousFile}
	if n := len(r.back); n > 0 && r.back[n-1].To == r.savedAt && exists(r.path(PreviousFile)) {
		names = []string{PreviousFile, CheckpointFile}
	}
	at := r.t.steps + 1
	h, err := r.restore(names...)
	if err != nil {
		return fmt.Errorf("%w; to go back: %w", cause, err)
	}
	if r.from, err = newStream(r.from.data, r.c, h.Cursor); err != nil {
		return err
	}
	r.goOnFrom(h)
	what := strings.TrimPrefix(cause.Error(), "train: ")
	r.setBack(append(r.back[:len(r.back):len(r.back)], rollback{At: at, To: h.Step, What: what}))
	if err := r.closeLogs(); err != nil {
		return err
	}
	if err := r.openLogs(); err != nil {
		return err
	}
	r.damaged = true // what is saved now is no newer than the file, and the one before stays as it is
	if err := r.save(); err != nil {
		return err
	}
	r.note("%s: back to step %d with learning rate %.3g, rollback %d of %d", what, h.Step, r.c.LearningRate*r.t.slow, len(r.back), r.c.Rollbacks)
	return nil
}
