package fashion

import (
	"errors"
	"testing"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
)

// TestClassifier holds the classifier to the accuracy that its card says, on Fashion-MNIST's test
// pictures where they are installed.
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
	d, err := dataset.Open("fashion", dataset.Options{Split: dataset.Test})
	if errors.Is(err, dataset.ErrNotFound) {
		t.Skip("Fashion-MNIST is not installed")
	}
	if err != nil {
		t.Fatal(err)
	}
	seen, err := c.See(t.Context(), d.Pix, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a := seen.Accuracy(d.Labels); a < 0.92 {
		t.Errorf("it names %v right", a)
	}
}
