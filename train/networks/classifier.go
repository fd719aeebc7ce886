package networks

import (
	"fmt"

	"github.com/gantiny/gantiny/model"
)

// classifierLeak is the slope of a classifier's LeakyReLUs.
const classifierLeak = 0.1

// Classifier returns a small network that tells classes of images apart: an image of values in [-1,
// 1] to one logit a class. Four convolutions with BatchNorm, the first and the third at stride 2,
// end in the mean over all positions, Width of them, which the last layer reads. Of c, Size,
// Channels, Width, Classes, Dropout, of what the last layer reads, and Seed count. Errors wrap
// ErrConfig or those of package model.
func Classifier(c Config) (*model.Model, error) {
	if err := c.checkClassifier(); err != nil {
		return nil, err
	}
	return c.finish("classifier", c.classifier())
}

// ValidateClassifier reports why Classifier could not build its network; it takes no memory for
// weights.
func (c Config) ValidateClassifier() error {
	if err := c.checkClassifier(); err != nil {
		return err
	}
	if err := c.classifier().Err(); err != nil {
		return fmt.Errorf("networks: classifier: %w", err)
	}
	return nil
}

func (c Config) checkClassifier() error {
	switch {
	case c.Classes < 2:
		return fmt.Errorf("networks: %w: a classifier of %d classes, want 2 or more", ErrConfig, c.Classes)
	case c.Channels < 1 || c.Channels > 4:
		return fmt.Errorf("networks: %w: %d channels, want 1 to 4", ErrConfig, c.Channels)
	case c.Size < 1 || c.Width < 1:
		return fmt.Errorf("networks: %w: size %d, width %d: want positive numbers", ErrConfig, c.Size, c.Width)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return fmt.Errorf("networks: %w: dropout %v, want [0, 1)", ErrConfig, c.Dropout)
	}
	return nil
}

func (c Config) classifier() *model.Graph {
	b := &builder{Config: c, Graph: &model.Graph{}}
	b.Input("x", model.Shape{H: c.Size, W: c.Size, C: c.Channels})
	half := max(c.Width/2, 1)
	for _, l := range []struct{ filters, side, stride int }{{half, 5, 2}, {half, 3, 1}, {c.Width, 3, 2}, {c.Width, 3, 1}} {
		b.Add(model.Conv2D{Filters: l.filters, Kernel: square(l.side), Stride: square(l.stride), Same: true})
		b.Add(model.BatchNorm{Momentum: 0.95})
		b.Add(model.LeakyReLU{Slope: classifierLeak})
	}
	b.Add(model.GlobalAvgPool{})
	if c.Dropout > 0 {
		b.Add(model.Dropout{Rate: c.Dropout})
	}
	b.Add(model.Dense{Units: c.Classes, Bias: true})
	return b.Graph
}
