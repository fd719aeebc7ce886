package train

import "slices"

// Adaptive has each kind of an Augment change an image with a probability only, which follows how
// much the discriminator overfits (Karras et al. 2020, ADA): at 0 to begin with, it rises while the
// mean sign of the logits at reals is above Target, and falls while it is below. It takes Images
// images to get from 0 to 1.
type Adaptive struct {
	Target float64
	Images float64
}

// adaptiveLosses are those whose logits at reals and at fakes lie around 0.
var adaptiveLosses = []string{"bce", "hinge"}

// adaptiveEvery is the number of steps between adjustments.
const adaptiveEvery = 4

func (a Adaptive) validate(kinds Augment) error {
	switch {
	case !(a.Target > 0 && a.Target < 1):
		return bad("ada", a.Target, "in [0, 1)")
	case !(a.Images > 0) || !finite(a.Images):
		return bad("ada_images", a.Images, "a positive number")
	case len(kinds) == 0:
		return bad("augment", `""`, "the kinds of change whose probability ada adjusts")
	}
	return nil
}

// adaptation is an Adaptive at work.
type adaptation struct {
	Adaptive
	adaptiveState
}

// adaptiveState is what a checkpoint holds of it.
type adaptiveState struct {
	P     float64 `json:"p"`     // probability of a change
	Signs int     `json:"signs"` // sum of the logits' signs since the last adjustment
	Steps int     `json:"steps"` // since then
}

// observe takes the logits at the reals of a step and, at times, adjusts the probability. It
// returns the mean of their signs.
func (a *adaptation) observe(logits []float32) float64 {
	signs := 0
	for _, x := range logits {
		switch {
		case x > 0:
			signs++
		case x < 0:
			signs--
		}
	}
	a.Signs += signs
	if a.Steps++; a.Steps == adaptiveEvery {
		images := float64(adaptiveEvery * len(logits))
		by := images / a.Images
		if float64(a.Signs)/images < a.Target {
			by = -by
		}
		a.adaptiveState = adaptiveState{P: min(max(a.P+by, 0), 1)}
	}
	return float64(signs) / float64(len(logits))
}

// probability is that of each change, 1 of those that do not adapt.
func (a *adaptation) probability() float32 {
	if a == nil {
		return 1
	}
	return float32(a.P)
}

// adapts tells whether the settings ask for it.
func (c Config) adapts() bool { return c.ADA > 0 }

// checkAdaptive reports settings that do not go with ada.
func (c Config) checkAdaptive() error {
	if !c.adapts() {
		return nil
	}
	if !slices.Contains(adaptiveLosses, c.Loss) {
		return bad("loss", c.Loss, "bce or hinge, of which ada can tell whether the discriminator overfits")
	}
	return Adaptive{c.ADA, c.ADAImages}.validate(c.augment())
}
