//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gantiny/gantiny/internal/npy"
)

func pipe(t *testing.T, name string) {
	t.Helper()
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Skip(err)
	}
}

// TestPipesDoNotHang: what waits for the other end of a pipe ends with its context, and a model is
// not waited for.
func TestPipesDoNotHang(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	for _, name := range []string{"m.safetensors", "out.png", "out.npy", "z.npy", "c.toml", "c.json"} {
		pipe(t, name)
	}
	gantiny(t, "generate", "m.safetensors").want(t, exitFailed, "m.safetensors: no model: it is a pipe")
	gantiny(t, "inspect", "m.safetensors").want(t, exitFailed, "it is a pipe")
	gantiny(t, "quantize", "m.safetensors", "-o", "q.safetensors").want(t, exitFailed, "it is a pipe")
	for _, args := range [][]string{
		{"generate", smallFile, "-n", "1", "-o", "out.png"}, {"generate", smallFile, "-n", "1", "-o", "out.npy"}, {"generate", smallFile, "--latents", "z.npy", "-o", "a.png"},
		{"train", "--config", "c.toml", "--out", "run"}, {"bench", "--suite", "pi", "--compare", "c.json"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		stopped, stop := context.WithCancel(context.Background())
		context.AfterFunc(ctx, stop) // which ends as Ctrl-C does
		gantinyContext(stopped, args...).want(t, exitInterrupted, "interrupted")
		cancel()
	}
}

// TestPipeOut: somebody who reads from the pipe gets the whole file.
func TestPipeOut(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	pipe(t, "out.npy")
	read := make(chan []byte)
	go func() {
		b, err := os.ReadFile("out.npy")
		if err != nil {
			t.Error(err)
		}
		read <- b
	}()
	gantiny(t, "generate", smallFile, "-n", "500", "-o", "out.npy").want(t, exitDone)
	x, shape, err := npy.Read(bytes.NewReader(<-read), "out.npy")
	if err != nil || len(shape) != 4 || shape[0] != 500 || len(x) != 500*28*28 {
		t.Errorf("%d numbers, %v, %v", len(x), shape, err)
	}
}
