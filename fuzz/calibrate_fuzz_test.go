package fuzz

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/quant"
)

// tensors is a network whose values are what they are; an image is all of them.
type tensors struct {
	values [][]float32
	input  bool // the first value is an input
}

func (n tensors) Values() int                          { return len(n.values) }
func (n tensors) Input(value int) bool                 { return n.input && value == 0 }
func (n tensors) Fixed(value int) (quant.Params, bool) { return quant.Params{}, false }

func (n tensors) Observe(see func(value int, x []float32)) error {
	for v, x := range n.values {
		see(v, x[:len(x)/2])
		see(v, x[len(x)/2:])
	}
	return nil
}

// Judge is the mean squared error of the values that are finite.
func (n tensors) Judge(p []quant.Params) (float64, error) {
	sum, count := 0.0, 0
	for v, x := range n.values {
		rounded := slices.Clone(x)
		p[v].Round(rounded)
		for i, y := range rounded {
			if x[i]-x[i] == 0 {
				d := float64(y) - float64(x[i])
				sum, count = sum+d*d, count+1
			}
		}
	}
	return sum / float64(max(count, 1)), nil
}

// FuzzCalibrate: whatever the values, calibration gives each a range of bytes that can be used, and
// none by which they are further off than by the plainest.
func FuzzCalibrate(f *testing.F) {
	add := func(values ...float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
		f.Add(b, uint8(len(values)), true)
		f.Add(b, uint8(2), false)
	}
	add()
	add(0, 0, 0)
	add(1, -1, 0.5, 3, 2, 1, 0.25, -7)
	add(math.NaN(), math.Inf(1), math.Inf(-1), 1, math.MaxFloat32, -math.MaxFloat32)
	add(1e-45, -1e-45, 1e-38, 1e-44)
	add(1e30, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	f.Fuzz(func(t *testing.T, raw []byte, cut uint8, input bool) {
		x := make([]float32, min(len(raw)/4, 1<<10))
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		at := min(int(cut), len(x))
		n := tensors{[][]float32{x[:at], x[at:]}, input}
		c, err := quant.Calibrate(n, nil)
		if err != nil {
			t.Fatal(err)
		}
		for v, p := range c.Params {
			if p.Zero < -128 || p.Zero > 127 || !(p.Scale > 0) || math.IsInf(float64(p.Scale), 0) {
				t.Errorf("value %d: %+v by %s", v, p, c.Observer[v])
			}
		}
		// The plainest of all: min-max alone, which is tried first.
		if first, last := c.Steps[0], c.Steps[len(c.Steps)-1]; last.Kept && last.PSNR < first.PSNR {
			t.Errorf("kept though it is worse: %+v", c.Steps)
		}
	})
}
