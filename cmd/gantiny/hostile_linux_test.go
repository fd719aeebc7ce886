package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model/safetensors"
)

// TestHostileModels holds the program to the memory that there is, whatever a file of a few bytes
// claims: within 2 GB of address space every model is drawn or refused, with status 1 and one line.
func TestHostileModels(t *testing.T) {
	plain(t)
	t.Chdir(t.TempDir())
	t.Setenv(addressVariable, fmt.Sprint(int64(2)<<30))
	write := func(name, input, layers string, tensors ...safetensors.Tensor) string {
		var b bytes.Buffer
		text := fmt.Sprintf(`{"format":1,"name":"x","input":%s,"layers":[%s],"provenance":{}}`, input, layers)
		if err := safetensors.Write(&b, map[string]string{"gantiny": text}, tensors); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	weight := func(shape ...int) safetensors.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return safetensors.Tensor{Name: "conv2d0.weight", DType: safetensors.F32, Shape: shape, Floats: make([]float32, n)}
	}
	head := func(name, text string) string {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
		if err := os.WriteFile(name, append(b, text...), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const big = 2 << 20 // about what the program may take for reading any of these
	for _, c := range []struct{ path, inspect, generate string }{
		{write("in", "[1,1,268435456]", `{"kind":"tanh"},{"kind":"reshape","h":16384,"w":16384,"c":1}`), "", "needs more memory"},
		{write("out", "[1,1,1]", `{"kind":"conv2d","filters":1,"kernel":[1,1],"stride":[1,1],"pad":[2890,2890,2890,2890]}`, weight(1, 1, 1, 1)), "", "needs more memory"},
		{write("links", "[1,1,1]", `{"kind":"conv2d","filters":1,"kernel":[256,256],"stride":[1,1],"pad":[5000,5000,1600,1600]}`, weight(256, 256, 1, 1)), "", "needs more memory"},
		{write("pool", "[1,1,1048576]", `{"kind":"reshape","h":1024,"w":1024,"c":1},{"kind":"maxpool","kernel":[512,512],"stride":[1,1]}`), "", "needs more memory"},
		{write("moves", "[1,1,67108864]", `{"kind":"reshape","h":8192,"w":8192,"c":1},{"kind":"transpose","perm":[1,0,2]}`), "", "needs more memory"},
		{write("layers", "[1,1,4]", strings.TrimSuffix(strings.Repeat(`{"kind":"tanh"},`, 100_000), ",")), "more than 4096 layers", "more than 4096 layers"},
		{head("deep", `{"a":`+strings.Repeat("[", big)), "safetensors", "safetensors"},
		{head("dims", `{"a":{"dtype":"F32","shape":[`+strings.Repeat("1,", big/2)+`1],"data_offsets":[0,4]}}`), "safetensors", "safetensors"},
	} {
		for command, want := range map[string]string{"inspect": c.inspect, "generate": c.generate} {
			args := []string{command, c.path}
			if command == "generate" {
				args = append(args, "-n", "1", "-o", "a.png")
			}
			r, peak := child(t, 2, args...)
			if want == "" {
				r.want(t, exitDone)
			} else {
				r.want(t, exitFailed, want)
			}
			if lines := strings.Count(r.stderr, "\n"); lines > 2 { // the error, and the peak of this test
				t.Errorf("%s %s: %d lines of errors:\n%s", command, c.path, lines, r.stderr)
			}
			if peak > 100<<20 {
				t.Errorf("%s %s: took %d MB", command, c.path, peak>>20)
			}
		}
	}
}
