package conv_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
	"github.com/gantiny/gantiny/simd"
)

// oracleBound is the error that a float32 result may have against PyTorch's float64 one, as a share
// of the tensor's largest value.
const oracleBound = 2e-6

// oracleCase is one entry of the files' "cases": what the script says about a geometry.
type oracleCase struct {
	Name, Rule                                             string
	N, InH, InW, InC, OutH, OutW, OutC, KH, KW, Groups     int
	StrideH, StrideW, DilationH, DilationW                 int
	PadTop, PadBottom, PadLeft, PadRight, OutPadH, OutPadW int
	Transposed                                             bool
}

func (c oracleCase) geometry() conv.Geometry {
	if c.KH == 0 {
		return conv.Dense(c.InH, c.InW, c.InC, c.OutH, c.OutW, c.OutC)
	}
	return conv.Geometry{
		InH: c.InH, InW: c.InW, InC: c.InC, OutC: c.OutC, KH: c.KH, KW: c.KW,
		StrideH: c.StrideH, StrideW: c.StrideW, DilationH: c.DilationH, DilationW: c.DilationW, Groups: c.Groups,
		PadTop: c.PadTop, PadBottom: c.PadBottom, PadLeft: c.PadLeft, PadRight: c.PadRight,
		OutPadH: c.OutPadH, OutPadW: c.OutPadW, Transposed: c.Transposed,
	}
}

// oracleData holds a case's tensors: x, y and their gradients as (N, H, W, C).
type oracleData struct{ x, w, y, dy, dx, dw []float32 }

func forEachOracle(t *testing.T, f func(t *testing.T, c oracleCase, d oracleData, outH, outW int)) {
	for _, file := range []string{"conv", "transposed", "dense"} {
		o, err := oracle.Open("testdata/" + file + ".oracle")
		if err != nil {
			t.Fatal(err)
		}
		var cases []oracleCase
		if err := o.Meta("cases", &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				get := func(s string) []float32 { return o.Float32(c.Name + "." + s) }
				shape := o.Shape(c.Name + ".y")
				f(t, c, oracleData{get("x"), get("w"), get("y"), get("dy"), get("dx"), get("dw")}, shape[1], shape[2])
			})
		}
	}
}

func checkOracle(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if e := oracle.Error(got, want); !(e <= oracleBound) {
		t.Errorf("%s: error %.3g of the largest value, want at most %g", what, e, oracleBound)
	}
}

func nans(n int) []float32 { return slices.Repeat([]float32{float32(math.NaN())}, n) }

// The padding rules and output shapes are those that the script derives by itself.
func TestOracleGeometry(t *testing.T) {
	forEachOracle(t, func(t *testing.T, c oracleCase, d oracleData, outH, outW int) {
		g := c.geometry()
		if h, w, err := g.Out(); err != nil || h != outH || w != outW {
			t.Fatalf("output %dx%d, %v; want %dx%d", h, w, err, outH, outW)
		}
		if g.WeightLen() != len(d.w) {
			t.Errorf("%d weights, want %d", g.WeightLen(), len(d.w))
		}
		if c.Rule == "" {
			return
		}
		bare := g
		bare.PadTop, bare.PadBottom, bare.PadLeft, bare.PadRight, bare.OutPadH, bare.OutPadW = 0, 0, 0, 0, 0, 0
		if c.Rule == "same" {
			bare = bare.SamePads()
		}
		if bare != g {
			t.Errorf("%s padding: %+v, want %+v", c.Rule, bare, g)
		}
	})
}

func TestOracleReference(t *testing.T) {
	forEachOracle(t, func(t *testing.T, c oracleCase, d oracleData, _, _ int) {
		g := c.geometry()
		y, dx, dw := nans(len(d.y)), nans(len(d.dx)), nans(len(d.dw))
		conv.ReferenceForward(g, y, d.x, d.w, c.N)
		checkOracle(t, "y", y, d.y)
		conv.ReferenceInputGrad(g, dx, d.dy, d.w, c.N)
		checkOracle(t, "dx", dx, d.dx)
		conv.ReferenceWeightGrad(g, dw, d.x, d.dy, c.N)
		checkOracle(t, "dw", dw, d.dw)
	})
}

func TestOraclePlans(t *testing.T) {
	forEachOracle(t, func(t *testing.T, c oracleCase, d oracleData, outH, outW int) {
		in, out := conv.NewLayout(c.InH, c.InW, c.InC, c.N), conv.NewLayout(outH, outW, c.OutC, c.N)
		// The same images as a window into a batch with others on either side.
		wideIn, wideOut := in, out
		wideIn.Stride += 3 * c.InC
		wideOut.Stride += 2 * c.OutC
		for _, k := range simd.Variants() {
			t.Run(k.Name, func(t *testing.T) {
				oraclePlan(t, c.geometry(), in, out, k, d)
				oraclePlan(t, c.geometry(), wideIn, wideOut, k, d)
			})
		}
	})
}

func oraclePlan(t *testing.T, g conv.Geometry, in, out conv.Layout, k *simd.Kernels, d oracleData) {
	p, err := conv.NewPlan(g, in, out, k)
	if err != nil {
		t.Fatal(err)
	}
	ws := p.NewWorkspace()
	x, dy := nans(in.Len()), nans(out.Len())
	in.Import(x, d.x)
	out.Import(dy, d.dy)

	packed, y := nans(p.PackedLen()), nans(out.Len())
	p.Pack(ws, packed, d.w)
	p.Forward(ws, y, x, packed, conv.Epilogue{Slope: 1}, conv.Share{N1: in.N, P1: p.Panels()})
	checkOracle(t, "y", exported(t, out, y), d.y)

	packed, dx := nans(p.PackedGradLen()), nans(in.Len())
	p.PackGrad(ws, packed, d.w)
	p.InputGrad(ws, dx, dy, packed, conv.Share{N1: in.N, P1: p.GradPanels()})
	checkOracle(t, "dx", exported(t, in, dx), d.dx)

	sums := conv.Sums{DW: nans(len(d.dw)), Workspace: nans(p.SumsLen())}
	p.WeightGrad(ws, sums, x, dy, in.N, 0, 1)
	p.FinishWeightGrad(ws, sums, 0, 1)
	checkOracle(t, "dw", sums.DW, d.dw)
}

// exported returns buf in (N, H, W, C) order, and fails if anything between the Layout's rows,
// which were NaN, was written.
func exported(t *testing.T, m conv.Layout, buf []float32) []float32 {
	t.Helper()
	v := make([]float32, m.Positions()*m.N*m.C)
	m.Export(v, buf)
	for i, b := range buf {
		if i%m.Stride >= m.N*m.C && b == b {
			t.Fatalf("element %d, outside the layout's rows, was written", i)
		}
	}
	return v
}
