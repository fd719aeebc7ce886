package main

// elementwise writes the plain operations on slices.
func elementwise(g *gen) {
	for _, f := range []flat{
		{
			name: "add", doc: "dst[i] += x[i].",
			slices: []string{"dst", "x"}, unroll: 4,
			body: func(b *lanes) {
				d, x := b.load(0), b.load(1)
				b.VADDPS(x, d, d)
				b.store(d, 0)
			},
		}, {
			name: "scale", doc: "dst[i] *= a.",
			slices: []string{"dst"}, scalars: []string{"a"}, unroll: 4,
			body: func(b *lanes) {
				d := b.load(0)
				b.VMULPS(b.scalars[0], d, d)
				b.store(d, 0)
			},
		}, {
			name: "axpy", doc: "dst[i] = fma(a, x[i], dst[i]).",
			slices: []string{"dst", "x"}, scalars: []string{"a"}, unroll: 4,
			body: func(b *lanes) {
				d, x := b.load(0), b.load(1)
				b.VFMADD231PS(b.scalars[0], x, d)
				b.store(d, 0)
			},
		}, {
			name: "tanhGrad", doc: "dx[i] = dy[i] * fma(-y[i], y[i], 1).",
			slices: []string{"dx", "dy", "y"}, consts: []float32{1}, unroll: 4,
			body: func(b *lanes) {
				dy, y := b.load(1), b.load(2)
				d := b.tmp()
				b.VMOVAPS(b.consts[0], d)
				b.VFNMADD231PS(y, y, d)
				b.VMULPS(dy, d, d)
				b.store(d, 0)
			},
		}, {
			name: "leakyGrad", doc: "dx[i] = y[i] > 0 ? dy[i] : slope*dy[i].",
			slices: []string{"dx", "dy", "y"}, scalars: []string{"slope"}, consts: []float32{0}, unroll: 4,
			body: func(b *lanes) {
				dy, y := b.load(1), b.load(2)
				b.leakyGrad(y, dy)
				b.store(dy, 0)
			},
		},
	} {
		f.write(g)
	}
}
