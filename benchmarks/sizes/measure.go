package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/eval/fashion"
	"github.com/gantiny/gantiny/eval/mnist"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// judges have what pictures are compared with, by the name of the data.
type judges map[string]*judge

// judge is data with their classifier.
type judge struct {
	name      string
	reference *eval.Reference
	features  *model.Model
}

// measure makes the table.
func measure(ctx context.Context, o options, log io.Writer) (*table, error) {
	t := &table{Kernel: simd.Best().Name, N: o.n, Finetune: o.finetune}
	known := judges{}
	for _, path := range o.models {
		m, err := model.Load(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if m.Quantized() {
			return nil, fmt.Errorf("%s: a model in integers, want one in floats", path)
		}
		if _, _, err := m.GeneratorInputs(); err != nil {
			return nil, fmt.Errorf("%s: no generator: %w", path, err)
		}
		j, err := known.of(ctx, m, o, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if err := t.measure(ctx, path, m, j, o, log); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return t, nil
}

// of returns what pictures of m are compared with.
func (k judges) of(ctx context.Context, m *model.Model, o options, log io.Writer) (*judge, error) {
	name := o.data
	if name == "" {
		name = m.Provenance.Dataset
	}
	if k[name] != nil {
		return k[name], nil
	}
	j, err := newJudge(ctx, name, m.Output(), o)
	if errors.Is(err, dataset.ErrNotFound) && o.data == "" && name == "mnist" {
		fmt.Fprintln(log, "sizes: MNIST is not installed: pictures are compared with the digits inside this program")
		j, err = newJudge(ctx, "digits", m.Output(), o)
	}
	if err != nil {
		return nil, fmt.Errorf("--data %q: %w", name, err)
	}
	fmt.Fprintf(log, "%s: the floor is a Frechet distance of %.4f\n", j.name, j.reference.Floor().Frechet)
	k[name] = j
	return j, nil
}

// newJudge reads data that pictures of a shape are compared with.
func newJudge(ctx context.Context, name string, shape model.Shape, o options) (*judge, error) {
	load := func(part dataset.Split) (*dataset.Dataset, error) {
		return dataset.Load(ctx, name, dataset.Options{Split: part, Size: shape.H, Channels: shape.C})
	}
	training, err := load(dataset.Train)
	if err != nil {
		return nil, err
	}
	test, err := load(dataset.Test)
	if errors.Is(err, dataset.ErrNotFound) || err == nil && test.SHA256 == training.SHA256 {
		test, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := classifierOf(training)
	if err != nil {
		return nil, err
	}
	n := min(o.n, eval.MostPictures(training, test))
	r, err := eval.NewReference(ctx, c, training, test, n, eval.Options{Seed: 1, Threads: o.threads})
	return &judge{name, r, c.Network()}, err
}

// classifierOf returns the classifier for data: that for Fashion-MNIST if it was trained on them,
// else that for digits.
func classifierOf(training *dataset.Dataset) (*eval.Classifier, error) {
	c, err := fashion.Classifier()
	if err != nil || c.Provenance().DatasetSHA256 == training.SHA256 {
		return c, err
	}
	return mnist.Classifier()
}

// measure adds the rows of a model.
func (t *table) measure(ctx context.Context, path string, m *model.Model, j *judge, o options, log io.Writer) error {
	labels := j.reference.Asked(j.reference.N())
	asked := labels
	if _, class, _ := m.GeneratorInputs(); class < 0 {
		asked = nil
	} else if n := m.Inputs()[class].Type.Classes; n != len(j.reference.Floor().Classes) {
		return fmt.Errorf("%d classes, the data have %d", n, len(j.reference.Floor().Classes))
	}
	whole, err := o.formOf(ctx, m, 32, nil)
	if err != nil {
		return err
	}
	exact, err := whole.draw(ctx, labels, o.threads)
	if err != nil {
		return err
	}
	macs, _ := m.MACs()
	var same *eval.Result // of the exact pixels
	for _, bits := range o.bits {
		fmt.Fprintf(log, "%s, %d bits\n", path, bits)
		f, err := o.formOf(ctx, m, bits, j.features)
		if err != nil {
			return err
		}
		pix, err := f.draw(ctx, labels, o.threads)
		if err != nil {
			return err
		}
		db, result := psnr(exact, pix), same
		if db != nil || same == nil {
			if result, err = j.reference.Compare(ctx, pix, asked); err != nil {
				return err
			}
		}
		if db == nil {
			same = result
		}
		ms, err := f.milliseconds(ctx, o.runs)
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, row{
			Model: path, Data: j.name, Bits: bits, Parameters: m.Parameters(), MACs: macs, Bytes: f.bytes, PSNR: db,
			Floors: result.Frechet / j.reference.Floor().Frechet, Figures: result.Figures, Milliseconds: ms,
		})
	}
	return nil
}
