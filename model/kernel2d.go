package model

import (
	"errors"
	"fmt"

	"github.com/gantiny/gantiny/conv"
)

// This file holds what Conv2D and ConvTranspose2D share.

// padded adds the padding of an operator to its geometry.
func padded(g conv.Geometry, same bool, pad [4]int) (conv.Geometry, error) {
	if !same {
		g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = pad[0], pad[1], pad[2], pad[3]
		return g, nil
	}
	if pad != [4]int{} || g.OutPadH != 0 || g.OutPadW != 0 {
		return g, errors.New("SAME and explicit padding exclude one another")
	}
	return g.SamePads(), nil
}

// inferKernel infers the output.
func inferKernel(o linear, in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	g, err := o.geometry(in[0].Shape, Shape{})
	if err != nil {
		return Spec{}, fmt.Errorf("%w: %w", ErrShape, err)
	}
	h, w, err := g.Out()
	if err != nil {
		return Spec{}, fmt.Errorf("%w: input %v: %w", ErrShape, in[0].Shape, err)
	}
	return Floats(Shape{h, w, g.OutC}), nil
}

// kernelParams lists the parameters.
func kernelParams(kernel [2]int, ci, co int, bias bool) []Param {
	taps := kernel[0] * kernel[1]
	p := []Param{{
		Name: "weight", Shape: []int{kernel[0], kernel[1], ci, co}, Trainable: true, FanIn: taps * ci, FanOut: taps * co,
	}}
	if bias {
		p = append(p, Vector("bias", co, Zero, true))
	}
	return p
}

// referenceKernel: y = conv(x, w) + b of one image, as plain loops over everything that meets.
func referenceKernel(o linear, y, x []float64, p [][]float64, in Shape) {
	g, err := o.geometry(in, Shape{})
	if err != nil { // Infer has accepted it
		panic("model: " + err.Error())
	}
	for i := range y {
		y[i] = 0
		if len(p) > 1 {
			y[i] = p[1][i%g.OutC]
		}
	}
	ci, co := g.InC/g.Groups, g.OutC/g.Groups
	h, w, _ := g.Out()
	eachLink(g, h, w, func(in, out, tap int) {
		for c := range g.OutC {
			from := x[in*g.InC+c/co*ci:]
			for k := range ci {
				y[out*g.OutC+c] += float64(from[k] * p[0][(tap*ci+k)*g.OutC+c])
			}
		}
	})
}

// setOnes replaces zeros by 1.
func setOnes(fields ...*int) {
	for _, f := range fields {
		if *f == 0 {
			*f = 1
		}
	}
}

// eachLink calls f for every input position and output position that meet, and the tap through
// which they do.
func eachLink(g conv.Geometry, h, w int, f func(in, out, tap int)) {
	smallH, smallW, largeH, largeW := h, w, g.InH, g.InW
	if g.Transposed {
		smallH, smallW, largeH, largeW = largeH, largeW, smallH, smallW
	}
	for y := range smallH {
		for x := range smallW {
			for ky := range g.KH {
				for kx := range g.KW {
					ly, lx := y*g.StrideH+ky*g.DilationH-g.PadTop, x*g.StrideW+kx*g.DilationW-g.PadLeft
					if ly < 0 || ly >= largeH || lx < 0 || lx >= largeW {
						continue
					}
					small, large := y*smallW+x, ly*largeW+lx
					if g.Transposed {
						f(small, large, ky*g.KW+kx)
					} else {
						f(large, small, ky*g.KW+kx)
					}
				}
			}
		}
	}
}
