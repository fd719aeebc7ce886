package model

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// bitsNets are networks of 4 channels or so, which end within and between vectors: those of the
// reference, and one with every other operator that is trained.
func bitsNets(t *testing.T) []*Model {
	c := Config{Latent: 5, Size: 8, Width: 4}
	list := []*Model{Generator(c), Discriminator(c)}
	layers := []Op{Dense{Units: 24, Bias: true}, LayerNorm{}, ELU{}, Reshape{2, 3, 4}}
	for i, o := range activations() {
		layers = append(layers, o)
		switch i % 4 {
		case 0:
			layers = append(layers, Conv2D{Filters: 4, Kernel: [2]int{3, 2}, Same: true, Groups: 2}, InstanceNorm{})
		case 1:
			layers = append(layers, ConvTranspose2D{Filters: 4, Kernel: [2]int{3, 3}, Same: true, Bias: true}, GroupNorm{Groups: 2})
		case 2:
			layers = append(layers, PixelNorm{}, Dropout{Rate: 0.2})
		case 3:
			layers = append(layers, BatchNorm{})
		}
	}
	m, err := New("all", Flat(7), layers...)
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, m, conditionalNet(t), wideNet(t))
	for _, m := range list {
		m.Init(7, GlorotUniform)
	}
	return list
}

// sameBits are the hashes of TestSameBits: on rows with fused multiply-adds, and on others.
var sameBits = map[string][2]uint64{
	"generator":     {0xafd4b9d999a43e43, 0x6e93205446166d6e},
	"discriminator": {0x7e4d2028d8dc19d0, 0x634f626aa2f71d76},
	"all":           {0x14ab69d36189786e, 0xc5f447e46cb69e4e},
	"conditional":   {0x3ac2c2dc3d7bfb0a, 0x380f28647a6c30e8},
	"wide":          {0x896ffd1a69311d0c, 0xbed854e065ec61c7},
}

// TestSameBits: three steps of descent leave the same bits on every row with fused multiply-adds,
// of every architecture, and the same on all others.
func TestSameBits(t *testing.T) {
	for _, m := range bitsNets(t) {
		for _, k := range simd.Variants() {
			row := 1
			if k.FMA {
				row = 0
			}
			m.Init(7, GlorotUniform)
			if got := descend(t, m, k); got != sameBits[m.Name][row] {
				t.Errorf("%s on %s: %#x, want %#x", m.Name, k.Name, got, sameBits[m.Name][row])
			}
		}
	}
}

// descend takes three steps of steepest descent on random losses, and hashes all that they leave.
func descend(t *testing.T, m *Model, k *simd.Kernels) uint64 {
	const n = 6
	p, err := m.NewPass(PassOptions{Batch: n, Threads: 2, Kernels: k, Seed: 5, InputGrad: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	hash := fnv.New64a()
	add := func(x []float32) {
		for _, v := range x {
			binary.Write(hash, binary.LittleEndian, math.Float32bits(v))
		}
	}
	for step := range uint64(3) {
		in, x := p.Input()
		in.Import(x, normals(n*m.Input().Len(), step))
		if len(m.Inputs()) > 1 {
			copy(p.Classes(1), []int32{0, 1, 2, 3, int32(step), 1})
		}
		p.Forward(step)
		out, y := p.Output()
		add(exported(out, y))
		dy := make([]float32, out.Len())
		out.Import(dy, normals(n*m.Output().Len(), 10+step))
		p.Backward(dy, nil, 0)
		at, dx := p.InputGrad()
		add(exported(at, dx))
		grads := p.Grads()
		for i, q := range m.TrainableParams() {
			add(grads[i].Data)
			for j, g := range grads[i].Data {
				q.Data[j] -= float32(0.01 * g)
			}
		}
		p.Repack()
	}
	for _, q := range m.Params() {
		add(q.Data)
	}
	return hash.Sum64()
}

// TestMovingMeanRounding: products are rounded before they are added. A fused multiply-add gives
// 0xbb0d2e02 here, which compilers for some architectures choose unless they are told not to.
func TestMovingMeanRounding(t *testing.T) {
	m, err := New("m", Flat(1), BatchNorm{})
	if err != nil {
		t.Fatal(err)
	}
	var x []float32
	for _, bits := range []uint32{0x3f0d7a72, 0xbd6e5015, 0xbdef65a0, 0xbef5a342, 0xbddf1781, 0x3e96be73} {
		x = append(x, math.Float32frombits(bits))
	}
	for _, k := range simd.Variants() {
		m.Params()[movingMean].Data[0] = math.Float32frombits(0xbb17cbf2)
		r := train(t, m, PassOptions{Batch: len(x), Threads: 1, Kernels: k}, mode{training: true}, x, x, nil, 0)
		if got := math.Float32bits(r.moving[0][0]); got != 0xbb0d2e01 {
			t.Errorf("%s: %#x, want 0xbb0d2e01", k.Name, got)
		}
	}
}
