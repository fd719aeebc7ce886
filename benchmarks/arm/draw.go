package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/quantized"
	"github.com/gantiny/gantiny/simd"
)

// The first goroutine keeps to the first thread: what the runtime does on others is not counted.
func init() { runtime.LockOSThread() }

// draw draws N pictures with the model in FILE, of FORM int8 or float32, one at a time on one thread, and prints the kernel row:
// arguments FILE FORM N.
func draw(args []string) error {
	if len(args) != 3 {
		return errors.New("draw: want FILE FORM N")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	o := model.Options{Batch: 1, Threads: 1}
	var run func(z []float32) error
	latent := 0
	if args[1] == "int8" {
		m, err := quantized.Load(args[0])
		if err != nil {
			return err
		}
		s, err := m.NewSession(o)
		if err != nil {
			return err
		}
		latent = m.Input().Len()
		pixels := make([]uint8, m.Output().Len())
		run = func(z []float32) error { return s.Pixels(pixels, z) }
	} else {
		m, err := model.Load(args[0])
		if err != nil {
			return err
		}
		s, err := m.NewSession(o)
		if err != nil {
			return err
		}
		latent = m.Input().Len()
		dst := make([]float32, m.Output().Len())
		run = func(z []float32) error { return s.Run(dst, z) }
	}
	z := make([]float32, latent)
	model.Latents(z, latent, 1, 0)
	for range n {
		if err := run(z); err != nil {
			return err
		}
	}
	fmt.Println(simd.Best().Name)
	return nil
}
