package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// eachMatrix runs f over sizes about those of vectors and blocks, with gaps after the rows of src
// and dst (which has rows dstRows x dstWidth), and then compares the whole of dst with what at
// says.
func eachMatrix(t *testing.T, shape func(rows, cols int) (dstRows, dstWidth int), at func(src []float32, ss, i, j int) float32,
	run func(k *Kernels, dst []float32, ds int, src []float32, ss, rows, cols int)) {
	sizes := []int{0, 1, 2, 3, 6, 7, 8, 9, 13, 14, 15, 16, 17, 31, 32, 33, 47, 64, 100}
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(17, 0))
		for where, mem := range memories() {
			for _, rows := range sizes {
				for _, cols := range append(sizes, 200) {
					n, width := shape(rows, cols)
					ss, ds := cols+rnd.IntN(3), width+rnd.IntN(3)
					mem.reset()
					src, dst := mem.slice(max(rows-1, 0)*ss+cols), mem.slice(max(n-1, 0)*ds+width)
					randomize(rnd, src, dst)
					want := convert[float32](dst)
					for i := range n {
						for j := range width {
							want[i*ds+j] = at(src, ss, i, j)
						}
					}
					run(k, dst, ds, src, ss, rows, cols)
					label := fmt.Sprintf("%dx%d, %s", rows, cols, where)
					if i, ok := sameBits(dst, want, true); !ok {
						t.Fatalf("%s: dst[%d] = %g, want %g", label, i, dst[i], want[i])
					}
					if mem.check(t); t.Failed() {
						t.Fatal(label)
					}
				}
			}
		}
	})
}

func TestCopyRows(t *testing.T) {
	eachMatrix(t, func(rows, cols int) (int, int) { return rows, cols },
		func(src []float32, ss, i, j int) float32 { return src[i*ss+j] },
		func(k *Kernels, dst []float32, ds int, src []float32, ss, rows, cols int) {
			k.CopyRows(dst, ds, src, ss, rows, cols)
		})
}

func TestTranspose(t *testing.T) {
	eachMatrix(t, func(rows, cols int) (int, int) { return cols, rows },
		func(src []float32, ss, i, j int) float32 { return src[j*ss+i] },
		func(k *Kernels, dst []float32, ds int, src []float32, ss, rows, cols int) {
			k.Transpose(dst, ds, src, ss, rows, cols)
		})
}

// TestLongCopies: beyond the pieces that rows cut work into.
func TestLongCopies(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for _, d := range [][2]int{{3, 17003}, {17003, 3}, {300, 260}} {
			rows, cols := d[0], d[1]
			src, dst := make([]float32, rows*cols), make([]float32, rows*cols)
			randomize(rand.New(rand.NewPCG(18, 0)), src)
			k.CopyRows(dst, cols, src, cols, rows, cols)
			if i, ok := sameBits(dst, src, true); !ok {
				t.Fatalf("CopyRows %dx%d: [%d] = %g, want %g", rows, cols, i, dst[i], src[i])
			}
			k.Transpose(dst, rows, src, cols, rows, cols)
			for i, x := range src {
				if got := dst[i%cols*rows+i/cols]; got != x {
					t.Fatalf("Transpose %dx%d: %g for row %d, column %d, want %g", rows, cols, got, i/cols, i%cols, x)
				}
			}
		}
	})
}

func TestCopyBounds(t *testing.T) {
	const rows, cols = 4, 9
	type call struct {
		dst, src           []float32
		ds, ss, rows, cols int
	}
	for name, spoil := range map[string]func(c *call){
		"dst short":     func(c *call) { c.dst = c.dst[1:] },
		"src short":     func(c *call) { c.src = c.src[1:] },
		"rows negative": func(c *call) { c.rows = -1 },
		"cols negative": func(c *call) { c.cols = -1 },
		"too many rows": func(c *call) { c.rows++ },
		"ss too small":  func(c *call) { c.ss = cols - 1 },
		"ss overflows":  func(c *call) { c.ss = math.MaxInt32 },
		"ds overflows":  func(c *call) { c.ds = math.MaxInt32 },
		"ss huge":       func(c *call) { c.ss = math.MaxInt },
	} {
		eachRow(t, func(t *testing.T, k *Kernels) {
			c := call{make([]float32, rows*cols), make([]float32, rows*cols), cols, cols, rows, cols}
			if spoil(&c); !panics(func() { k.CopyRows(c.dst, c.ds, c.src, c.ss, c.rows, c.cols) }) {
				t.Errorf("CopyRows, %s: no panic", name)
			}
			c = call{make([]float32, rows*cols), make([]float32, rows*cols), rows, cols, rows, cols}
			if spoil(&c); !panics(func() { k.Transpose(c.dst, c.ds, c.src, c.ss, c.rows, c.cols) }) {
				t.Errorf("Transpose, %s: no panic", name)
			}
		})
	}
}

// BenchmarkCopies packs one position of 256 images with 128 channels: a panel of it, and a
// transpose of all.
func BenchmarkCopies(b *testing.B) {
	const rows, cols, width = 256, 128, 32
	src, dst := make([]float32, rows*cols), make([]float32, rows*cols)
	for _, k := range Variants() {
		b.Run("CopyRows/kernel="+k.Name, func(b *testing.B) {
			b.SetBytes(8 * rows * width)
			for b.Loop() {
				k.CopyRows(dst, width, src, cols, rows, width)
			}
		})
		b.Run("Transpose/kernel="+k.Name, func(b *testing.B) {
			b.SetBytes(8 * rows * cols)
			for b.Loop() {
				k.Transpose(dst, rows, src, cols, rows, cols)
			}
		})
	}
}
