package fuzz

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gantiny/gantiny/internal/tfevents"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

// FuzzSettings: a TOML text gives settings, which are judged, or an error of its own.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{
		"", "epochs = 3\nbatch = 16\n", "seed = -1", "seed = 18446744073709551615", "learning_rate = 1e-4\nschedule = \"cosine\"\n",
		"[epochs]\nx = 1", "epochs = [1,2", "data = \"\\uD800\"", "width = nan", "r1 = inf", "a.b.c = {d = {e = [[[[1]]]]}}", "epochs = 9223372036854775808",
		"background = '''\n#fff'''", "dropout = 1979-05-27T07:32:00Z", "epochs = 0x7fffffffffffffff\nthreads = 0b11\nsize = 0o17",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, start := train.Default(), time.Now()
		err := c.Decode(text)
		if spent := time.Since(start); spent > 5*time.Second {
			t.Errorf("%v for %d bytes", spent, len(text))
		}
		if err == nil {
			err = c.Validate()
		}
		if err != nil && !errors.Is(err, train.ErrConfig) {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzEvents: what is kept of an event file is whole, ends at the step that it is cut at, and is
// kept again as it is.
func FuzzEvents(f *testing.F) {
	var b bytes.Buffer
	at := time.Unix(1, 0)
	err := tfevents.Begin(&b, at)
	for step := range uint64(4) {
		err = errors.Join(err, tfevents.Write(&b, at, step, []tfevents.Value{{Tag: "loss", Scalar: float32(step)}}))
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), uint64(2))
	f.Add(b.Bytes()[:b.Len()-3], uint64(9))
	f.Add([]byte{}, uint64(0))
	f.Add(append(bytes.Clone(b.Bytes()), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), uint64(3))
	f.Fuzz(func(t *testing.T, file []byte, step uint64) {
		var kept, again bytes.Buffer
		if err := tfevents.Keep(&kept, bytes.NewReader(file), step); err != nil {
			if !errors.Is(err, tfevents.ErrFormat) {
				t.Errorf("error %v", err)
			}
			return
		}
		if err := tfevents.Keep(&again, bytes.NewReader(kept.Bytes()), step); err != nil || !bytes.Equal(again.Bytes(), kept.Bytes()) {
			t.Errorf("what was kept, %d bytes, is kept again as %d (%v)", kept.Len(), again.Len(), err)
		}
		for r := bytes.NewReader(kept.Bytes()); r.Len() > 0; {
			if e, err := tfevents.Read(r); err != nil || e.Step > step {
				t.Fatalf("an event of step %d of %d was kept (%v)", e.Step, step, err)
			}
		}
	})
}

// FuzzAdam makes several updates of parameters of any sizes, and compares them with the formula in
// float64; rows that fuse multiply-adds must agree to the bit.
func FuzzAdam(f *testing.F) {
	for i := range uint8(8) {
		f.Add(uint64(i), uint16(i)*37, 1+i, i, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, size uint16, updates, exponent uint8, decay bool) {
		n, steps := int(size)%600, 1+int(updates)%12
		scale := float32(math.Ldexp(1, int(exponent)%24-12)) // of the gradients
		const rate, beta1, beta2, epsilon = 1e-3, 0.9, 0.999, 1e-7
		var rule train.Optimizer = train.Adam{Beta1: beta1, Beta2: beta2, Epsilon: epsilon}
		if decay {
			rule = train.AdamW{Beta1: beta1, Beta2: beta2, Epsilon: epsilon, Decay: 0.01}
		}
		var reference, fused []float32
		for _, k := range simd.Variants() {
			rng := rand.New(rand.NewPCG(seed, 10))
			w, m, v := noise(rng, n), make([]float32, n), make([]float32, n)
			want, wm, wv := wide(w), make([]float64, n), make([]float64, n)
			for step := 1; step <= steps; step++ {
				g := noise(rng, n)
				k.Scale(g, scale)
				rule.Update(k, w, g, [][]float32{m, v}, uint64(step), rate)
				// The betas as a float32 has them, whose powers the correction takes.
				b1, b2 := float64(float32(beta1)), float64(float32(beta2))
				c1, c2 := 1-math.Pow(b1, float64(step)), 1-math.Pow(b2, float64(step))
				for i, x := range wide(g) {
					wm[i], wv[i] = b1*wm[i]+(1-b1)*x, b2*wv[i]+(1-b2)*x*x
					if decay {
						want[i] = want[i]*(1-rate*0.01) - rate*wm[i]/c1/(math.Sqrt(wv[i]/c2)+epsilon)
					} else {
						want[i] -= rate * math.Sqrt(c2) / c1 * wm[i] / (math.Sqrt(wv[i]) + epsilon)
					}
				}
			}
			for i := range want {
				if d := math.Abs(float64(w[i]) - want[i]); !(d <= float64(steps)*1e-6) {
					t.Fatalf("row %s: parameter %d is %g after %d updates, want %g", k.Name, i, w[i], steps, want[i])
				}
			}
			checkRow(t, k, w, &reference, &fused, func(int) float64 { return float64(steps) * 1e-6 })
		}
	})
}
