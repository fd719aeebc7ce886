package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

// taskClassify is the setting task of a classifier.
const taskClassify = "classify"

// loadTest reads the pictures by which a classifier is judged while it learns; nil if the data have
// none, or where no classifier is trained.
func (f *trainFlags) loadTest(ctx context.Context, c train.Config, stderr io.Writer) (*dataset.Dataset, error) {
	if c.Task != taskClassify {
		return nil, nil
	}
	test, err := f.data.loadSplit(ctx, c, dataset.Test, f.out, stderr)
	if errors.Is(err, dataset.ErrNotFound) {
		fmt.Fprintf(stderr, "note: %s has no test pictures to judge the classifier by\n", c.Data)
		return nil, nil
	}
	return test, err
}
