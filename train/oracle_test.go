package train_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

// oracleRun is the metadata of testdata/steps.oracle.
type oracleRun struct {
	seed                         uint64
	steps, batch, latent, width  int
	rate, beta1, beta2, epsilon  float64
	losses                       [][2]float64 // of G and D, each step
	g, d, trainableG, trainableD []string     // names of parameters
	file                         *oracle.File
}

func openRun(t *testing.T) oracleRun {
	var r oracleRun
	f, err := oracle.Open("testdata/steps.oracle")
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"seed": &r.seed, "steps": &r.steps, "batch": &r.batch, "latent": &r.latent, "width": &r.width,
		"learning_rate": &r.rate, "beta1": &r.beta1, "beta2": &r.beta2, "epsilon": &r.epsilon,
		"losses": &r.losses, "g": &r.g, "d": &r.d, "g_trainable": &r.trainableG, "d_trainable": &r.trainableD,
	} {
		if err := f.Meta(name, v); err != nil {
			t.Fatal(err)
		}
	}
	r.file = f
	return r
}

// trainer returns a Trainer at the run's first values.
func (r oracleRun) trainer(t *testing.T, k *simd.Kernels, threads int) *train.Trainer {
	c := train.Default()
	c.Seed, c.Batch, c.Latent, c.Width, c.Threads = r.seed, r.batch, r.latent, r.width, threads
	c.LearningRate, c.Beta1, c.Beta2, c.Epsilon = r.rate, r.beta1, r.beta2, r.epsilon
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	for _, n := range []struct {
		head  string
		m     *model.Model
		names []string
	}{{"g", g, r.g}, {"d", d, r.d}} {
		var names []string
		for _, p := range n.m.Params() {
			names = append(names, p.Name)
			copy(p.Data, r.file.Float32(n.head+"."+p.Name+".first"))
		}
		if !slices.Equal(names, n.names) {
			t.Fatalf("parameters %v, want %v", names, n.names)
		}
		n.m.Changed()
	}
	tr, err := train.New(c, g, d, train.Tuning{Kernels: k})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// data returns the reals, pixels in [-1, 1], and the noise of step i, from 0.
func (r oracleRun) data(i int) (reals, noise []float32) {
	pixels, z := r.file.Bytes("reals"), r.file.Float32("noise")
	n := len(pixels) / r.steps
	for _, p := range pixels[i*n:][:n] {
		reals = append(reals, (float32(p)-127.5)/127.5)
	}
	n = len(z) / r.steps
	return reals, z[i*n:][:n]
}

// TestOracleSteps takes the reference networks, with fewer channels, through ten steps beside
// PyTorch in float64. After one step every gradient must agree; the weights are judged by the
// distance that they should have gone, because Adam makes a full-sized update also of a gradient
// that is hardly more than rounding.
func TestOracleSteps(t *testing.T) {
	r := openRun(t)
	for _, k := range simd.Variants() {
		t.Run(k.Name, func(t *testing.T) {
			tr := r.trainer(t, k, 1)
			defer tr.Close()
			for i := range r.steps {
				reals, noise := r.data(i)
				l, err := tr.StepOn(reals, noise, nil)
				if err != nil {
					t.Fatal(err)
				}
				for j, got := range []float64{l.G, l.D} {
					if e := math.Abs(got/r.losses[i][j] - 1); !(e <= 2e-6) {
						t.Errorf("step %d: loss of %s is %.9g, want %.9g", i+1, "GD"[j:j+1], got, r.losses[i][j])
					}
				}
				switch i {
				case 0:
					r.checkGradients(t, tr)
					r.checkWeights(t, tr, "after1", 0.005, 1e-3)
				case r.steps - 1:
					r.checkWeights(t, tr, "last", 0.02, 2e-3)
				}
			}
		})
	}
}

func (r oracleRun) checkGradients(t *testing.T, tr *train.Trainer) {
	g, d := tr.Gradients()
	for _, n := range []struct {
		head  string
		grads []*model.Param
		names []string
	}{{"g", g, r.trainableG}, {"d", d, r.trainableD}} {
		if len(n.grads) != len(n.names) {
			t.Fatalf("%s: %d gradients, want %d", n.head, len(n.grads), len(n.names))
		}
		for i, name := range n.names {
			if e := oracle.Error(n.grads[i].Data, r.file.Float32(n.head+"."+name+".grad")); !(e <= 4e-6) {
				t.Errorf("gradient of %s.%s: error %.3g of the largest value", n.head, name, e)
			}
		}
	}
}

// checkWeights compares trained parameters in units of the learning rate, and moving statistics as
// they are.
func (r oracleRun) checkWeights(t *testing.T, tr *train.Trainer, when string, most, rms float64) {
	for head, m := range map[string]*model.Model{"g": tr.Generator(), "d": tr.Discriminator()} {
		for _, p := range m.Params() {
			name := head + "." + p.Name
			want := r.file.Float32(name + "." + when)
			if !p.Trainable {
				if e := oracle.Error(p.Data, want); !(e <= 2e-6) {
					t.Errorf("%s, %s: error %.3g of the largest value", name, when, e)
				}
				continue
			}
			var worst, square float64
			for i, w := range want {
				e := math.Abs(float64(p.Data[i])-float64(w)) / r.rate
				worst = max(worst, e)
				square += e * e
			}
			if square = math.Sqrt(square / float64(len(want))); !(worst <= most) || !(square <= rms) {
				t.Errorf("%s, %s: errors up to %.3g of the learning rate, %.3g root mean square; want at most %g and %g", name, when, worst, square, most, rms)
			}
		}
	}
}
