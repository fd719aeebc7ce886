package train

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/rng"
)

func testWindow(c int, fill func(data []float32)) window {
	w := windowOf(conv.NewLayout(8, 10, c, 3), nil)
	w.data = make([]float32, w.Len())
	if fill != nil {
		fill(w.data)
	}
	return w
}

// TestAugmentBackward holds the gradient of each kind of change to its definition: the change is
// linear but for what it adds, and <T(x)-T(0), y> = <x, backward(y)>.
func TestAugmentBackward(t *testing.T) {
	for _, text := range []string{"translate", "cutout", "flip", "color", "translate,flip,cutout,color"} {
		for _, channels := range []int{1, 3} {
			kinds, err := parseAugment(text)
			if err != nil {
				t.Fatal(err)
			}
			normals := func(seed uint32) window {
				return testWindow(channels, func(data []float32) { rng.FillNormal(data, rng.Key{seed}, 0) })
			}
			x, y, zero, tx, t0, back := normals(1), normals(2), testWindow(channels, nil), normals(3), normals(4), normals(5)
			changed := false
			for step := range uint64(20) {
				a := &augmenter{kinds: kinds, key: rng.NewKey(1, rng.Augment), changes: make([]change, 6), reals: x}
				a.draw(step)
				for i := range 3 {
					c := &a.changes[i]
					c.apply(tx, x, i)
					c.apply(t0, zero, i)
					c.applyBackward(back, y, i)
					var left, right, size float64
					for p := range x.Positions() {
						for k := range channels {
							d := float64(tx.pixel(p, i)[k]) - float64(t0.pixel(p, i)[k])
							left += d * float64(y.pixel(p, i)[k])
							right += float64(x.pixel(p, i)[k]) * float64(back.pixel(p, i)[k])
							size += math.Abs(d)
							changed = changed || tx.pixel(p, i)[k] != x.pixel(p, i)[k]
						}
					}
					if math.Abs(left-right) > 1e-5*size+1e-4 {
						t.Errorf("%s, %d channels, step %d, image %d: %g forward, %g backward", text, channels, step, i, left, right)
					}
				}
			}
			if !changed {
				t.Errorf("%s changes nothing", text)
			}
		}
	}
}

// TestAugmentSteps: the same bits on any number of threads, other ones than without changes, and no
// gradient where the discriminator saw nothing of the generator.
func TestAugmentSteps(t *testing.T) {
	end := func(threads int, augment string) map[string][]float32 {
		c := small()
		c.Threads, c.Augment = threads, augment
		tr := newTrainer(t, c, nil)
		for range 3 {
			if _, err := tr.Step(random{1}); err != nil {
				t.Fatal(err)
			}
		}
		return stateOf(tr)
	}
	one := end(1, "translate,color")
	if name := differ(one, end(3, "translate,color")); name != "" {
		t.Errorf("3 threads: %s is not the same", name)
	}
	if differ(one, end(1, "")) == "" {
		t.Error("changes make no difference")
	}
}

func TestAugmentSetting(t *testing.T) {
	list, err := parseAugment("flip, translate,flip")
	if err != nil || !slices.Equal(list, Augment{"flip", "translate"}) {
		t.Errorf("%v, %v", list, err)
	}
	for _, text := range []string{"rotate", "flip,", "flip;color"} {
		if _, err := parseAugment(text); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
