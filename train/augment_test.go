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
		for _, channels := range []int{1, 2, 3, 4} {
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

// TestAugmentAlpha: colors change without alpha, both move together, and what moves in or is cut
// out is transparent black.
func TestAugmentAlpha(t *testing.T) {
	for _, channels := range []int{2, 4} {
		x := testWindow(channels, func(data []float32) { rng.FillNormal(data, rng.Key{1}, 0) })
		y := testWindow(channels, nil)
		color := change{contrast: 0.5, add: 0.25}
		color.apply(y, x, 1)
		var mean float64
		for p := range x.Positions() {
			for _, v := range x.pixel(p, 1)[:channels-1] {
				mean += float64(v) / float64(x.Positions()*(channels-1))
			}
		}
		for p := range x.Positions() {
			from, to := x.pixel(p, 1), y.pixel(p, 1)
			if to[channels-1] != from[channels-1] {
				t.Fatalf("%d channels: color makes alpha %g of %g", channels, to[channels-1], from[channels-1])
			}
			for k, v := range from[:channels-1] {
				if want := 0.5*float64(v) + 0.5*mean + 0.25; math.Abs(float64(to[k])-want) > 1e-5 {
					t.Fatalf("%d channels: color %g, want %g", channels, to[k], want)
				}
			}
		}
		move := change{contrast: 1, down: 2, right: -1, top: 4, bottom: 6, from: 3, end: 7}
		move.apply(y, x, 2)
		for row := range y.H {
			for column := range y.W {
				want := slices.Repeat([]float32{-1}, channels)
				if cut := row >= 4 && row < 6 && column >= 3 && column < 7; !cut && row >= 2 && column < y.W-1 {
					want = x.pixel((row-2)*x.W+column+1, 2)
				}
				if got := y.pixel(row*y.W+column, 2); !slices.Equal(got, want) {
					t.Fatalf("%d channels, row %d, column %d: %v, want %v", channels, row, column, got, want)
				}
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
