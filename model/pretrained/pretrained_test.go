package pretrained_test

import (
	"math"
	"regexp"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/model/pretrained/float"
)

// TestForms: both forms are generators of digits, the same one, and say the same of where they come
// from.
func TestForms(t *testing.T) {
	q, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	m, err := float.Generator()
	if err != nil {
		t.Fatal(err)
	}
	digit := model.Shape{H: 28, W: 28, C: 1}
	if q.Input() != model.Flat(100) || q.Output() != digit || m.Input() != model.Flat(100) || m.Output() != digit {
		t.Errorf("%v to %v and %v to %v, want 100 to %v", q.Input(), q.Output(), m.Input(), m.Output(), digit)
	}
	if got, want := m.Parameters(), model.Generator(model.Config{}).Parameters(); got != want {
		t.Errorf("%d parameters, the reference has %d", got, want)
	}
	p := q.Provenance
	if p.Command == "" || p.Version == "" || p.Epochs == 0 || p.Dataset == "" || len(p.DatasetSHA256) != 64 {
		t.Errorf("provenance is not complete: %+v", p)
	}
	if p != m.Provenance {
		t.Errorf("the bytes come from %+v, the floats from %+v", p, m.Provenance)
	}
	path := regexp.MustCompile(`(^|[\s='"])(~|/|[A-Za-z]:[\\/])`)
	for _, s := range []string{p.Command, p.Version, p.Dataset} {
		if path.MatchString(s) {
			t.Errorf("provenance names a path of some machine: %q", s)
		}
	}
}

// TestAlike draws with both forms.
func TestAlike(t *testing.T) {
	const n = 16
	o := model.Options{Batch: n, Threads: 1}
	q, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	in, out := q.Input(), q.Output()
	s, err := q.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := float.Generator()
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := make([]float32, n*in.Len())
	model.Latents(z, in.Len(), 1, 0)
	x, y := make([]float32, n*out.Len()), make([]float32, n*out.Len())
	if err := s.Run(x, z); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(y, z); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := range x {
		d := float64(x[i] - y[i])
		sum += d * d
	}
	if psnr := 10 * math.Log10(4*float64(len(x))/sum); !(psnr >= 34) {
		t.Errorf("PSNR %.1f dB, want 34 at least", psnr)
	}
}
