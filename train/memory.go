package train

import "github.com/gantiny/gantiny/model"

// Bytes is the memory that training takes, besides the program and the data set:
// parameters, what the optimizers remember, the average, and all passes with their
// threads' scratch.
func (t *Trainer) Bytes() int64 {
	var n int64
	for _, x := range t.networks() {
		for _, p := range x.passes {
			n += p.Bytes()
		}
		n += parameterBytes(x.model)
		for _, w := range x.normalized {
			n += 4 * int64(len(w.unnormalized.Data)+len(w.u)+len(w.v)+2*len(w.sums))
		}
		for _, p := range x.params {
			n += 4 * int64(len(x.rule.State())) * int64(p.Len())
		}
	}
	if t.ema != nil {
		n += parameterBytes(t.ema.model)
	}
	return n
}

func parameterBytes(m *model.Model) int64 { return 4 * int64(m.Parameters()) }
