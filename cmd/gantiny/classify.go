package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

// taskClassify is the setting task of a classifier.
const taskClassify = "classify"

// loadTest reads the pictures by which a classifier is judged while it learns; nil if the data have
// none, or where no classifier is trained.
func (f *trainFlags) loadTest(ctx context.Context, c train.Config, training *dataset.Dataset, stderr io.Writer) (*dataset.Dataset, error) {
	if c.Task != taskClassify {
		return nil, nil
	}
	test, err := f.data.loadOthers(ctx, c, training, f.out, stderr)
	if err == nil && (test == nil || test.Labels == nil) {
		fmt.Fprintf(stderr, "note: %s has no test pictures with labels to judge the classifier by\n", c.Data)
		return nil, nil
	}
	return test, err
}
