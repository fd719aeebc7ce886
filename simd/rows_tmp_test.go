package simd
import "testing"
func tmpRows() []*Kernels {
	k := scalarRow(); k.Name="avx2"; k.MR, k.NR, k.FMA = 6,16,true; k.GEMM, k.Outer = gemmAVX2, outerAVX2
	l := scalarRow(); l.Name="avx512"; l.MR, l.NR, l.FMA = 14,32,true; l.GEMM, l.Outer = gemmAVX512, outerAVX512
	return []*Kernels{k,l}
}
func init() { _ = testing.Short; rows = func() []*Kernels { return append([]*Kernels{scalarRow()}, tmpRows()...) } }
