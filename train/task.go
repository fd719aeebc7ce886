package train

import (
	"fmt"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train/networks"
)

// task is what the setting "task" may name: what a run trains.
type task struct {
	product    string // the file of the network that the run is for
	classifies bool   // whether that is a classifier, which draws no grids
	validate   func(c Config) error
	objective  func(c Config, p *Components) Objective
	build      func(o *Options, c Config, data *dataset.Dataset) error // makes the networks that o lacks
	check      func(c Config, data *dataset.Dataset, product *model.Model) error
}

// tasks holds what the setting "task" may be.
var tasks = map[string]task{
	"gan": {
		product:   GeneratorFile,
		validate:  Config.validateGAN,
		objective: Config.gan,
		build:     (*Options).build,
		check:     checkData,
	},
	"classify": {
		product: ClassifierFile, classifies: true,
		validate:  Config.validateClassify,
		objective: func(c Config, _ *Components) Objective { return NewClassify(c.Shift, c.augment()) },
		build:     (*Options).buildClassifier,
		check:     checkClassifier,
	},
}

// classifier describes the classifier of so many classes.
func (c Config) classifier(classes int) networks.Config {
	n := c.Networks(classes)
	n.Classes = classes
	return n
}

func (o *Options) buildClassifier(c Config, data *dataset.Dataset) (err error) {
	if o.Generator != nil || data.Labels == nil { // of which checkClassifier tells
		return nil
	}
	if o.Generator, err = networks.Classifier(c.classifier(data.NumClasses())); err != nil {
		return fmt.Errorf("train: %w: %s: %w", ErrConfig, data.Name, err)
	}
	o.Generator.ClassNames = data.Classes
	return nil
}

// checkClassifier reports why m cannot learn from data.
func checkClassifier(c Config, data *dataset.Dataset, m *model.Model) error {
	if data.Labels == nil {
		return fmt.Errorf("train: %w: a classifier learns labels, and %s has none", ErrConfig, data.Name)
	}
	if in := m.Input(); in != (model.Shape{H: data.H, W: data.W, C: data.C}) {
		return fmt.Errorf("train: %w: images of %dx%dx%d, the classifier reads %v", ErrConfig, data.H, data.W, data.C, in)
	}
	if n, have := data.NumClasses(), m.Output().Len(); n > have {
		return fmt.Errorf("train: %w: %d classes, the classifier tells %d apart", ErrConfig, n, have)
	}
	if data.N < c.Batch {
		return fmt.Errorf("train: %w: %d images are less than one batch of %d", ErrConfig, data.N, c.Batch)
	}
	return nil
}
