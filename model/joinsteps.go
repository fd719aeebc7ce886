package model

import (
	"math"

	"github.com/gantiny/gantiny/quant"
)

// joinLoss is what PSNR may fall by for values that have the steps of what they are joined in, in dB:
// as little as measures were worth that Quantize goes without.
const joinLoss = 0.2

// joinSteps gives what a Concat joins the steps of its output, in which bytes lie in place without a
// table, from the last value to the first as long as the images stay near the model's own.
func (s *simulation) joinSteps(c *quant.Calibration, log func(string)) error {
	into := s.joined()
	if len(into) == 0 {
		return nil
	}
	last, err := s.Judge(c.Params)
	if err != nil {
		return err
	}
	most, kept := last*math.Pow(10, joinLoss/10), false
	for v := len(s.order) - 1; v >= 0; v-- {
		whole, ok := into[v]
		if !ok || c.Params[v] == c.Params[whole] {
			continue
		}
		was := c.Params[v]
		c.Params[v] = c.Params[whole]
		e, err := s.Judge(c.Params)
		if err != nil {
			return err
		}
		if !(e <= most) {
			c.Params[v] = was
			continue
		}
		last, kept, c.Observer[v] = e, true, c.Observer[whole]
	}
	c.Report(log, "steps of what joins", last, kept)
	return nil
}

// joined lists the values that a Concat joins and that may have its steps, with the value that it makes.
func (s *simulation) joined() map[int]int {
	into := map[int]int{}
	for _, n := range s.graph.Nodes {
		if _, ok := n.Op.(Concat); !ok {
			continue
		}
		for _, x := range n.In {
			from := stepsOf(x)
			v, ranged := s.ranged[from]
			_, fixed := s.kept[from]
			if _, taken := into[v]; ranged && !fixed && !taken && from.Node != nil {
				into[v] = s.ranged[n.Out]
			}
		}
	}
	return into
}
