package importer

import (
	"math"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	for name, o := range map[string]model.Op{
		"Relu": model.ReLU{}, "Tanh": model.Tanh{}, "Sigmoid": model.Sigmoid{}, "Softplus": model.Softplus{},
		"HardSwish": model.HardSwish{}, "Mish": model.Mish{},
		"Exp": model.Elementary{Function: model.Exp}, "Log": model.Elementary{Function: model.Log},
		"Sqrt": model.Elementary{Function: model.Sqrt}, "Abs": model.Elementary{Function: model.Abs},
		"Reciprocal": model.Elementary{Function: model.Reciprocal}, "Erf": model.Elementary{Function: model.Erf},
	} {
		register(name, func(s *step) error { return s.apply(o) })
	}
	register("LeakyRelu", func(s *step) error { return s.leaky(s.floatAttr("alpha", 0.01)) })
	register("Elu", func(s *step) error { return s.apply(model.ELU{Alpha: s.floatAttr("alpha", 1)}) })
	register("Celu", convertCelu)
	register("Selu", convertSelu)
	register("Gelu", convertGelu)
	register("PRelu", convertPRelu)
	register("HardSigmoid", convertHardSigmoid)
	register("Clip", convertClip)
	register("Softsign", convertSoftsign)
	register("Softmax", func(s *step) error { return s.softmax(false) })
	register("LogSoftmax", func(s *step) error { return s.softmax(true) })
}

// apply makes y = o(x), element by element.
func (s *step) apply(o model.Op) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	n, err := s.im.add(o, nil, v.at)
	if err != nil {
		return err
	}
	return s.done(v.like(n), nil)
}

// chain makes one operator after the other.
func (im *importer) chain(v *value, ops ...model.Op) (*value, error) {
	for _, o := range ops {
		n, err := im.add(o, nil, v.at)
		if err != nil {
			return nil, err
		}
		v = v.like(n)
	}
	return v, nil
}

func (s *step) leaky(alpha float64) error {
	if alpha >= 0 && alpha <= 1 {
		return s.apply(model.LeakyReLU{Slope: float32(alpha)})
	}
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	n, err := s.im.add(model.PReLU{}, []param{func(int) float64 { return alpha }}, v.at)
	if err != nil {
		return err
	}
	return s.done(v.like(n), nil)
}

// convertCelu: alpha * ELU(x/alpha).
func convertCelu(s *step) error {
	alpha := s.floatAttr("alpha", 1)
	v, err := s.dynamic(0)
	if err == nil {
		v, err = s.im.scaled(v, 1/alpha, 0)
	}
	if err == nil {
		v, err = s.im.chain(v, model.ELU{Alpha: 1})
	}
	if err != nil {
		return err
	}
	return s.done(s.im.scaled(v, alpha, 0))
}

// convertSelu: gamma * ELU(x) of the given alpha.
func convertSelu(s *step) error {
	const usualAlpha, usualGamma = 1.67326319217681884765625, 1.05070102214813232421875
	alpha, gamma := s.floatAttr("alpha", usualAlpha), s.floatAttr("gamma", usualGamma)
	if math.Abs(alpha-usualAlpha) < 1e-6 && math.Abs(gamma-usualGamma) < 1e-6 {
		return s.apply(model.SELU{})
	}
	v, err := s.dynamic(0)
	if err == nil {
		v, err = s.im.chain(v, model.ELU{Alpha: alpha})
	}
	if err != nil {
		return err
	}
	return s.done(s.im.scaled(v, gamma, 0))
}

func convertGelu(s *step) error {
	switch how := s.textAttr("approximate", "none"); how {
	case "none":
		return s.apply(model.GELU{})
	case "tanh":
		return s.apply(model.GELU{Tanh: true})
	default:
		return ir.RefusePlain("approximate %q", how)
	}
}

func convertPRelu(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	slope, err := s.constant(1)
	if err != nil {
		return err
	}
	v, p, err := s.im.against(v, slope)
	if err != nil {
		return err
	}
	n, err := s.im.add(model.PReLU{}, []param{p}, v.at)
	if err != nil {
		return err
	}
	return s.done(v.like(n), nil)
}

func convertHardSigmoid(s *step) error {
	alpha, beta := s.floatAttr("alpha", 0.2), s.floatAttr("beta", 0.5)
	if float32(alpha) == float32(1./6) && beta == 0.5 {
		return s.apply(model.HardSigmoid{})
	}
	v, err := s.dynamic(0)
	if err == nil {
		v, err = s.im.scaled(v, alpha, beta)
	}
	if err != nil {
		return err
	}
	return s.done(s.im.chain(v, model.Clip{Min: 0, Max: 1}))
}

func convertClip(s *step) error {
	limit := func(name string, i int, unset float32) (float32, error) {
		v := float64(unset)
		if a := s.attribute(name); a != nil {
			v = float64(a.F)
		} else if !s.get(i).none() {
			a, err := s.constant(i)
			if err != nil {
				return 0, err
			}
			if a.n != 1 {
				return 0, ir.Refuse("%s of %v", name, a.dims)
			}
			v = a.float(0)
		}
		return float32(max(-math.MaxFloat32, min(math.MaxFloat32, v))), nil
	}
	low, err := limit("min", 1, -math.MaxFloat32)
	if err != nil {
		return err
	}
	high, err := limit("max", 2, math.MaxFloat32)
	if err != nil {
		return err
	}
	if low == 0 && high == math.MaxFloat32 {
		return s.apply(model.ReLU{})
	}
	return s.apply(model.Clip{Min: low, Max: high})
}

// convertSoftsign: x / (1+|x|).
func convertSoftsign(s *step) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	under, err := s.im.chain(v, model.Elementary{Function: model.Abs})
	if err == nil {
		under, err = s.im.scaled(under, 1, 1)
	}
	if err == nil {
		under, err = s.im.chain(under, model.Elementary{Function: model.Reciprocal})
	}
	if err != nil {
		return err
	}
	return s.done(s.im.pair(model.Mul{}, v, under))
}

// softmax is over one axis or, until opset 12, over that and all behind it.
func (s *step) softmax(log bool) error {
	v, err := s.dynamic(0)
	if err != nil {
		return err
	}
	old := s.im.file.Opset < 13
	unset := -1
	if old {
		unset = 1
	}
	k, err := axis(s.intAttr("axis", unset), len(v.dims))
	if err != nil {
		return err
	}
	channels := v.dims[k]
	if old {
		for _, d := range v.dims[k+1:] {
			channels = append(channels[:len(channels):len(channels)], d...)
		}
	}
	if k == v.batch || old && k < v.batch {
		return ir.Refuse("axis %d, which is the images'", k)
	}
	n, rest, err := s.im.last(v, channels)
	if err != nil {
		return err
	}
	if n, err = s.im.add(model.Softmax{}, nil, n); err != nil {
		return err
	}
	v = v.like(n)
	v.order = append(rest, channels...)
	if log {
		if v, err = s.im.chain(v, model.Elementary{Function: model.Log}); err != nil {
			return err
		}
	}
	return s.done(v, nil)
}

// last returns a node that has v with the given atoms as channels, and the others before them.
func (im *importer) last(v *value, channels []*atom) (*node, []*atom, error) {
	rest := without(v.order, channels)
	n, err := im.arrange(v, rest, nil, channels)
	return n, rest, err
}
