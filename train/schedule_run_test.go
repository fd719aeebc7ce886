package train

import (
	"errors"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// TestDecayToTheEnd: a schedule without a length falls until the last epoch's end, and a run that
// is resumed keeps to it.
func TestDecayToTheEnd(t *testing.T) {
	set := func(epochs, decay int) func(*Config, *Options) {
		return func(c *Config, o *Options) {
			c.Epochs, c.Schedule, c.WarmupSteps, c.DecaySteps = epochs, "linear", 1, decay
		}
	}
	perEpoch := pictures.N / small().Batch
	named, left, parts := t.TempDir(), t.TempDir(), t.TempDir()
	if err := runIn(t, named, set(2, 2*perEpoch-1)); err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, left, set(2, 0)); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "no length", left, named)

	if err := runIn(t, parts, set(1, 2*perEpoch-1)); err != nil {
		t.Fatal(err)
	}
	saved, err := Saved(parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := runIn(t, parts, func(c *Config, o *Options) { *c, o.Resume = saved, true; c.Epochs = 2 }); err != nil {
		t.Fatal(err)
	}
	sameEnd(t, "resumed", parts, named)

	c := small()
	c.Schedule = "cosine"
	if _, err := New(c, model.Generator(c.Model()), model.Discriminator(c.Model()), Tuning{}); !errors.Is(err, ErrConfig) {
		t.Errorf("a Trainer without a length: %v", err)
	}
}
