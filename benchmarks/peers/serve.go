package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/gantiny/gantiny/internal/cputime"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

// serve is gantiny's contestant; args are the work, the batch, the threads and perhaps a model's
// file.
func serve(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 && len(args) != 4 {
		return fmt.Errorf("--serve: want WORK BATCH THREADS [FILE], got %q", args)
	}
	batch, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	threads, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	k, err := simd.Lookup("")
	if err != nil {
		return err
	}
	name := "gantiny"
	var work func() error
	switch {
	case len(args) == 4:
		name, work, err = drawing(args[3], model.Options{Batch: batch, Threads: threads, Kernels: k})
	case args[0] == "generate" || args[0] == "half":
		name = "gantiny float32"
		work, err = generating(model.Options{Batch: batch, Threads: threads, Kernels: k, Half: args[0] == "half"})
	case args[0] == "int8":
		name = "gantiny int8"
		work, err = quantized(batch, threads, k)
	case args[0] == "train":
		work, err = training(batch, threads, k)
	default:
		err = fmt.Errorf("--serve %s: no such work", args[0])
	}
	if err == nil {
		err = work() // touches its memory
	}
	if err != nil {
		return err
	}
	return answer(name+", kernel "+k.Name, work, in, out)
}

// answer speaks the contestants' protocol for one kind of work.
func answer(name string, work func() error, in io.Reader, out io.Writer) error {
	runtime.LockOSThread() // whose processor time is measured: with one thread the work is all on it
	defer runtime.UnlockOSThread()
	fmt.Fprintln(out, "ready", name)
	for {
		var seconds float64
		if _, err := fmt.Fscan(in, &seconds); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var ms []float64
		least := math.Inf(1)
		begin := time.Now()
		for at := begin; len(ms) == 0 || at.Sub(begin).Seconds() < seconds; {
			used := cputime.Thread()
			if err := work(); err != nil {
				return err
			}
			least = min(least, float64(cputime.Thread()-used)/1e6)
			end := time.Now()
			ms = append(ms, float64(end.Sub(at))/1e6)
			at = end
		}
		if _, err := fmt.Fprintf(out, "%.6f %d %.6f\n", median(ms), len(ms), least); err != nil {
			return err
		}
	}
}

// generating draws a batch of the reference generator.
func generating(o model.Options) (func() error, error) {
	g := model.Generator(model.Config{})
	s, err := g.NewSession(o)
	if err != nil {
		return nil, err
	}
	z := make([]float32, o.Batch*g.Input().Len())
	model.Latents(z, g.Input().Len(), 1, 0)
	dst := make([]float32, o.Batch*g.Output().Len())
	return func() error { return s.Run(dst, z) }, nil
}

// quantized draws a batch of the reference generator in int8, down to pixels.
func quantized(batch, threads int, k *simd.Kernels) (func() error, error) {
	q, _, err := model.Generator(model.Config{}).Quantize(context.Background(), quant.Options{Images: 16, Kernels: k})
	if err != nil {
		return nil, err
	}
	s, err := q.NewSession(model.Options{Batch: batch, Threads: threads, Kernels: k})
	if err != nil {
		return nil, err
	}
	z := make([]float32, batch*q.Input().Len())
	model.Latents(z, q.Input().Len(), 1, 0)
	dst := make([]uint8, batch*q.Output().Len())
	return func() error { return s.Pixels(dst, z) }, nil
}

// training does whole steps of the reference networks, always on the same batch.
func training(batch, threads int, k *simd.Kernels) (func() error, error) {
	c := train.Default()
	c.Batch, c.Threads = batch, threads
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	t, err := train.New(c, g, d, train.Tuning{Kernels: k})
	if err != nil {
		return nil, err
	}
	z := make([]float32, batch*g.Input().Len())
	model.Latents(z, g.Input().Len(), 1, 0)
	reals := make([]float32, batch*g.Output().Len())
	for i := range reals {
		reals[i] = float32(i*7%256)/127.5 - 1
	}
	return func() error {
		_, err := t.StepOn(reals, z, nil)
		return err
	}, nil
}
