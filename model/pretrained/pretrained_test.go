package pretrained_test

import (
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
)

func TestGenerator(t *testing.T) {
	m, err := pretrained.Generator()
	if err != nil {
		t.Fatal(err)
	}
	if in, out := m.Input(), m.Output(); in != model.Flat(100) || out != (model.Shape{H: 28, W: 28, C: 1}) {
		t.Errorf("%v to %v, want 100 to 28x28x1", in, out)
	}
	want := model.Generator(model.Config{})
	if got := m.Parameters(); got != want.Parameters() {
		t.Errorf("%d parameters, the reference has %d", got, want.Parameters())
	}
	p := m.Provenance
	if p.Command == "" || p.Version == "" || p.Epochs == 0 || p.Dataset == "" || len(p.DatasetSHA256) != 64 {
		t.Errorf("provenance is not complete: %+v", p)
	}
}
