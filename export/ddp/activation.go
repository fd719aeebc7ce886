package ddp

import (
	"fmt"

	"github.com/gantiny/gantiny/model"
)

var activationRules = map[string]rule{
	"relu":        call("F.relu"),
	"tanh":        call("torch.tanh"),
	"sigmoid":     call("torch.sigmoid"),
	"softplus":    call("F.softplus"),
	"selu":        call("F.selu"),
	"hardsigmoid": call("F.hardsigmoid"),
	"hardswish":   call("F.hardswish"),
	"silu":        call("F.silu"),
	"mish":        call("F.mish"),
	"leakyrelu": func(l *layer) string {
		return fmt.Sprintf("F.leaky_relu(%s, %v)", l.x(), l.Op.(model.LeakyReLU).Slope)
	},
	"elu": func(l *layer) string {
		return fmt.Sprintf("F.elu(%s, %v)", l.x(), l.Op.(model.ELU).Alpha)
	},
	"gelu": func(l *layer) string {
		if l.Op.(model.GELU).Tanh {
			return fmt.Sprintf("F.gelu(%s, approximate=\"tanh\")", l.x())
		}
		return fmt.Sprintf("F.gelu(%s)", l.x())
	},
	"clip": func(l *layer) string {
		o := l.Op.(model.Clip)
		return fmt.Sprintf("%s.clamp(%v, %v)", l.x(), o.Min, o.Max)
	},
	"elementary": func(l *layer) string {
		f := l.Op.(model.Elementary).Function
		name := map[string]string{
			model.Exp: "exp", model.Log: "log", model.Sqrt: "sqrt", model.Reciprocal: "reciprocal", model.Abs: "abs", model.Erf: "erf",
		}[f]
		if name == "" {
			return l.refuse("the script has no function %q", f)
		}
		return fmt.Sprintf("%s.%s()", l.x(), name)
	},
	"prelu": func(l *layer) string {
		return fmt.Sprintf("%s(%s)", l.module("PReLU(%d)", l.Params[0].Len()), l.x())
	},
	"softmax": func(l *layer) string { return fmt.Sprintf("F.softmax(%s, 1)", l.x()) },
	"dropout": func(l *layer) string {
		return fmt.Sprintf("drop(%d, %v, %s)", l.index, l.Op.(model.Dropout).Rate, l.x())
	},
}

// call applies a function to the layer's input.
func call(function string) rule {
	return func(l *layer) string { return fmt.Sprintf("%s(%s)", function, l.x()) }
}

var normRules = map[string]rule{
	"batchnorm": func(l *layer) string {
		o := l.Op.(model.BatchNorm)
		return fmt.Sprintf("%s(%s)", l.module("BatchNorm(%d, epsilon=%v, momentum=%v)", l.in[0].Shape.C, o.Epsilon, o.Momentum), l.x())
	},
	"conditionalbatchnorm": func(l *layer) string {
		o := l.Op.(model.ConditionalBatchNorm)
		return fmt.Sprintf("%s(%s)", l.module("BatchNorm(%d, epsilon=%v, momentum=%v, classes=%d)", l.in[0].Shape.C, o.Epsilon, o.Momentum, l.in[1].Type.Classes), names(l.in))
	},
	"instancenorm": func(l *layer) string {
		c := l.in[0].Shape.C
		return fmt.Sprintf("%s(%s)", l.module("GroupNorm(%d, %d, epsilon=%v)", c, c, l.Op.(model.InstanceNorm).Epsilon), l.x())
	},
	"groupnorm": func(l *layer) string {
		o := l.Op.(model.GroupNorm)
		return fmt.Sprintf("%s(%s)", l.module("GroupNorm(%d, %d, epsilon=%v)", o.Groups, l.in[0].Shape.C, o.Epsilon), l.x())
	},
	"layernorm": func(l *layer) string {
		s := l.in[0].Shape
		shape := fmt.Sprintf("(%d, %d, %d)", s.H, s.W, s.C)
		if s.IsFlat() {
			shape = fmt.Sprintf("(%d,)", s.C)
		}
		return fmt.Sprintf("%s(%s)", l.module("LayerNorm(%s, epsilon=%v)", shape, l.Op.(model.LayerNorm).Epsilon), l.x())
	},
	"pixelnorm": func(l *layer) string {
		return fmt.Sprintf("%s * (%s.square().mean(1, keepdim=True) + %v).rsqrt()", l.x(), l.x(), l.Op.(model.PixelNorm).Epsilon)
	},
}
