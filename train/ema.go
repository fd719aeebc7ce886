package train

import (
	"bytes"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// average is a model whose parameters, moving statistics among them, are the
// exponential moving average of another's (Yazici et al. 2019):
//
//	average = keep*average + (1-keep)*parameter, keep = 0.5^(batch/half)
type average struct {
	model      *model.Model
	from, to   []*model.Param
	keep, take float32
}

// newAverage returns an average that begins at m's values and in which the weight
// of a value halves every half images, of batches of batch.
func newAverage(m *model.Model, half float64, batch int) (*average, error) {
	twin, err := twinOf(m)
	if err != nil {
		return nil, fmt.Errorf("train: average: %w", err)
	}
	keep := float32(math.Exp2(-float64(batch) / half))
	return &average{model: twin, from: m.Params(), to: twin.Params(), keep: keep, take: 1 - keep}, nil
}

// follow is one step of the average.
func (a *average) follow(k *simd.Kernels) {
	for i, p := range a.to {
		k.Scale(p.Data, a.keep)
		k.Axpy(p.Data, a.take, a.from[i].Data)
	}
}

// twinOf returns a copy of m with parameters of its own.
func twinOf(m *model.Model) (*model.Model, error) {
	var file bytes.Buffer
	if err := m.Encode(&file, model.SaveOptions{}); err != nil {
		return nil, err
	}
	return model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
}
