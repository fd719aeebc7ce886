package simd

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Names hold the row as kernel=NAME, so that benchstat compares rows:
//
//	go test -bench . -count 6 ./simd > new.txt && benchstat -col /kernel new.txt

// benchRows of benchChannels are one position of a 256-image batch: 64 KB, so that all operands
// stay in a second-level cache.
const benchRows, benchChannels = 256, 64

func BenchmarkElementwise(b *testing.B) {
	for i := range ops {
		o := &ops[i]
		for _, k := range Variants() {
			b.Run(fmt.Sprintf("%s/kernel=%s", o.name, k.Name), func(b *testing.B) {
				out, in := o.place(&heap{}, benchRows, benchChannels)
				o.fill(rand.New(rand.NewPCG(1, 1)), out, in)
				p := testParams
				// What multiplies its own result must not run into denormals.
				switch o.name {
				case "Scale":
					p.a = 1
				case "RowScale":
					for i := range in[0] {
						in[0][i] = 1
					}
				}
				// Each operand is read or written once; what is in place, both.
				b.SetBytes(4 * benchRows * benchChannels * int64(strings.Count(o.out+o.in, "n")+strings.Count(o.out+o.in, "v")))
				for b.Loop() {
					o.run(k, p, out, in)
				}
				reportElements(b, benchRows*benchChannels)
			})
		}
	}
}

func BenchmarkReductions(b *testing.B) {
	const n = benchRows * benchChannels
	x, y := make([]float32, n), make([]float32, n)
	randomize(rand.New(rand.NewPCG(2, 1)), x, y)
	for _, k := range Variants() {
		b.Run("Sum/kernel="+k.Name, func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				k.Sum(x)
			}
			reportElements(b, n)
		})
		b.Run("Dot/kernel="+k.Name, func(b *testing.B) {
			b.SetBytes(8 * n)
			for b.Loop() {
				k.Dot(x, y)
			}
			reportElements(b, n)
		})
	}
}

// BenchmarkTransform is the input transform of F(4x4, 5x5) on one dimension.
func BenchmarkTransform(b *testing.B) {
	const n, side = 2048, 8
	dst, src, m := make([]float32, side*n), make([]float32, side*n), make([]float32, side*side)
	randomize(rand.New(rand.NewPCG(3, 1)), src, m)
	for _, k := range Variants() {
		b.Run("kernel="+k.Name, func(b *testing.B) {
			for b.Loop() {
				k.Transform(dst, n, src, n, n, m, side, side)
			}
			reportRate(b, 2*side*side*n)
		})
	}
}

func reportElements(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}
