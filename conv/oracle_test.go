package conv_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/oracle"
)

// oracleBound is the error that a float32 result may have against PyTorch's float64 one, as a share of the tensor's largest value.
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
