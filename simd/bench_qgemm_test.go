package simd

import (
	"fmt"
	"iter"
	"testing"
)

// BenchmarkQGEMM is a list of full int8 tiles that end in Q, with one tap and over the 25 taps of a
// 5x5 kernel, and single rows as a dense layer has them. GOP/s counts a multiply-add as two
// operations; BenchmarkQPeak is what they can be at most.
func BenchmarkQGEMM(b *testing.B) {
	const count = 16
	for name, q := range int8Rows() {
		for _, d := range []struct{ rows, depth, taps int }{{q.MR, 128, 1}, {q.MR, 256, 1}, {q.MR, 128, 25}, {1, 100, 1}} {
			h := (d.rows + 1) / 2
			lda := d.depth*d.taps + 64
			t := QTile{
				LDA: int32(lda), ARun: int32(h * lda), LDQ: int32(q.NR), Rows: int32(d.rows), Cols: int32(q.NR), Taps: int32(d.taps),
				Start: StartBias, Requantize: true,
			}
			var tiles []QTile
			for range count {
				tiles = append(tiles, t)
			}
			var taps []Tap
			for i := range d.taps {
				taps = append(taps, Tap{A: i * d.depth, B: i * q.PackedLen(d.depth)})
			}
			g := &QGEMM{
				Tiles: q.NewTiles(d.depth, tiles, taps), To: count, A: make([]int8, q.Width*(d.rows*lda+q.Slack(d.depth))),
				B: make([]int8, d.taps*q.PackedLen(d.depth)), S: make([]int32, q.NR), Q: make([]int8, d.rows*q.NR),
				Scale: make([]float32, q.NR), Slope: 0.3,
			}
			b.Run(fmt.Sprintf("kernel=%s/rows=%d/K%dx%d", name, d.rows, d.depth, d.taps), func(b *testing.B) {
				benchTile(b, q.Peak, 2*count*d.rows*q.NR*d.depth*d.taps, func() { q.GEMM(g) })
			})
		}
	}
}

func BenchmarkQPeak(b *testing.B) {
	for name, q := range int8Rows() {
		b.Run("kernel="+name, func(b *testing.B) {
			var ops int64
			for b.Loop() {
				ops = q.Peak(1000)
			}
			reportOps(b, int(ops))
		})
	}
}

// reportOps reports GOP/s, where one call makes ops operations.
func reportOps(b *testing.B, ops int) {
	b.ReportMetric(float64(ops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GOP/s")
}

// int8Rows are the int8 functions of every row by its name, and those for small weights.
func int8Rows() iter.Seq2[string, *Int8] {
	return func(yield func(string, *Int8) bool) {
		for _, k := range Variants() {
			if !yield(k.Name, k.Int8) || k.Int8.Small != nil && !yield(k.Name+", 7 bits", k.Int8.Small) {
				return
			}
		}
	}
}
