package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAlarm(t *testing.T) {
	const dataStd, before = 60, 10
	for _, x := range []struct {
		says, loss string
		m          Metrics
	}{
		{"", "bce", Metrics{G: 0.8, D: 1.3, Real: 0.6, Fake: 0.4, SampleStd: 30}},
		{"sure of all images", "bce", Metrics{G: 825627, D: 0, Real: 1, Fake: 0}},
		{"wrong about all", "hinge", Metrics{G: 0, D: 30, Real: 0, Fake: 1}},
		{"out of proportion: G", "bce", Metrics{G: -5000, D: 1, Real: 0.5, Fake: 0.5}},
		{"all latents draw the same picture: its pixels differ by 1.1 of 255", "bce", Metrics{SampleStd: 1.1}},
		{"", "bce", Metrics{SampleStd: 1.3}}, // 2.2% of the data's
		{"all latents draw the same picture", "bce", Metrics{}},
		{"", "wasserstein", Metrics{G: 20, D: 5, Real: 1, Fake: 0, SampleStd: 30}}, // its scores are no logits
	} {
		a := x.m.alarm(x.loss, true, dataStd, before)
		if got := a.String(); !strings.Contains(got, x.says) || (got == "") != (x.says == "") || got != "" && !strings.Contains(got, "; try ") {
			t.Errorf("%s %+v: %q, want %q", x.loss, x.m, got, x.says)
		}
	}
	if a := (Metrics{}).alarm("bce", false, dataStd, before); a.kind != "" {
		t.Errorf("without a grid: %v", a)
	}
	if a := (Metrics{SampleStd: 1.1}).alarm("bce", true, dataStd, 4); a.kind != "" {
		t.Errorf("of a generator that never had more: %v", a)
	}
	if a := (Metrics{SampleStd: 0.1}).alarm("bce", true, dataStd, 0); a.kind != "same" {
		t.Errorf("of the first grid, with no variety at all: %v", a)
	}
}

// An alarm is said when it begins and at the end of the run.
func TestWatch(t *testing.T) {
	r := &run{}
	notes := notesOf(&r.o)
	loss, same := alarm{"loss", "large", "less"}, alarm{"same", "one picture", "more"}
	for i, a := range []alarm{{}, loss, loss, {}, loss, same, {}} {
		r.watch(Metrics{Epoch: i}, a, false)
	}
	r.watch(Metrics{Epoch: 7}, same, false)
	r.watch(Metrics{Epoch: 8}, same, true)
	want := []string{"epoch 1: large; try less", "epoch 4: large; try less", "epoch 5: one picture; try more", "epoch 7: one picture; try more", "epoch 8: one picture; try more"}
	if !slices.Equal(*notes, want) {
		t.Errorf("notes %q, want %q", *notes, want)
	}
}

func TestImageStd(t *testing.T) {
	for _, x := range []struct {
		pix         []uint8
		size, group int
		want        float64
	}{
		{[]uint8{7, 9, 7, 9}, 2, 2, 0},                             // two equal images
		{[]uint8{0, 0, 10, 20}, 2, 2, math.Sqrt((25 + 100) / 2.0)}, // deviations of 5 and of 10
		{[]uint8{0, 0, 255, 255}, 1, 2, 0},                         // classes differ, their images do not
		{[]uint8{0, 0, 255, 255}, 1, 4, 127.5},
		{nil, 4, 2, 0},
	} {
		if got := imageStd(x.pix, x.size, x.group); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("%v, %d in a group: %g, want %g", x.pix, x.group, got, x.want)
		}
	}
	// The first of 256 of them alone would not show that the images differ.
	pix := make([]uint8, 2048)
	for i := range 1024 {
		pix[1024+i] = 100
	}
	if got := dataStd(pix, 1); got != 50 {
		t.Errorf("of images in order: %g, want 50", got)
	}
}

// TestCollapse: a generator that draws one picture is named at the grid.
func TestCollapse(t *testing.T) {
	dir := t.TempDir()
	var notes *[]string
	if err := runIn(t, dir, func(c *Config, o *Options) {
		c.Epochs, c.LearningRate = 1, 1e-30
		notes = notesOf(o)
		if err := o.build(*c, pictures); err != nil {
			t.Fatal(err)
		}
		clear(o.Generator.TrainableParams()[0].Data) // no latent has an effect
	}); err != nil {
		t.Fatal(err)
	}
	wantNote(t, "one picture", *notes, "epoch 1: all latents draw the same picture: its pixels differ by 0 of 255")
	_, _, lines := endOf(t, dir)
	if got := lines[len(lines)-1].Alarm; !strings.HasPrefix(got, "all latents draw the same picture") {
		t.Errorf("the line says %q", got)
	}
}

// TestFreshSpread: a generator that has not learned yet is no collapsed one, nor does a resumed run
// forget what its grids were like.
func TestFreshStd(t *testing.T) {
	dir := t.TempDir()
	var notes *[]string
	if err := runIn(t, dir, func(c *Config, o *Options) { c.LearningRate, c.EMAImages = 1e-30, 1e6; notes = notesOf(o) }); err != nil {
		t.Fatal(err)
	}
	wantNote(t, "nothing learned", *notes, "")
	var most float64
	_, _, lines := endOf(t, dir)
	for _, m := range lines {
		most = max(most, m.SampleStd)
	}
	r := &run{c: small(), o: Options{Dir: dir}, t: newTrainer(t, small(), nil)}
	r.t.steps = 2 * perEpoch
	if err := r.openLogs(); err != nil || most == 0 || r.mostStd != most {
		t.Errorf("spread %g of the grids so far, want %g (%v)", r.mostStd, most, err)
	}
	r.closeLogs()
}

// TestGradNorms: the norms are those of the gradients, before they are clipped.
func TestGradNorms(t *testing.T) {
	c := small()
	tr := newTrainer(t, c, nil)
	if _, err := tr.Step(random{1}); err != nil {
		t.Fatal(err)
	}
	g, d := tr.GradNorms()
	for i, params := range [][]float64{flat(tr.g), flat(tr.d)} {
		var sum float64
		for _, x := range params {
			sum += x * x
		}
		if got, want := []float64{g, d}[i], math.Sqrt(sum); !(got > 0) || math.Abs(got-want) > 1e-9*want {
			t.Errorf("network %d: %g, want %g", i, got, want)
		}
	}
	c.ClipNorm = g / 2
	clipped := newTrainer(t, c, nil)
	if _, err := clipped.Step(random{1}); err != nil {
		t.Fatal(err)
	}
	if now, _ := clipped.GradNorms(); now != g {
		t.Errorf("with clip_norm: %g, want %g", now, g)
	}
}

func flat(n *Network) (list []float64) {
	for _, p := range n.grads {
		for _, x := range p.Data {
			list = append(list, float64(x))
		}
	}
	return list
}

// fragile is an objective that diverges at some steps as long as the learning rate is above a share
// of the setting, and leaves its weights in ruins.
type fragile struct {
	*GAN
	at    []uint64
	share float64
}

func (f *fragile) Step(t *Trainer, from Source) (Losses, error) {
	if l, err := f.GAN.Step(t, from); err != nil || !slices.Contains(f.at, t.steps+1) || t.slow <= f.share {
		return l, err
	}
	t.g.model.Params()[0].Data[0] = float32(math.NaN())
	return Losses{}, t.Diverged("it is fragile")
}

func fragileAt(share float64, at ...uint64) func(c *Config, o *Options) {
	return func(c *Config, o *Options) {
		c.MetricsEvery, c.Epochs, c.OnDivergence, c.TensorBoard = 1, 3, "rollback", true
		o.Objective = &fragile{NewGAN("bce", BCE, GANOptions{}), at, share}
	}
}

// lowered is what a run by hand does: it ends at the divergence and is resumed with half the rate.
func lowered(t *testing.T, dir string, halvings int, set func(c *Config, o *Options)) error {
	t.Helper()
	var err error
	for n := range halvings + 1 {
		err = runIn(t, dir, func(c *Config, o *Options) {
			set(c, o)
			c.OnDivergence = "stop"
			c.LearningRate = math.Ldexp(c.LearningRate, -n)
			f := o.Objective.(*fragile)
			f.share = math.Ldexp(f.share, n)
			o.Resume = n > 0
		})
		if n < halvings && !errors.Is(err, ErrDiverged) {
			t.Fatalf("it has not diverged: %v", err)
		}
	}
	return err
}

// withoutBack are lines without what only a run that went back by itself says.
func withoutBack(lines []Metrics) []Metrics {
	for i := range lines {
		lines[i].Rollbacks = 0
	}
	return lines
}

// TestRollback: a run that diverges goes back and on, to the bits of one that was resumed by hand
// with half the learning rate, also where it is stopped on the way.
func TestRollback(t *testing.T) {
	set := fragileAt(0.5, 6)
	want, got := t.TempDir(), t.TempDir()
	if err := lowered(t, want, 1, set); err != nil {
		t.Fatal(err)
	}
	var notes *[]string
	if err := runIn(t, got, func(c *Config, o *Options) { set(c, o); notes = notesOf(o) }); err != nil {
		t.Fatal(err)
	}
	wantNote(t, "a rollback", *notes, "training diverged at step 6: it is fragile; the checkpoint of step 4 is kept: back to step 4 with learning rate 5e-05, rollback 1 of 3")
	_, gotState, gotLines := endOf(t, got)
	_, wantState, wantLines := endOf(t, want)
	if name := differ(wantState, gotState); name != "" {
		t.Errorf("other values of %s", name)
	}
	for _, l := range gotLines {
		if back := l.Step > 4; (l.Rollbacks == 1) != back {
			t.Errorf("step %d: %d rollbacks", l.Step, l.Rollbacks)
		}
	}
	if !slices.Equal(withoutBack(gotLines), withoutBack(wantLines)) {
		t.Errorf("metrics %+v, want %+v", gotLines, wantLines)
	}

	for _, stop := range []uint64{3, 5, 8, 11} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		c, o := small(), Options{Dir: dir}
		set(&c, &o)
		o.OnStep = func(s Stats) {
			if s.Step == stop {
				cancel()
			}
		}
		if err := Run(ctx, c, pictures, o); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped at step %d: %v", stop, err)
		}
		cancel()
		if err := runIn(t, dir, func(c *Config, o *Options) { set(c, o); o.Resume = true }); err != nil {
			t.Fatal(err)
		}
		_, state, _ := endOf(t, dir)
		// A checkpoint at step 5 is one that the run then goes back to.
		if name := differ(gotState, state); (name == "") != (stop != 5) {
			t.Errorf("stopped at step %d: other values of %q", stop, name)
		}
		if saved := backOf(t, dir); len(saved) != 1 {
			t.Errorf("stopped at step %d: rollbacks %+v", stop, saved)
		}
	}
}

func backOf(t *testing.T, dir string) []rollback {
	t.Helper()
	c, err := openCheckpoint(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	return c.Back
}

// A second divergence before any new checkpoint goes back further.
func TestRollbackFurther(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, fragileAt(0.25, 10)); err != nil {
		t.Fatal(err)
	}
	back := backOf(t, dir)
	if len(back) != 2 || back[0].At != 10 || back[0].To != 8 || back[1].At != 10 || back[1].To != 4 {
		t.Errorf("rollbacks %+v", back)
	}
	step, _, lines := endOf(t, dir)
	if step != 3*perEpoch || len(lines) != 3*perEpoch {
		t.Errorf("it ends at step %d with %d lines", step, len(lines))
	}
}

// After its last rollback a run that diverges ends, with the checkpoint kept. Another learning rate
// counts whole.
func TestRollbackEnds(t *testing.T) {
	dir := t.TempDir()
	set := fragileAt(0, 6)
	err := runIn(t, dir, func(c *Config, o *Options) { set(c, o); c.Rollbacks = 2 })
	if !errors.Is(err, ErrDiverged) || len(backOf(t, dir)) != 2 {
		t.Fatalf("%v after %+v", err, backOf(t, dir))
	}
	if _, err := os.Stat(filepath.Join(dir, CheckpointFile)); err != nil {
		t.Error(err)
	}
	err = runIn(t, dir, func(c *Config, o *Options) {
		set(c, o)
		o.Objective.(*fragile).at = nil
		o.Resume, c.LearningRate = true, 3e-5
	})
	if err != nil || len(backOf(t, dir)) != 0 {
		t.Errorf("with another learning rate: %v, %+v", err, backOf(t, dir))
	}
}
