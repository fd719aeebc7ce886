package eval

// Figures say how good pictures are.
type Figures struct {
	Frechet        float64  `json:"frechet"`
	KID            float64  `json:"kid"`
	Precision      float64  `json:"precision"`
	Recall         float64  `json:"recall"`
	Density        float64  `json:"density"`
	Coverage       float64  `json:"coverage"`
	TV             float64  `json:"tv"`              // half the sum of differences between the classes' frequencies, from 0 to 1
	Modes          int      `json:"modes"`           // classes that are seen at least once
	LabelAgreement *float64 `json:"label_agreement"` // nil where no class was asked for
	Sure           float64  `json:"sure"`            // share of the pictures in which the classifier gives one class 0.95 or more
}

// sureAt is the probability from which on a classifier is sure.
const sureAt = 0.95

// Spread is the standard deviation of figures by the bootstrap: pictures and training pictures are
// drawn anew, in 50 blocks, with replacement. It keeps who is near to whom, and so is somewhat too
// small for Precision, Recall, Density and Coverage.
type Spread struct {
	Frechet        float64  `json:"frechet"`
	KID            float64  `json:"kid"`
	Precision      float64  `json:"precision"`
	Recall         float64  `json:"recall"`
	Density        float64  `json:"density"`
	Coverage       float64  `json:"coverage"`
	TV             float64  `json:"tv"`
	Modes          float64  `json:"modes"`
	LabelAgreement *float64 `json:"label_agreement"`
	Sure           float64  `json:"sure"`
}

// Result is what Compare finds.
type Result struct {
	N int `json:"n"` // pictures, and as many training pictures
	Figures
	Spread  Spread    `json:"spread"`
	Classes []float64 `json:"classes"` // frequencies of the classes that are seen
	// Kullback-Leibler divergence of Classes from the frequencies of the data's classes, in nats; nil
	// where it is infinite, since a class is seen that the data lack.
	KL        *float64 `json:"kl"`
	KLUniform float64  `json:"kl_uniform"` // from classes that are all as frequent
	Nearest   *Nearest `json:"nearest,omitempty"`
}

// The figures in the order of values.
const (
	frechetAt = iota
	kidAt
	precisionAt
	recallAt
	densityAt
	coverageAt
	tvAt
	modesAt
	agreementAt
	sureAtAt
	figureCount
)

// values are figures by their numbers.
type values [figureCount]float64

func (v values) figures(asked bool) Figures {
	f := Figures{
		Frechet: v[frechetAt], KID: v[kidAt], Precision: v[precisionAt], Recall: v[recallAt], Density: v[densityAt],
		Coverage: v[coverageAt], TV: v[tvAt], Modes: int(v[modesAt]), Sure: v[sureAtAt],
	}
	if asked {
		f.LabelAgreement = &v[agreementAt]
	}
	return f
}

func (v values) spread(asked bool) Spread {
	s := Spread{
		Frechet: v[frechetAt], KID: v[kidAt], Precision: v[precisionAt], Recall: v[recallAt], Density: v[densityAt],
		Coverage: v[coverageAt], TV: v[tvAt], Modes: v[modesAt], Sure: v[sureAtAt],
	}
	if asked {
		s.LabelAgreement = &v[agreementAt]
	}
	return s
}
