package pretrained_test

import (
	"errors"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/model/quantized"
)

// TestForms: at least one form is there, and each is a generator of digits with a complete provenance.
func TestForms(t *testing.T) {
	m, err := pretrained.Generator()
	none := err != nil
	switch {
	case err == nil:
		check(t, m.Input(), m.Output(), m.Provenance)
		want := model.Generator(model.Config{})
		if got := m.Parameters(); got != want.Parameters() {
			t.Errorf("%d parameters, the reference has %d", got, want.Parameters())
		}
	case !errors.Is(err, model.ErrFormat):
		t.Fatal(err)
	}
	q, err := pretrained.Quantized()
	switch {
	case err == nil:
		check(t, q.Input(), q.Output(), q.Provenance())
	case none || !errors.Is(err, quantized.ErrNone):
		t.Fatal(err)
	}
}

func check(t *testing.T, in, out model.Shape, p model.Provenance) {
	t.Helper()
	if in != model.Flat(100) || out != (model.Shape{H: 28, W: 28, C: 1}) {
		t.Errorf("%v to %v, want 100 to 28x28x1", in, out)
	}
	if p.Command == "" || p.Version == "" || p.Epochs == 0 || p.Dataset == "" || len(p.DatasetSHA256) != 64 {
		t.Errorf("provenance is not complete: %+v", p)
	}
}
