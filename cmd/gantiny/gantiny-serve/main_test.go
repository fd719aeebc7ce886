//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gantiny/gantiny/model"
)

// childVariable makes the test's program be gantiny-serve.
const childVariable = "GANTINY_SERVE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a gantiny-serve that runs.
type process struct {
	*exec.Cmd
	url string

	mu    sync.Mutex
	lines []map[string]any // of its log
	ended chan error
}

// start starts gantiny-serve at a free port and waits until it listens.
func start(t testing.TB, cmd *exec.Cmd, args ...string) *process {
	t.Helper()
	// An emulator of another processor starts no second program.
	if err := exec.Command(os.Args[0], "-test.run=^$").Run(); err != nil {
		t.Skip("no processes here: ", err)
	}
	if cmd == nil {
		cmd = exec.Command(os.Args[0])
	}
	p := &process{Cmd: cmd, ended: make(chan error, 1)}
	p.Args = append(p.Args, append([]string{"--addr=127.0.0.1:0", "--log=json"}, args...)...)
	p.Env = append(append(os.Environ(), childVariable+"=1"), p.Env...)
	out, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	go p.read(out)
	p.url = strings.TrimSuffix(p.wait(t, "listening")["url"].(string), "/")
	return p
}

// read keeps the lines of the log.
func (p *process) read(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			line = map[string]any{"msg": lines.Text()}
		}
		p.mu.Lock()
		p.lines = append(p.lines, line)
		p.mu.Unlock()
	}
	p.ended <- p.Cmd.Wait()
}

// wait waits for a message in the log, and takes it and all before it away.
func (p *process) wait(t testing.TB, msg string) map[string]any {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		p.mu.Lock()
		for i, line := range p.lines {
			if strings.Contains(fmt.Sprint(line["msg"]), msg) {
				p.lines = p.lines[i+1:]
				p.mu.Unlock()
				return line
			}
		}
		p.mu.Unlock()
	}
	t.Fatalf("no %q in the log: %v", msg, p.lines)
	return nil
}

// get returns an answer's body; the status has to be 200.
func (p *process) get(t testing.TB, path string) string {
	t.Helper()
	r, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", path, r.StatusCode, err, b)
	}
	return string(b)
}

// end sends SIGTERM and returns what Wait says.
func (p *process) end(t testing.TB) error {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		return err
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
		return nil
	}
}

// write puts a small model into a file, whole or not at all.
func write(t testing.TB, path string, seed uint64) {
	t.Helper()
	m := model.Generator(model.Config{Width: 2, Latent: 5, Size: 8, Channels: 1, Seed: seed})
	if err := m.Save(path, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestReload: changed files and SIGHUP replace models; a file that is no model changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "one.safetensors")
	write(t, path, 1)
	p := start(t, nil, "--reload=20ms", path, "inside="+path)
	first := p.get(t, "/v1/images.npy?n=4")
	if p.get(t, "/v1/images.npy?n=4&model=inside") != first {
		t.Error("one file draws in two ways")
	}
	write(t, path, 2)
	p.wait(t, "models read again")
	second := p.get(t, "/v1/images.npy?n=4")
	if second == first {
		t.Error("the old model draws after the file has changed")
	}
	if err := os.WriteFile(path, []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	if line := p.wait(t, "not replaced"); !strings.Contains(fmt.Sprint(line["error"]), path) {
		t.Errorf("the log does not name the file: %v", line)
	}
	if p.get(t, "/v1/images.npy?n=4") != second {
		t.Error("a bad file has replaced the model")
	}
	time.Sleep(100 * time.Millisecond)
	p.mu.Lock()
	for _, line := range p.lines {
		if line["msg"] != "request" {
			t.Errorf("a bad file is tried again: %v", line)
		}
	}
	p.mu.Unlock()
	write(t, path, 1)
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.wait(t, "models read again")
	if p.get(t, "/v1/images.npy?n=4") != first {
		t.Error("SIGHUP did not read the file again")
	}
	if err := p.end(t); err != nil {
		t.Error(err)
	}
}

// TestStop: after SIGTERM all requests that have begun are answered, and the status is 0.
func TestStop(t *testing.T) {
	p := start(t, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	answered, begun := 0, make(chan bool, 100)
	for i := range 8 {
		wg.Go(func() {
			begun <- true
			r, err := http.Get(fmt.Sprintf("%s/v1/images.npy?n=128&seed=%d", p.url, i))
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			b, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != http.StatusOK || len(b) != 128+4*128*784 {
				t.Errorf("status %d, %d bytes, %v", r.StatusCode, len(b), err)
				return
			}
			mu.Lock()
			answered++
			mu.Unlock()
		})
	}
	for range 8 {
		<-begun
	}
	for !strings.Contains(p.get(t, "/metrics"), "gantiny_requests_in_progress 8") && answered == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := p.end(t); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if answered != 8 {
		t.Errorf("%d of 8 requests are answered", answered)
	}
}

// TestUsage: what is wrong with arguments and files is said in one line, with the exit status.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.safetensors")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]struct {
		status int
		says   string
	}{
		"--addr=here":                {exitUsage, "HOST:PORT"},
		"--addr=127.0.0.1:99999":     {exitUsage, "99999"},
		"--wait=soon":                {exitUsage, "--wait soon"},
		"--timeout=0":                {exitUsage, "--timeout"},
		"--queue=3":                  {exitUsage, "--queue 3"},
		"--log=xml":                  {exitUsage, "--log xml"},
		"--nosuch":                   {exitUsage, "nosuch"},
		"a/x.onnx b/x.safetensors":   {exitUsage, "two models are called x"},
		"=x":                         {exitUsage, "NAME=MODEL"},
		"--addr=127.0.0.1:0 nosuch":  {exitFailed, "nosuch"},
		"--addr=127.0.0.1:0 " + text: {exitFailed, text},
		"--addr=192.0.2.1:1":         {exitFailed, "192.0.2.1"},
	} {
		var stderr bytes.Buffer
		if got := run(t.Context(), strings.Fields(args), io.Discard, &stderr); got != want.status || !strings.Contains(stderr.String(), want.says) {
			t.Errorf("%s: status %d, %s; want %d and %q", args, got, stderr.String(), want.status, want.says)
		}
	}
	var stdout bytes.Buffer
	if got := run(t.Context(), []string{"--help"}, &stdout, io.Discard); got != exitDone || !strings.Contains(stdout.String(), "gantiny serve [MODEL...]") {
		t.Errorf("--help: status %d: %s", got, &stdout)
	}
}

// TestProfiles: profiles are off unless they are asked for.
func TestProfiles(t *testing.T) {
	for _, args := range [][]string{nil, {"--pprof"}} {
		p := start(t, nil, args...)
		r, err := http.Get(p.url + "/debug/pprof/")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if (r.StatusCode == http.StatusOK) != (len(args) > 0) {
			t.Errorf("%v: status %d", args, r.StatusCode)
		}
		if p.get(t, "/healthz") != "ok\n" {
			t.Error("no health beside profiles")
		}
		if err := p.end(t); err != nil {
			t.Error(err)
		}
	}
}
