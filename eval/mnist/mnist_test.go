package mnist

import (
	"errors"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
)

// TestClassifier holds the classifier to the accuracy that its card says, on MNIST's test pictures
// where they are installed; elsewhere it looks at some of the digits that are built in.
func TestClassifier(t *testing.T) {
	c, err := Classifier()
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Provenance(); p.Command == "" || p.DatasetSHA256 == "" {
		t.Errorf("provenance %+v", p)
	}
	if testing.Short() {
		t.Skip("looks at 10,000 pictures")
	}
	d, err := dataset.Open("mnist", dataset.Options{Split: dataset.Test})
	n := 0
	if errors.Is(err, dataset.ErrNotFound) {
		d, err = dataset.Open("digits", dataset.Options{})
		n = 2000
	}
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		n = d.N
	}
	seen, err := c.See(t.Context(), d.Pix[:n*28*28], eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a := seen.Accuracy(d.Labels); a < 0.993 {
		t.Errorf("it names %v right", a)
	}
}
