package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// The first goroutine keeps to the first thread: what the runtime does on others is not counted.
func init() { runtime.LockOSThread() }

// draw draws N pictures with the model in FILE, of FORM int8 or float32, one at a time on one
// thread, and prints the kernel row: arguments FILE FORM N.
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
	m, err := model.LoadForm(file, form != "int8")
	if err == nil {
		err = pictures(m, n)
	}
	if err == nil {
		fmt.Println(simd.Best().Name)
	}
	return err
}

// pictures draws n pictures, one at a time: pixels of an int8 model, floats of others.
func pictures(m *model.Model, n int) error {
	s, err := m.NewSession(model.Options{Batch: 1, Threads: 1})
	if err != nil {
		return err
	}
	z, floats, pixels := make([]float32, m.Input().Len()), make([]float32, m.Output().Len()), make([]uint8, m.Output().Len())
	model.Latents(z, len(z), 1, 0)
	for range n {
		if m.Quantized() {
			err = s.Pixels(pixels, z)
		} else {
			err = s.Run(floats, z)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
