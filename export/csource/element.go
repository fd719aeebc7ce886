package csource

import (
	"fmt"
	"math"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

var elementRules = map[string]rule{
	"qtable":      {write: table, inPlace: true},
	"qadd":        {write: add, inPlace: true},
	"qmul":        {write: multiply, inPlace: true},
	"qaffine":     {write: affine, inPlace: true},
	"qnorm":       {write: norm, inPlace: true},
	"qdequantize": {write: dequantize},
}

func table(s *step) {
	bytes := s.params[0].Int8
	if !s.Op.(model.QTable).Pixels {
		s.call([]string{"table"}, "table_bytes(%s, %s, %d, %s)", s.out.at(), s.in[0].at(), s.Out.Shape.Len(), constant(s.Program, bytes))
		return
	}
	pixels := make([]uint8, 256)
	for i, b := range bytes {
		pixels[i] = uint8(int(b) + 128)
	}
	s.pixelTable(pixels)
}

func (s *step) pixelTable(pixels []uint8) {
	s.call([]string{"table_pixels"}, "table_pixels(pixels, %s, %d, %s)", s.in[0].at(), s.Out.Shape.Len(), constant(s.Program, pixels))
}

// dequantize makes the output's pixels: those of the float32 values that the bytes stand for.
func dequantize(s *step) {
	pixels, p := make([]uint8, 256), s.in[0].Type.Params
	for i := range pixels {
		pixels[i] = quant.Pixel(p.Scale * float32(int32(i-128)-p.Zero))
	}
	s.pixelTable(pixels)
}

// pair declares how two inputs meet, with what they are multiplied by.
func (s *step) pair(m0, m1 int64, shift int) string {
	x, other := s.in[0].Shape, s.in[1].Shape
	over, wrap := 1, other.Len()
	if other.C == 1 && x.C > 1 && !other.IsFlat() {
		over = x.C // a value a position
	}
	const bytes = 8 * 4
	return s.structure("pair", bytes, s.in[0].Type.Zero, s.in[1].Type.Zero, s.Out.Type.Zero, m0, m1, shift, over, wrap)
}

// add: the factors are those of model.QAdd.
func add(s *step) {
	out := float64(s.Out.Type.Scale)
	m, shift, err := quant.Fixed(21, float64(s.in[0].Type.Scale)/out, float64(s.in[1].Type.Scale)/out)
	if err != nil {
		s.refuse("%v", err)
		return
	}
	s.call([]string{"number", "pair", "add"}, "add(%s, %s, %s, %d, &%s)", s.out.at(), s.in[0].at(), s.in[1].at(), s.Out.Shape.Len(), s.pair(m[0], m[1], shift))
}

// multiply: the factor is that of model.QMul.
func multiply(s *step) {
	m, shift, err := quant.Fixed(30, float64(s.in[0].Type.Scale)*float64(s.in[1].Type.Scale)/float64(s.Out.Type.Scale))
	if err != nil {
		s.refuse("%v", err)
		return
	}
	s.call([]string{"number", "pair", "multiply"}, "multiply(%s, %s, %s, %d, &%s)", s.out.at(), s.in[0].at(), s.in[1].at(), s.Out.Shape.Len(), s.pair(m[0], 0, shift))
}

// affine: with a class, the weights and biases are those of its row.
func affine(s *step) {
	o := s.Op.(model.QAffine)
	columns := len(s.params[2].Int32)
	weight, bias, row := constant(s.Program, s.params[0].Int32), constant(s.Program, s.params[1].Int32), ""
	if len(s.in) == 2 {
		row = " + class * " + itoa(columns)
	}
	s.call([]string{"number", "affine"}, "affine(%s, %s, %d, %d, %s%s, %s%s, %s, %d, %d, %d)", s.out.at(), s.in[0].at(), s.Out.Shape.Len(), columns,
		weight, row, bias, row, constant(s.Program, s.params[2].Int32), s.in[0].Type.Zero, o.Shift, o.Output.Zero)
}

// norm: what does not depend on the image is that of model.QNorm.
func norm(s *step) {
	o, x := s.Op.(model.QNorm), s.in[0]
	positions, channels := x.Shape.H*x.Shape.W, x.Shape.C
	size := map[string][2]int{"instancenorm": {positions, 1}, "layernorm": {positions, channels}, "pixelnorm": {1, channels}}[o.From]
	if o.From == "groupnorm" {
		size = [2]int{positions, channels / o.Groups}
	}
	features, plain := 0, 0
	if len(s.params[0].Int32) > channels {
		features = 1
	}
	if o.From == "pixelnorm" {
		plain = 1
	}
	h, epsilon, slope := o.Whole(x.Spec)
	const bytes = 2*4 + 12*4 + 8
	weight, bias := constant(s.Program, s.params[0].Int32), constant(s.Program, s.params[1].Int32)
	l := s.structure("norm", bytes, weight, bias, positions, channels, size[0], size[1], size[0]*size[1], h,
		features, plain, x.Type.Zero, o.Output.Zero, o.Shift, slope, fmt.Sprintf("INT64_C(%d)", epsilon))
	s.call([]string{"number", "norm"}, "norm(%s, %s, &%s)", s.out.at(), x.at(), l)
}

// rises lists the least index at which the table of tanh reaches 129, 130, ... 255.
func rises() (list []int32) {
	t := quant.TanhTable()
	half := len(t) / 2
	for i := range half {
		for len(list) < math.MaxUint8-128 && int(t[half+i]) > 128+len(list) {
			list = append(list, int32(i))
		}
	}
	return list
}
