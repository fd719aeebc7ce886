//go:build !purego

package simd

import (
	"math/rand/v2"
	"slices"
	"sync"
	"syscall/js"
	"testing"
)

// TestModuleAbsent: without what the module needs of its host, the row is not offered.
func TestModuleAbsent(t *testing.T) {
	if newModule() == nil {
		t.Fatal("no module in a host that has all of it")
	}
	for _, name := range []string{"WebAssembly", "Int32Array"} {
		value := js.Global().Get(name)
		js.Global().Set(name, js.Undefined())
		m := newModule()
		js.Global().Set(name, value)
		if m != nil {
			t.Errorf("a module without %s", name)
		}
	}
}

// TestModuleMemory: the kernels see memory that Go has got since the module was made, and calls
// from several goroutines do not mix their arguments.
func TestModuleMemory(t *testing.T) {
	const each = 1 << 20
	stage := int8SIMD128(newModule()).Stage
	var all sync.WaitGroup
	for seed := range uint64(8) {
		all.Go(func() {
			src, dst := make([]int8, each), make([]int8, 2*each)
			rnd := rand.New(rand.NewPCG(seed, 0))
			for i := 0; i < each; i += 8 {
				v := rnd.Uint64()
				for j := range 8 {
					src[i+j] = int8(v >> (8 * j))
				}
			}
			for range 3 {
				clear(dst)
				stage(dst, src)
			}
			want := make([]int8, 2*each)
			for i, v := range src {
				want[2*i], want[2*i+1] = v, v>>7
			}
			if !slices.Equal(dst, want) {
				t.Errorf("seed %d: other elements", seed)
			}
		})
	}
	all.Wait()
}
