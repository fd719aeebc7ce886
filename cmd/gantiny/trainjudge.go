package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

// judgeSeed is that of the pictures by which a run measures its generator: the one that eval has by
// default, which then finds the same figures.
const judgeSeed = 1

// judge makes what measures the generator by the setting eval_every; nil without it.
func (f *trainFlags) judge(ctx context.Context, c train.Config, data *dataset.Dataset, k *simd.Kernels, stderr io.Writer) (*train.Judge, error) {
	if c.EvalEvery == 0 {
		return nil, nil
	}
	classifier, name, err := openClassifier("--eval-classifier", c.EvalClassifier, c.Data, data)
	if err != nil {
		return nil, err
	}
	if shape := (model.Shape{H: data.H, W: data.W, C: data.C}); classifier.Input() != shape {
		return nil, usagef("--eval-every: the pictures are %v, the classifier %s reads %v; train one for these, with gantiny train --task classify, and name it by --eval-classifier",
			shape, name, classifier.Input())
	}
	if c.Conditional {
		noteClasses("the generator", data.NumClasses(), classifier, stderr)
	}
	if c.EvalClassifier != "" {
		if name, err = filepath.Abs(name); err != nil {
			return nil, err
		}
	}
	test, err := f.data.loadOthers(ctx, c, data, f.out, stderr)
	if err != nil {
		return nil, err
	}
	n := min(c.EvalNumber, eval.MostPictures(data, test))
	if n < eval.LeastPictures {
		return nil, usagef("--eval-every: %s has %s: too few to compare with, figures need %d", c.Data, display.Plural(data.N, "picture"), eval.LeastPictures)
	}
	o := eval.Options{Seed: judgeSeed, Threads: c.Threads, Kernels: k}
	r, err := eval.NewReference(ctx, classifier, data, test, n, o)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stderr, "measured by %d pictures in the features of %s: test pictures have Frechet distance %.4g\n", n, name, r.Floor().Frechet)
	measure := func(ctx context.Context, g *model.Model) (eval.Figures, error) {
		pix, asked, err := drawFor(ctx, network{name, g}, r, 1, o)
		if err != nil {
			return eval.Figures{}, err
		}
		result, err := r.Compare(ctx, pix, asked)
		if err != nil {
			return eval.Figures{}, err
		}
		return result.Figures, nil
	}
	return &train.Judge{By: fmt.Sprintf("%d pictures, features of %s", n, name), Measure: measure}, nil
}
