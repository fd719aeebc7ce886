package model

import (
	"fmt"
	"slices"

	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
)

// Weights of 4 bits, which Quantize makes where quant.Options.WeightBits says so, are bytes in a
// Model and half bytes in its file: a U8 tensor of one dimension, see quant.PackHalfBytes. All
// others are an I8 tensor in the parameter's shape. A file is written in half bytes where nothing
// is lost by it, of layers with enough weights for it to matter.

// columns is how many columns the weights have of which files may hold half bytes, 0 for what they
// hold none of: no int8 weights, or fewer dimensions.
func (p *Param) columns() int {
	if p.array != int8s || len(p.Shape) < 2 {
		return 0
	}
	return p.Shape[len(p.Shape)-1]
}

// halfBytesLen is the length of the weights in half bytes.
func (p *Param) halfBytesLen() int { return quant.HalfBytesLen(p.Len()/p.columns(), p.columns()) }

// encodeInt8 enters the values of int8 weights into their tensor.
func (p *Param) encodeInt8(t *safetensors.Tensor) {
	if len(p.Int8) >= quant.LeastHalfBytes {
		if packed, ok := quant.PackHalfBytes(p.Int8, p.columns()); ok {
			t.DType, t.Shape, t.Raw = safetensors.U8, []int{len(packed)}, packed
			return
		}
	}
	t.Raw = make([]byte, len(p.Int8))
	for k, v := range p.Int8 {
		t.Raw[k] = byte(v)
	}
}

// halfBytes tells whether a file has the tensor in half bytes.
func halfBytes(f *safetensors.File, name string) bool {
	t, err := f.Find(name)
	return err == nil && t.DType == safetensors.U8
}

// matchHalfBytes returns an error unless a tensor of half bytes has the parameter's length.
func (p *Param) matchHalfBytes(t safetensors.Info) error {
	if want := []int{p.halfBytesLen()}; !slices.Equal(t.Shape, want) {
		return fmt.Errorf("%w: %s in half bytes, want %s for %s", ErrShape, dims(t.Shape), dims(want), dims(p.Shape))
	}
	return nil
}

// readHalfBytes reads weights in half bytes. Kernels pack bytes, so these take memory.
func (p *Param) readHalfBytes(f *safetensors.File, name string) error {
	packed, err := f.ReadRaw(name)
	if err != nil {
		return err
	}
	p.Int8 = make([]int8, p.Len())
	if err := quant.UnpackHalfBytes(p.Int8, p.columns(), packed); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFormat, name, err)
	}
	return nil
}
