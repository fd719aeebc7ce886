package main

import (
	"bytes"
	"math"
	"math/big"
	"os"
	"testing"
)

func TestCommittedTableIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("recomputes the whole table with math/big")
	}
	got, err := os.ReadFile("../normal_table.go")
	if err != nil {
		t.Fatal(err)
	}
	got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, source(table())) {
		t.Error("normal_table.go is not what gen writes: run go generate ./internal/rng")
	}
}

// The quantiles against the mathematical library's tail, which shares no code
// with them.
func TestQuantile(t *testing.T) {
	for _, p := range []float64{0.5, 0.25, 0.1, 0.025, 1e-3, 1e-6, 0x1p-33} {
		z, _ := quantile(big.NewFloat(p).SetPrec(precision)).Float64()
		if got := math.Erfc(z/math.Sqrt2) / 2; math.Abs(got-p) > 1e-13*p {
			t.Errorf("quantile(%g) = %.17g, whose tail is %g", p, z, got)
		}
	}
}
