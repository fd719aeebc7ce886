package simd

// Scalar functions on rows of channels: biases, per-image factors, BatchNorm.

func biasLeakyScalar(dst, x, bias []float32, slope float32) {
	factors := [2]float32{1, slope}
	sameLen(len(dst), len(x))
	c := len(bias)
	for range wholeRows(len(x), c) {
		d, xr := dst[:c], x[:c]
		for j, b := range bias {
			d[j] = leaky(xr[j]+b, &factors)
		}
		dst, x = dst[c:], x[c:]
	}
}

func rowScaleScalar(x, s []float32) {
	c := wholeRows(len(x), len(s))
	for _, a := range s {
		scaleScalar(x[:c], a)
		x = x[c:]
	}
}

func columnSumsScalar(sum, x []float32) {
	c := len(sum)
	for range wholeRows(len(x), c) {
		addScalar(sum, x[:c])
		x = x[c:]
	}
}

func momentsScalar(sum, sq, x, shift []float32) {
	c := len(shift)
	sameLen(c, len(sum))
	sameLen(c, len(sq))
	n := wholeRows(len(x), c)
	clear(sum)
	clear(sq)
	for range n {
		xr := x[:c]
		for j, s := range shift {
			d := xr[j] - s
			sum[j] += d
			sq[j] += float32(d * d)
		}
		x = x[c:]
	}
}

func affineScalar(dst, x, a, b []float32, slope float32) {
	factors := [2]float32{1, slope}
	sameLen(len(dst), len(x))
	c := len(a)
	sameLen(c, len(b))
	for range wholeRows(len(x), c) {
		d, xr := dst[:c], x[:c]
		for j, aj := range a {
			d[j] = leaky(float32(aj*xr[j])+b[j], &factors)
		}
		dst, x = dst[c:], x[c:]
	}
}

func affineGradSumsScalar(sdz, sdzx, dy, x, a, b, mean []float32, slope float32) {
	factors := [2]float32{1, slope}
	sameLen(len(dy), len(x))
	c := len(a)
	sameLen(c, len(b))
	sameLen(c, len(mean))
	sameLen(c, len(sdz))
	sameLen(c, len(sdzx))
	n := wholeRows(len(x), c)
	clear(sdz)
	clear(sdzx)
	for range n {
		dyr, xr := dy[:c], x[:c]
		for j, aj := range a {
			dz := leakyGrad(dyr[j], float32(aj*xr[j])+b[j], &factors)
			sdz[j] += dz
			sdzx[j] += float32(dz * (xr[j] - mean[j]))
		}
		dy, x = dy[c:], x[c:]
	}
}

func affineGradScalar(dx, dy, x, a, b, k0, k1 []float32, slope float32) {
	factors := [2]float32{1, slope}
	sameLen(len(dx), len(x))
	sameLen(len(dy), len(x))
	c := len(a)
	sameLen(c, len(b))
	sameLen(c, len(k0))
	sameLen(c, len(k1))
	for range wholeRows(len(x), c) {
		d, dyr, xr := dx[:c], dy[:c], x[:c]
		for j, aj := range a {
			dz := leakyGrad(dyr[j], float32(aj*xr[j])+b[j], &factors)
			d[j] = float32(aj*dz) + (float32(k1[j]*xr[j]) + k0[j])
		}
		dx, dy, x = dx[c:], dy[c:], x[c:]
	}
}
