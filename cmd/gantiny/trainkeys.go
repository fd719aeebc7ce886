package main

import (
	"context"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"os"
	"sync/atomic"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/picture"
	"github.com/gantiny/gantiny/train"
)

// watching is what a person sees of a run, and does to it.
type watching struct {
	bar    *display.Progress
	stderr io.Writer
	task   string
	test   *dataset.Dataset // that judges a classifier, or nil
	show   bool             // draw each grid in the terminal

	quit   func()        // ends the run, saved
	sample atomic.Bool   // a grid is wanted now
	pauses chan struct{} // p was pressed
}

func newWatching(stderr io.Writer, task string, test *dataset.Dataset, show bool) *watching {
	return &watching{bar: display.NewProgress(stderr), stderr: stderr, task: task, test: test, show: show, pauses: make(chan struct{}, 8)}
}

// run has the run of o watched and steered until it ends.
func (w *watching) run(ctx context.Context, c train.Config, data *dataset.Dataset, o train.Options) error {
	run, quit := context.WithCancel(ctx)
	defer quit()
	w.quit = quit
	answered := answer(ctx, run, w.bar)
	deaf, keys := display.Keys(run, os.Stdin, w.stderr, w.press)
	defer deaf()
	if keys {
		w.bar.Log("keys: %s", w.keys())
	}
	// What reads standard error may end first, as tee does at Ctrl-C: that must not end a run
	// before its checkpoint.
	ignorePipes()
	o.OnStep = func(s train.Stats) { w.step(run, s) }
	o.OnEpoch = w.epoch
	o.OnNote = func(note string) { w.bar.Log("note: %s", note) }
	o.SampleNow = func() bool { return w.sample.Swap(false) }
	err := train.Run(run, c, data, o)
	answered()
	w.bar.Settle()
	return err
}

// press does what a key stands for.
func (w *watching) press(key byte) {
	switch {
	case key == 's' && w.task != taskClassify:
		w.sample.Store(true)
	case key == 'p':
		select {
		case w.pauses <- struct{}{}:
		default:
		}
	case key == 'q':
		w.quit()
	default:
		w.bar.Log("keys: %s", w.keys())
	}
}

// keys says what the keys do.
func (w *watching) keys() string {
	if w.task == taskClassify {
		return "p pauses, q saves and quits"
	}
	return "s draws samples now, p pauses, q saves and quits"
}

// step shows a step, and waits while the run is paused.
func (w *watching) step(ctx context.Context, s train.Stats) {
	w.bar.Show(trainState(w.task, s))
	if s.Grid != "" && s.Batch != s.Batches {
		w.bar.Log("samples of step %d: %s", s.Step, s.Grid)
		w.draw(s.Grid, true)
	}
	select {
	case <-w.pauses:
		w.bar.Log("paused after step %d; p goes on", s.Step)
		select {
		case <-w.pauses:
			w.bar.Log("going on")
		case <-ctx.Done():
		}
	default:
	}
}

// epoch shows what an epoch has come to: a classifier's score, a grid that it may have drawn.
func (w *watching) epoch(s train.Stats) {
	if w.test != nil {
		w.bar.Log("epoch %d: %.2f%% of %s right", s.Epoch, 100*s.TestRight, display.Plural(w.test.N, "test picture"))
	}
	if s.Eval != (train.Quality{}) {
		best := ""
		if s.Best {
			best = "; the best so far, kept in " + train.BestFile
		}
		w.bar.Log("epoch %d: Frechet distance %.4g, precision %.3f, recall %.3f, coverage %.3f%s", s.Epoch, s.Eval.Frechet, s.Eval.Precision, s.Eval.Recall, s.Eval.Coverage, best)
	}
	if s.Grid != "" {
		w.bar.Log("samples of epoch %d: %s%s", s.Epoch, s.Grid, nextGrid(s))
		w.draw(s.Grid, w.show)
	}
}

// draw shows a grid in the terminal, if there is one and it is wanted. A grid that cannot be shown
// is no reason to end a run.
func (w *watching) draw(path string, wanted bool) {
	screen := display.Look(w.stderr)
	if !wanted || !screen.Terminal {
		return
	}
	if err := drawFile(w.stderr, path, screen); err != nil {
		w.bar.Log("%v", err)
	}
}

func drawFile(w io.Writer, path string, screen display.Screen) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	channels := 3
	if img.ColorModel() == color.GrayModel {
		channels = 1
	}
	return picture.Terminal(display.Raw(w), img, picture.Text{Width: screen.Width, Colors: screen.PictureColors(channels)})
}
