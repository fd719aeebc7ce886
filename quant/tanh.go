package quant

//go:generate go run ./gen -o tanh_table.go

// The table's index is x in steps of 1/TanhSteps, clamped to [-half, half): tanh(4) is already the
// brightest pixel.
const (
	TanhSteps = 512
	tanhHalf  = 4 * TanhSteps
)

// tanhPixels holds the pixel of every index. It is built from committed integers: math.Tanh differs
// in its last bits between architectures.
var tanhPixels = buildTanh()

// buildTanh: the value at x/512 is round((tanh(x)+1) * 127.5). tanhRises lists where it reaches
// 129, 130, ... 255.
func buildTanh() (table [2 * tanhHalf]uint8) {
	p := 0
	for i := range tanhHalf {
		for p < len(tanhRises) && i >= int(tanhRises[p]) {
			p++
		}
		table[tanhHalf+i] = uint8(128 + p)
		if i > 0 {
			table[tanhHalf-i] = uint8(127 - p) // tanh is odd
		}
	}
	return table
}

// TanhTable returns the pixels of v = -4, -4 + 1/TanhSteps, ... below 4: round((tanh(v)+1) *
// 127.5). The middle is v = 0.
func TanhTable() []uint8 { return append([]uint8(nil), tanhPixels[:]...) }

// TanhPixels is how sums become pixels by the table: dst[r,c] = round((tanh(v)+1) * 127.5) with v =
// sum[r,c]*scale[c]/TanhSteps, for rows of len(scale). The product is one float32 operation,
// clamped to the table and rounded to the nearest whole number, ties to even: the same pixel on
// every machine. It is at most 1 from the pixel of the exact tanh. NaN is the brightest pixel.
func TanhPixels(dst []uint8, sum []int32, scale []float32) {
	if len(dst) != len(sum) || len(scale) == 0 || len(sum)%len(scale) != 0 {
		panic("quant: TanhPixels: lengths do not fit")
	}
	for len(sum) > 0 {
		for c, s := range scale {
			dst[c] = tanhPixel(sum[c], s)
		}
		dst, sum = dst[len(scale):], sum[len(scale):]
	}
}

func tanhPixel(sum int32, scale float32) uint8 {
	v := float32(float32(sum) * scale)
	if !(v < tanhHalf-1) {
		v = tanhHalf - 1
	}
	if v < -tanhHalf {
		v = -tanhHalf
	}
	return tanhPixels[nearest(v)+tanhHalf]
}
