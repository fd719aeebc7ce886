package model

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/gantiny/gantiny/quant"
)

// SettleSums measures how far the images that Sessions for many images draw are from those of
// strict Sessions, and sets Direct if that is more than half of the 1e-4 that is promised, of the
// largest value or of 1. It returns the largest difference. Winograd's algorithm rounds more than
// direct sums do, and where sums cancel and a normalization makes much of what is left, so it does
// of the errors: networks that were trained for very long have such sums. A network that would take
// more memory than there is, or some minutes, is not measured and not Direct.
func (m *Model) SettleSums(ctx context.Context) (apart float64, err error) {
	const images, most, mostMACs = 2 * minBatch, 5e-5, 64e9
	m.Direct = false
	if exact, _ := m.MACs(); m.Quantized() || exact > mostMACs {
		return 0, nil
	}
	var y [2][][]float32
	for i, o := range []Options{{Winograd: true}, {Strict: true}} {
		o.Threads = 1
		if y[i], err = m.settled(ctx, o, images); errors.Is(err, ErrMemory) {
			return 0, nil
		} else if err != nil || y[i] == nil {
			return 0, err
		}
	}
	for k, exact := range y[1] {
		worst, largest := 0.0, 1.0
		for i, v := range exact {
			worst = max(worst, math.Abs(float64(v)-float64(y[0][k][i])))
			largest = max(largest, math.Abs(float64(v)))
		}
		m.Direct = m.Direct || worst > most*largest
		apart = max(apart, worst)
	}
	return apart, nil
}

// settled returns the outputs of n images, of latents that calibrate too; nil if Winograd's
// algorithm is asked for and computes nothing of the model.
func (m *Model) settled(ctx context.Context, o Options, n int) ([][]float32, error) {
	s, err := m.NewSession(o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if o.Winograd && !slices.ContainsFunc(s.Ops(), func(op OpInfo) bool { return op.By == "Winograd" }) {
		return nil, nil
	}
	var f Feed
	for i, v := range m.Inputs() {
		if v.Type.Kind == Class {
			d := Data{Classes: make([]int32, n)}
			for k := range d.Classes {
				d.Classes[k] = int32(k % v.Type.Classes)
			}
			f.In = append(f.In, d)
			continue
		}
		d := Data{Floats: make([]float32, n*v.Shape.Len())}
		quant.CalibrationLatents(d.Floats, v.Shape.Len(), uint64(i))
		f.In = append(f.In, d)
	}
	var list [][]float32
	for _, v := range m.Outputs() {
		list = append(list, make([]float32, n*v.Shape.Len()))
		f.Out = append(f.Out, Data{Floats: list[len(list)-1]})
	}
	return list, s.RunFeed(ctx, f)
}
