package main

// adam writes the update of the weights.
func adam(g *gen) {
	flat{
		name:   "adam",
		doc:    "m[i] = fma(b1, m[i], c1*dw[i]); v[i] = fma(b2, v[i], (c2*dw[i])*dw[i]); w[i] -= (lr*m[i]) / (sqrt(v[i])+eps).",
		slices: []string{"w", "m", "v", "dw"}, scalars: []string{"lr", "b1", "c1", "b2", "c2", "eps"}, unroll: 2,
		body: func(b *lanes) {
			lr, b1, c1, b2, c2, eps := b.scalars[0], b.scalars[1], b.scalars[2], b.scalars[3], b.scalars[4], b.scalars[5]
			g, m, v := b.load(3), b.load(1), b.load(2)
			t := b.tmp()
			b.VMULPS(g, c1, t)
			b.VFMADD213PS(t, b1, m)
			b.store(m, 1)
			b.VMULPS(g, c2, t)
			b.VMULPS(g, t, t)
			b.VFMADD213PS(t, b2, v)
			b.store(v, 2)
			b.VSQRTPS(v, v)
			b.VADDPS(eps, v, v)
			b.VMULPS(m, lr, m)
			b.VDIVPS(v, m, m)
			w := b.load(0)
			b.VSUBPS(m, w, w)
			b.store(w, 0)
		}}.write(g)
}
