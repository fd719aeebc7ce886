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
	file, form := args[0], args[1]
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	if form == "int8" {
		err = pictures(quantized.Load, (*quantized.Session).Pixels, file, n)
	} else {
		err = pictures(model.Load, (*model.Session).Run, file, n)
	}
	if err == nil {
		fmt.Println(simd.Best().Name)
	}
	return err
}

// network is a model whose sessions are S.
type network[S any] interface {
	Input() model.Shape
	Output() model.Shape
	NewSession(model.Options) (S, error)
}

// pictures draws n pictures by run, one at a time.
func pictures[M network[S], S, V any](load func(path string) (M, error), run func(s S, dst []V, z []float32) error, path string, n int) error {
	m, err := load(path)
	if err != nil {
		return err
	}
	s, err := m.NewSession(model.Options{Batch: 1, Threads: 1})
	if err != nil {
		return err
	}
	z, dst := make([]float32, m.Input().Len()), make([]V, m.Output().Len())
	model.Latents(z, len(z), 1, 0)
	for range n {
		if err := run(s, dst, z); err != nil {
			return err
		}
	}
	return nil
}
