package train

import "github.com/gantiny/gantiny/model"

// Bytes is the memory that training takes, besides the program and the data set: parameters, Adam's moments, and both passes
// with their threads' scratch.
func (t *Trainer) Bytes() int64 {
	n := t.g.pass.Bytes() + t.d.pass.Bytes()
	for _, m := range []*model.Model{t.g.model, t.d.model} {
		n += 4 * int64(m.Parameters())
		for _, p := range m.TrainableParams() {
			n += 2 * 4 * int64(p.Len())
		}
	}
	return n
}
