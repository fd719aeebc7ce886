package train

import (
	"fmt"

	"github.com/gantiny/gantiny/simd"
)

// optimizers holds what the setting "optimizer" may be, made with the betas of one
// network.
var optimizers = map[string]func(c Config, beta1, beta2 float64) Optimizer{
	"adam":    func(c Config, b1, b2 float64) Optimizer { return Adam{b1, b2, c.Epsilon} },
	"adamw":   func(c Config, b1, b2 float64) Optimizer { return AdamW{b1, b2, c.Epsilon, c.WeightDecay} },
	"rmsprop": func(c Config, _, b2 float64) Optimizer { return RMSprop{b2, c.Epsilon} },
	"sgd":     func(c Config, _, _ float64) Optimizer { return SGD{c.Momentum, c.Nesterov} },
}

// choose fills what is nil in p by what the settings name, which Validate has
// passed.
func (c Config) choose(p *Components) {
	if p.Objective == nil {
		p.Objective = tasks[c.Task].objective(c, p)
	}
	if p.GOptimizer == nil {
		p.GOptimizer = optimizers[c.Optimizer](c, c.Beta1, c.Beta2)
	}
	if p.DOptimizer == nil {
		b1, b2 := c.Beta1, c.Beta2
		if c.DBeta1 >= 0 {
			b1 = c.DBeta1
		}
		if c.DBeta2 >= 0 {
			b2 = c.DBeta2
		}
		p.DOptimizer = optimizers[c.Optimizer](c, b1, b2)
	}
}

func (c Config) dLearningRate() float64 {
	if c.DLearningRate > 0 {
		return c.DLearningRate
	}
	return c.LearningRate
}

func (c Config) schedule() Schedule {
	return Schedule{Kind: c.Schedule, Warmup: c.WarmupSteps, Decay: c.DecaySteps, Final: c.FinalRate}
}

// kernels returns the row that Kernel names, or else the machine's best.
func (c Config) kernels() (*simd.Kernels, error) {
	if c.Kernel == "" {
		return simd.Best(), nil
	}
	k, err := simd.Lookup(c.Kernel)
	if err != nil {
		return nil, fmt.Errorf("train: %w: kernel: %w", ErrConfig, err)
	}
	return k, nil
}
