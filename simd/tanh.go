package simd

// tanh is a rational function of x: x*P(x*x)/Q(x*x).
func tanh(x float32) float32 {
	if x > tanhMax {
		x = tanhMax
	} else if x < -tanhMax {
		x = -tanhMax
	}
	u := x * x
	p := tanhP[len(tanhP)-1]
	for i := len(tanhP) - 2; i >= 0; i-- {
		p = float32(p*u) + tanhP[i]
	}
	q := tanhQ[len(tanhQ)-1]
	for i := len(tanhQ) - 2; i >= 0; i-- {
		q = float32(q*u) + tanhQ[i]
	}
	return x * p / q
}

// sigmoid(x) = (1+tanh(x/2))/2.
func sigmoid(x float32) float32 { return float32(0.5*tanh(0.5*x)) + 0.5 }

const tanhMax = 9

var (
	tanhP = [...]float32{1, 0.11794871794871795, 0.0019580419580419582, 6.0e-06}
	tanhQ = [...]float32{1, 0.45128205128205128, 0.019020979020979021, 0.0001258741258741259}
)
