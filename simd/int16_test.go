package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// eachInt16Row is eachRow for those that have the functions of Int16.
func eachInt16Row(t *testing.T, f func(t *testing.T, q *Int16)) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		if k.Int8.Int16 != nil {
			f(t, k.Int8.Int16)
		}
	})
}

// shortsOf takes n int16 that end where a slice of mem ends.
func shortsOf(mem memory, n int) []int16 {
	b := bytesOf(mem, 2*n)
	return unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// fillShorts writes any numbers, or the least and the largest ones.
func fillShorts(rnd *rand.Rand, kind int, s []int16) {
	for i := range s {
		s[i] = int16(rnd.Uint32())
		if kind == extremes {
			s[i] = []int16{math.MinInt16, math.MaxInt16}[rnd.IntN(2)]
		}
	}
}

func fillInts(rnd *rand.Rand, s []int32) {
	for i := range s {
		s[i] = int32(rnd.Uint32())
	}
}

// sameInts fails unless got is want.
func sameInts[T int8 | int16 | int32](t *testing.T, label string, got, want []T) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %d, want %d", label, i, got[i], want[i])
		}
	}
}

// The sums are those of 64 bits, cut to 32; what lies between the rows of C stays.
func TestGEMM16(t *testing.T) {
	eachInt16Row(t, func(t *testing.T, q *Int16) {
		rnd := rand.New(rand.NewPCG(31, 0))
		for where, mem := range memories() {
			for _, rows := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 64} {
				for _, depth := range []int{0, 16, 32, 80} {
					for kind := range valueKinds {
						mem.reset()
						panels, lda, ldc := rnd.IntN(4), depth+rnd.IntN(3), 0
						ldc = panels*Lanes16 + rnd.IntN(3)
						last := max(rows-1, 0)
						g := GEMM16{Rows: rows, Panels: panels, K: depth, LDA: lda, LDC: ldc}
						g.A, g.B = shortsOf(mem, last*lda+depth), shortsOf(mem, panels*depth*Lanes16)
						g.C = intsOf(mem, last*ldc+panels*Lanes16)
						fillShorts(rnd, kind, g.A)
						fillShorts(rnd, kind, g.B)
						fillInts(rnd, g.C)
						want := slices.Clone(g.C)
						for r := range rows {
							for c := range panels * Lanes16 {
								s := int64(0)
								for k := range depth {
									s += int64(g.A[r*lda+k]) * int64(g.B[Packed16(depth, c/Lanes16, k, c%Lanes16)])
								}
								want[r*ldc+c] = int32(s)
							}
						}
						q.GEMM(&g)
						sameInts(t, fmt.Sprintf("%d rows, %d panels, K %d, values %d, %s", rows, panels, depth, kind, where), g.C, want)
						mem.check(t)
					}
				}
			}
		}
	})
}

// A product that takes several calls of a kernel.
func TestGEMM16Long(t *testing.T) {
	eachInt16Row(t, func(t *testing.T, q *Int16) {
		rnd := rand.New(rand.NewPCG(32, 0))
		for _, c := range [][3]int{{3, 2, 70_000}, {200, 3, 1024}} {
			g := GEMM16{Rows: c[0], Panels: c[1], K: c[2] / 16 * 16, LDA: c[2], LDC: c[1] * Lanes16}
			g.A, g.B, g.C = make([]int16, g.Rows*g.LDA), make([]int16, g.Panels*g.K*Lanes16), make([]int32, g.Rows*g.LDC)
			fillShorts(rnd, anyValues, g.A)
			fillShorts(rnd, anyValues, g.B)
			q.GEMM(&g)
			for _, r := range []int{0, 1, g.Rows - 1} {
				for _, c := range []int{0, 17, g.LDC - 1} {
					s := int64(0)
					for k := range g.K {
						s += int64(g.A[r*g.LDA+k]) * int64(g.B[Packed16(g.K, c/Lanes16, k, c%Lanes16)])
					}
					if got := g.C[r*g.LDC+c]; got != int32(s) {
						t.Fatalf("K %d: C[%d,%d] = %d, want %d", g.K, r, c, got, int32(s))
					}
				}
			}
		}
	})
}

func TestEvaluate(t *testing.T) {
	eachInt16Row(t, func(t *testing.T, q *Int16) {
		rnd := rand.New(rand.NewPCG(33, 0))
		for where, mem := range memories() {
			for _, n := range []int{0, 16, 48} {
				for cols := 1; cols <= maxEvaluation; cols++ {
					for _, wide := range []bool{false, true} {
						for kind := range valueKinds {
							mem.reset()
							e := Evaluation{Rows: rnd.IntN(9), Cols: cols, N: n, SS: n + rnd.IntN(3), Count: rnd.IntN(4)}
							e.DS = n + rnd.IntN(3)
							e.DStep, e.SStep = max(e.Rows, 1)*e.DS, rnd.IntN(100)
							from := max(0, e.Count-1)*e.SStep + (cols-1)*e.SS + n
							e.Dst = shortsOf(mem, max(0, e.Count-1)*e.DStep+max(0, e.Rows-1)*e.DS+n)
							e.M = shortsOf(mem, e.Rows*cols)
							if wide {
								e.Src = shortsOf(mem, from)
							} else {
								e.Bytes = append(bytesOf(mem, from), make([]int8, 0)...)
								if from == 0 {
									e.Bytes = []int8{}
								}
							}
							fillShorts(rnd, kind, e.Dst)
							fillShorts(rnd, kind, e.M)
							fillShorts(rnd, kind, e.Src)
							for i := range e.Bytes {
								e.Bytes[i] = int8(rnd.Uint32())
							}
							want := slices.Clone(e.Dst)
							for b := range e.Count {
								for j := range e.Rows {
									for i := range n {
										s := int64(0)
										for c := range cols {
											x := int64(0)
											if wide {
												x = int64(e.Src[b*e.SStep+c*e.SS+i])
											} else {
												x = int64(e.Bytes[b*e.SStep+c*e.SS+i])
											}
											s += int64(e.M[j*cols+c]) * x
										}
										want[b*e.DStep+j*e.DS+i] = int16(s)
									}
								}
							}
							q.Evaluate(&e)
							sameInts(t, fmt.Sprintf("%d x %d, n %d, wide %v, %s", e.Rows, cols, n, wide, where), e.Dst, want)
							mem.check(t)
						}
					}
				}
			}
		}
	})
}

func TestInterpolate(t *testing.T) {
	eachInt16Row(t, func(t *testing.T, q *Int16) {
		rnd := rand.New(rand.NewPCG(34, 0))
		for where, mem := range memories() {
			for points := 1; points <= maxPoints; points++ {
				for _, n := range []int{0, 16, 32, 80} {
					mem.reset()
					p := Interpolation{Points: points, SS: n + rnd.IntN(3), N: n}
					p.Last = (points-1)*p.SS + rnd.IntN(3)*n
					p.Src, p.Dst = intsOf(mem, p.Last+n), intsOf(mem, 9*n)
					fillInts(rnd, p.Src)
					fillInts(rnd, p.Dst)
					want := slices.Clone(p.Dst)
					for at, list := range rnd.Perm(9)[:rnd.IntN(10)] {
						c := Coefficient{At: list * n, Add: rnd.IntN(2)}
						fillInts(rnd, c.M[:])
						if at%2 == 0 {
							p.Even = append(p.Even, c)
						} else {
							p.Odd = append(p.Odd, c)
						}
						for i := range n {
							y := int64(0) // M by the sums and differences of mirrored points
							m := c.M[:]
							if at%2 == 0 {
								y, m = int64(m[0])*int64(p.Src[i]), m[1:]
							}
							k := 1
							for ; k+1 < points; k += 2 {
								a, b := int64(p.Src[k*p.SS+i]), int64(p.Src[(k+1)*p.SS+i])
								if at%2 == 0 {
									y += int64(m[0]) * int64(int32(a+b))
								} else {
									y += int64(m[0]) * int64(int32(a-b))
								}
								m = m[1:]
							}
							if at%2 == 1 && k < points {
								y += int64(m[0]) * int64(p.Src[p.Last+i])
							}
							if c.Add != 0 {
								y += int64(want[c.At+i])
							}
							want[c.At+i] = int32(y)
						}
					}
					q.Interpolate(&p)
					sameInts(t, fmt.Sprintf("%d points, n %d, %s", points, n, where), p.Dst, want)
					mem.check(t)
				}
			}
		}
	})
}

func TestRequantization(t *testing.T) {
	eachInt16Row(t, func(t *testing.T, q *Int16) {
		rnd := rand.New(rand.NewPCG(35, 0))
		for where, mem := range memories() {
			for _, cols := range []int{0, 16, 48} {
				for rows := range 4 {
					for range 8 {
						mem.reset()
						r := Requantization{
							Rows: rows, Cols: cols, LDQ: cols + rnd.IntN(3), LDS: cols + rnd.IntN(3), Shift: rnd.IntN(32), Slope: []float32{0, 0.3, 1, -1}[rnd.IntN(4)],
							Zero: int32(rnd.IntN(256) - 128),
						}
						last := max(rows-1, 0)
						r.Q, r.S = bytesOf(mem, last*r.LDQ+cols), intsOf(mem, last*r.LDS+cols)
						r.Start, r.Scale = intsOf(mem, cols), mem.slice(cols)
						fillInts(rnd, r.S)
						fillInts(rnd, r.Start)
						for j := range r.Scale {
							r.Scale[j] = []float32{0, 1e-45, 1e-9, 1e-7, 1e-6, 1, 1e30}[rnd.IntN(7)] * rnd.Float32()
						}
						want := slices.Clone(r.Q)
						for i := range rows {
							for j := range cols {
								want[i*r.LDQ+j] = requantizeModel(r.S[i*r.LDS+j]>>r.Shift+r.Start[j], r.Scale[j], r.Slope, r.Zero)
							}
						}
						q.Requantize(&r)
						sameInts(t, fmt.Sprintf("%d x %d, %s", rows, cols, where), r.Q, want)
						mem.check(t)
					}
				}
			}
		}
	})
}

// What does not fit is refused before anything is written.
func TestInt16Checks(t *testing.T) {
	eachInt16Row(t, func(t *testing.T, q *Int16) {
		a, c, b := make([]int16, 64), make([]int32, 64), make([]int8, 64)
		for name, f := range map[string]func(){
			"depth":   func() { q.GEMM(&GEMM16{C: c, A: a, B: a, Rows: 1, Panels: 1, K: 3}) },
			"B":       func() { q.GEMM(&GEMM16{C: c, A: a, B: a, Rows: 1, Panels: 1, K: 16}) },
			"C":       func() { q.GEMM(&GEMM16{C: c, A: a, B: make([]int16, 512), Rows: 2, Panels: 2, K: 16, LDC: 33}) },
			"columns": func() { q.Evaluate(&Evaluation{Dst: a, Src: a, M: a[:6], Rows: 1, Cols: 6, N: 16, Count: 1}) },
			"matrix":  func() { q.Evaluate(&Evaluation{Dst: a, Src: a, M: a[:5], Rows: 1, Cols: 4, N: 16, Count: 1}) },
			"source": func() {
				q.Evaluate(&Evaluation{Dst: a, Bytes: b[:60], M: a[:4], Rows: 1, Cols: 4, N: 16, SS: 16, Count: 1})
			},
			"points":     func() { q.Interpolate(&Interpolation{Dst: c, Src: c, Points: 9, N: 16}) },
			"values":     func() { q.Interpolate(&Interpolation{Dst: c, Src: c, Points: 5, SS: 16, N: 16}) },
			"row of dst": func() { q.Interpolate(&Interpolation{Dst: c, Src: c, Points: 1, N: 16, Even: []Coefficient{{At: 49}}}) },
			"shift":      func() { q.Requantize(&Requantization{Shift: 32}) },
			"scale":      func() { q.Requantize(&Requantization{Q: b, S: c, Start: c[:16], Rows: 1, Cols: 16}) },
			"bytes": func() {
				q.Requantize(&Requantization{Q: b, S: c, Start: c[:16], Scale: make([]float32, 16), Rows: 2, Cols: 16, LDQ: 49})
			},
		} {
			t.Run(name, func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				f()
			})
		}
	})
}

// BenchmarkGEMM16 is a product as Winograd plans have them. GOP/s counts a multiply-add as two.
func BenchmarkGEMM16(b *testing.B) {
	for _, k := range Variants() {
		if k.Int8.Int16 == nil {
			continue
		}
		for _, rows := range []int{1, 2, 4, 16, 64} {
			g := GEMM16{Rows: rows, Panels: 8, K: 256, LDA: 256, LDC: 128}
			g.A, g.B, g.C = make([]int16, g.Rows*g.LDA), make([]int16, g.Panels*g.K*Lanes16), make([]int32, g.Rows*g.LDC)
			b.Run(fmt.Sprintf("kernel=%s/rows=%d", k.Name, rows), func(b *testing.B) {
				benchTile(b, k.Int8.Peak, 2*rows*128*256, func() { k.Int8.Int16.GEMM(&g) })
			})
		}
	}
}
