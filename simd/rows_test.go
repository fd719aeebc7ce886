package simd

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
)

var lengths = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 100, 127, 128, 129, 255, 257, 1000}

// shapes are rows and channels: long single rows for element-wise code, and rows of every width
// about a vector's.
func shapes() (list [][2]int) {
	for _, n := range lengths {
		list = append(list, [2]int{1, n})
	}
	for _, c := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 97, 128} {
		for _, r := range []int{2, 3, 5, 12} {
			list = append(list, [2]int{r, c})
		}
	}
	return list
}

// eachRow runs f for every row, with faults turned into failures.
func eachRow(t *testing.T, f func(t *testing.T, k *Kernels)) {
	for _, k := range Variants() {
		t.Run(k.Name, func(t *testing.T) {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			f(t, k)
		})
	}
}

// eachInt8Row is eachRow with the functions for small weights too, and with both forms of the row
// "go", whatever this machine is.
func eachInt8Row(t *testing.T, f func(t *testing.T, k *Kernels)) {
	known := map[form]bool{}
	eachRow(t, func(t *testing.T, k *Kernels) {
		f(t, k)
		if q := k.Int8.Small; q != nil && !known[q.form] {
			known[q.form] = true
			small := *k
			small.Int8 = q
			t.Run("7 bits", func(t *testing.T) { f(t, &small) })
		}
	})
	for name, q := range map[string]*Int8{"go, triples": int8Triples(), "go, fours": int8Fours()} {
		k := goRow()
		k.Int8 = q
		t.Run(name, func(t *testing.T) { f(t, k) })
	}
}

// TestRequiredRows: a row that this machine could run and does not is an error; the other tests
// would not miss it.
func TestRequiredRows(t *testing.T) {
	if Variants()[0].Name != "scalar" || Variants()[0].FMA {
		t.Error("the first row is not the scalar reference")
	}
	for _, name := range requiredRows() {
		if _, err := Lookup(name); err != nil {
			t.Error(err)
		}
	}
	for _, k := range Variants() {
		if k.MR < 1 || k.NR < 1 {
			t.Errorf("%s: tile %dx%d", k.Name, k.MR, k.NR)
		}
		for row, i := reflect.ValueOf(k).Elem(), 0; i < row.NumField(); i++ {
			if f := row.Field(i); f.Kind() == reflect.Func && f.IsNil() {
				t.Errorf("%s has no %s", k.Name, row.Type().Field(i).Name)
			}
		}
	}
}

// TestModel: every function of every row gives the bits of the model, leaves its inputs alone and
// stays within its slices.
func TestModel(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for where, mem := range memories() {
			for i := range ops {
				o := &ops[i]
				rnd := rand.New(rand.NewPCG(1, uint64(i)))
				for _, shape := range shapes() {
					out, in := o.place(mem, shape[0], shape[1])
					o.fill(rnd, out, in)
					label := fmt.Sprintf("%s of %dx%d, %s", o.name, shape[0], shape[1], where)
					checkModel(t, k, o, testParams, out, in, label)
					mem.check(t)
					if t.Failed() {
						t.Fatal(label)
					}
				}
			}
		}
	})
}

// checkModel runs o on row k and compares all slices with the model's.
func checkModel(t *testing.T, k *Kernels, o *op, p params, out, in [][]float32, label string) {
	t.Helper()
	wantOut, wantIn := clones[float32](out), clones[float32](in)
	o.model(model32(k), p, wantOut, clones[float32](in))
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Fatalf("%s: %v", label, r)
			}
		}()
		o.run(k, p, out, in)
	}()
	for i := range out {
		if j, ok := sameBits(out[i], wantOut[i], o.out[i] == 'b'); !ok {
			t.Fatalf("%s: out[%d][%d] = %g, want %g", label, i, j, out[i][j], wantOut[i][j])
		}
	}
	for i := range in {
		if _, ok := sameBits(in[i], wantIn[i], true); !ok {
			t.Fatalf("%s: changed input %d", label, i)
		}
	}
}

// sameBits compares got with want; without strict all NaNs are the same.
func sameBits(got, want []float32, strict bool) (at int, ok bool) {
	for i, w := range want {
		g := got[i]
		if math.Float32bits(g) != math.Float32bits(w) && (strict || g == g || w == w) {
			return i, false
		}
	}
	return 0, true
}

// TestSpecials: infinities, NaNs, zeros of both signs, denormals and overflow come out as the steps
// say.
func TestSpecials(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	specials := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, nan, 1e-45, -1e-40, 1.2e-38, math.MaxFloat32,
		-math.MaxFloat32, 1e20, 0.5, -0.49999997, 43.5, -87, 87.00001, 104, 10}
	eachRow(t, func(t *testing.T, k *Kernels) {
		for i := range ops {
			o := &ops[i]
			rnd := rand.New(rand.NewPCG(2, uint64(i)))
			for _, slope := range []float32{0, 0.3, 1, -0.5} {
				p := testParams
				p.slope = slope
				for range 60 {
					out, in := o.place(&heap{}, 3, 37)
					o.fill(rnd, out, in)
					for j, s := range append(slices.Clone(out), in...) {
						for i := range s {
							if (o.out + o.in)[j] != 'b' && rnd.IntN(3) > 0 {
								s[i] = specials[rnd.IntN(len(specials))]
							}
						}
					}
					checkModel(t, k, o, p, out, in, fmt.Sprintf("%s, slope %g", o.name, slope))
				}
			}
		}
	})
}

// TestOracle: errors against float64 stay within the bounds that follow from the steps.
func TestOracle(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for i := range ops {
			o := &ops[i]
			if o.oracle == nil {
				continue
			}
			rnd := rand.New(rand.NewPCG(3, uint64(i)))
			for _, shape := range [][2]int{{1, 1000}, {7, 65}, {40, 33}} {
				out, in := o.place(&heap{}, shape[0], shape[1])
				o.fill(rnd, out, in)
				want := clones[float64](out)
				o.oracle(oracle, testParams, want, clones[float64](in))
				o.run(k, testParams, out, in)
				tol := o.tol(float64(shape[0])) / (1 << 24)
				for i := range out {
					for j, w := range want[i] {
						if e := math.Abs(float64(out[i][j]) - w); !(e <= tol) {
							t.Fatalf("%s of %v: out[%d][%d] = %g, want %g: error %.3g, allowed %.3g", o.name, shape, i, j, out[i][j], w, e, tol)
						}
					}
				}
			}
		}
	})
}

// TestAlias: a destination may be one of the inputs of its length.
func TestAlias(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for i := range ops {
			o := &ops[i]
			if o.apart {
				continue
			}
			for a := range o.out {
				for b := range o.in {
					if length(o.out[a], 5, 7) != 35 || length(o.in[b], 5, 7) != 35 {
						continue
					}
					for _, shape := range [][2]int{{1, 100}, {5, 33}} {
						out, in := o.place(&heap{}, shape[0], shape[1])
						o.fill(rand.New(rand.NewPCG(4, uint64(i))), out, in)
						copy(out[a], in[b])
						want := clones[float32](out)
						o.model(model32(k), testParams, want, clones[float32](in))
						in[b] = out[a]
						o.run(k, testParams, out, in)
						for i := range out {
							if j, ok := sameBits(out[i], want[i], false); !ok {
								t.Fatalf("%s, out %d is in %d: [%d] = %g, want %g", o.name, a, b, j, out[i][j], want[i][j])
							}
						}
					}
				}
			}
		}
	})
}

// TestLengths: slices that do not fit together panic before anything is written.
func TestLengths(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for i := range ops {
			o := &ops[i]
			if len(o.out)+len(o.in) == 1 {
				continue
			}
			for s := range len(o.out) + len(o.in) {
				// With 5x13 no length less one is a multiple of another, and an element less takes
				// a word less of a mask.
				out, in := o.place(&heap{}, 5, 13)
				o.fill(rand.New(rand.NewPCG(5, uint64(i))), out, in)
				if s < len(out) {
					out[s] = out[s][:len(out[s])-1]
				} else {
					in[s-len(out)] = in[s-len(out)][:len(in[s-len(out)])-1]
				}
				before := clones[float32](out)
				if !panics(func() { o.run(k, testParams, out, in) }) {
					t.Errorf("%s: no panic with slice %d too short", o.name, s)
				}
				for i := range out {
					if _, ok := sameBits(out[i], before[i], true); !ok {
						t.Errorf("%s: wrote before it refused slice %d", o.name, s)
					}
				}
			}
		}
		if !panics(func() { k.BiasLeaky(make([]float32, 3), make([]float32, 3), nil, 1) }) {
			t.Error("BiasLeaky: no panic without channels")
		}
	})
}

// panics reports whether f panics with one of this package's messages; the runtime's own would come
// too late for assembly.
func panics(f func()) (yes bool) {
	defer func() {
		message, _ := recover().(string)
		yes = strings.HasPrefix(message, "simd: ")
	}()
	f()
	return false
}

// TestSumDot: within the stated bound in any order; NaN and infinity are not lost.
func TestSumDot(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(6, 0))
		for where, mem := range memories() {
			for _, n := range append(lengths, 4097) {
				mem.reset()
				x, y := mem.slice(n), mem.slice(n)
				var sum, dot, absSum, absDot float64
				for i := range x {
					x[i], y[i] = 4*rnd.Float32()-1, 4*rnd.Float32()-1
					sum += float64(x[i])
					absSum += math.Abs(float64(x[i]))
					dot += float64(x[i]) * float64(y[i])
					absDot += math.Abs(float64(x[i]) * float64(y[i]))
				}
				if e := math.Abs(float64(k.Sum(x)) - sum); e > float64(n)*absSum/(1<<24) {
					t.Errorf("Sum of %d, %s: error %.3g", n, where, e)
				}
				if e := math.Abs(float64(k.Dot(x, y)) - dot); e > float64(n+1)*absDot/(1<<24) {
					t.Errorf("Dot of %d, %s: error %.3g", n, where, e)
				}
				for _, special := range []float64{math.NaN(), math.Inf(1)} {
					if n == 0 {
						continue
					}
					x[rnd.IntN(n)] = float32(special)
					for i := range y {
						y[i] = 1
					}
					for name, got := range map[string]float32{"Sum": k.Sum(x), "Dot": k.Dot(x, y)} {
						if fmt.Sprint(got) != fmt.Sprint(float32(special)) {
							t.Errorf("%s of %d with a %g: %g", name, n, special, got)
						}
					}
					clear(x)
				}
			}
		}
		if !panics(func() { k.Dot(make([]float32, 3), make([]float32, 2)) }) {
			t.Error("Dot: no panic for slices that differ in length")
		}
	})
}

// TestAllocs: no function allocates.
func TestAllocs(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for i := range ops {
			o := &ops[i]
			out, in := o.place(&heap{}, 3, 37)
			o.fill(rand.New(rand.NewPCG(7, uint64(i))), out, in)
			if n := alloctest.PerRun(func() { o.run(k, testParams, out, in) }); n != 0 {
				t.Errorf("%s: %d allocations", o.name, n)
			}
		}
	})
}

func TestLookup(t *testing.T) {
	t.Setenv(EnvKernel, "")
	list := Variants()
	best := list[len(list)-1]
	if got, err := Lookup(""); got != best || err != nil || Best() != best {
		t.Errorf("best row is %v (%v), want %s", got, err, best.Name)
	}
	for _, k := range list {
		t.Setenv(EnvKernel, k.Name)
		if got, err := Lookup(""); got != k || err != nil || Best() != k {
			t.Errorf("%s=%s gives %v (%v)", EnvKernel, k.Name, got, err)
		}
	}
	t.Setenv(EnvKernel, "mmx")
	_, err := Lookup("")
	checkUnknown(t, err, EnvKernel+": ")
	_, err = Lookup("Scalar")
	checkUnknown(t, err, "")
	if Best() != best {
		t.Errorf("with an unknown name Best is %s, want %s", Best().Name, best.Name)
	}
	list[0] = nil
	if Variants()[0] == nil {
		t.Error("Variants hands out the table itself")
	}
}

// checkUnknown checks Lookup's error: its sentinel, its source and the rows that it names.
func checkUnknown(t *testing.T, err error, from string) {
	t.Helper()
	if !errors.Is(err, ErrUnknownKernel) || !strings.HasPrefix(err.Error(), "simd: "+from+"unknown kernel row ") {
		t.Fatalf("error %v", err)
	}
	for _, k := range Variants() {
		if !strings.Contains(err.Error(), k.Name) {
			t.Errorf("error %q does not name %s", err, k.Name)
		}
	}
}
