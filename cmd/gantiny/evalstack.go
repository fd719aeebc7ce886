package main

import (
	"fmt"
	"io"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/model"
)

const (
	stackNumber = 26000   // pictures by default: what figures of Stacked MNIST are usually made of
	mostStacked = 1 << 17 // pictures, which are all held in memory
)

// checkStack finds what is wrong with the flags, given --stack, and sets the defaults that it has.
func (f *evalFlags) checkStack() error {
	if !f.set("number") {
		f.n = stackNumber
	}
	if f.n > mostStacked {
		return usagef("-n %d: want %d at most with --stack", f.n, mostStacked)
	}
	if f.set("nearest") && f.nearest > 0 {
		return usagef("--nearest %d: stacked pictures are made anew, none is a training picture", f.nearest)
	}
	f.nearest = 0
	return nil
}

// checkStackShape refuses a generator that draws no stacked pictures.
func checkStackShape(name string, shape model.Shape) error {
	if shape.C != dataset.StackImages {
		return usagef("--stack: %s draws pictures of %v; stacked ones have %d channels", name, shape, dataset.StackImages)
	}
	return nil
}

// stack makes stacked pictures of the data and what sees them of the classifier c. Without test
// pictures the floor is of the training pictures, stacked otherwise.
func (f *evalFlags) stack(c *eval.Classifier, training, test *dataset.Dataset, o *eval.Options, stderr io.Writer) (stacked *eval.Classifier, train, floor *dataset.Dataset, err error) {
	if stacked, err = c.Stacked(); err != nil {
		return nil, nil, nil, fmt.Errorf("--stack: %w", err)
	}
	if training.Labels != nil && training.NumClasses() <= c.Classes() {
		o.Frequencies = eval.StackedFrequencies(training.Labels, c.Classes())
	}
	seed := f.seed
	if test == nil {
		fmt.Fprintf(stderr, "note: %s has no test pictures: the floor is of its training pictures, stacked otherwise\n", f.settings.Data)
		test, seed = training, f.seed+1
	}
	if train, err = training.Stacked(f.n, f.seed, c.Classes()); err != nil {
		return nil, nil, nil, err
	}
	floor, err = test.Stacked(f.n, seed, c.Classes())
	return stacked, train, floor, err
}

// stackRows are the figures that a table has of stacked pictures alone.
func (e *evaluated) stackRows() []row {
	divergence := func(v *float64) string {
		if v == nil {
			return "infinite"
		}
		return fmt.Sprintf("%.4g", *v)
	}
	return []row{
		{"KL from the data's modes", divergence(e.KL), divergence(e.Floor.KL), "Kullback-Leibler divergence"},
		{"KL from uniform modes", fmt.Sprintf("%.4g", e.KLUniform), fmt.Sprintf("%.4g", e.Floor.KLUniform), ""},
	}
}
