package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

// loadVariable says for how long TestLoad loads the server: 1m, 10m. Without it the test takes a
// moment. Its speeds are for reading: on a machine that has other work they tell little.
const loadVariable = "GANTINY_LOAD"

// loadModelVariable names a model in place of the one inside.
const loadModelVariable = "GANTINY_LOAD_MODEL"

// loadModel is the model to load the server with, as an argument of it, and its bytes.
func loadModel(t *testing.T) (args []string, b []byte) {
	t.Helper()
	path := os.Getenv(loadModelVariable)
	if path == "" {
		return nil, digits.Bytes()
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return []string{path}, b
}

// TestLoad loads a server over loopback from clients in this process and by turns draws the same
// with the library alone. Meanwhile slow and broken clients are at work. It states throughput,
// delays and what the server holds, and judges that nothing fails and nothing grows; then it stops
// the server under load and counts the requests that are lost.
func TestLoad(t *testing.T) {
	length := 2 * time.Second
	long := os.Getenv(loadVariable) != ""
	if long {
		var err error
		if length, err = time.ParseDuration(os.Getenv(loadVariable)); err != nil {
			t.Fatal(err)
		}
	}
	args, file := loadModel(t)
	p := start(t, nil, append([]string{"--queue=512"}, args...)...)
	stopNuisances := nuisances(t, p)
	slices := max(2, int(length/(10*time.Second)))
	each := length / time.Duration(slices) / 3
	loads := []load{{"16 pictures as .npy", "/v1/images.npy?n=16&seed=%d", 16, 8}, {"one picture as PNG", "/v1/images.png?seed=%d", 1, 32}}
	loads[0].run(t, p, each/2) // buffers and threads come to be
	var before, after usage
	var alone, ratios, costs [2][]float64
	var delays [2][]time.Duration
	for i := range slices {
		own := cpuTime(t)
		library, drawn := libraryRate(t, file, each)
		cost := (cpuTime(t) - own).Seconds() / drawn
		for k, l := range loads {
			from := usageOf(t, p)
			rate, took := l.run(t, p, each)
			to := usageOf(t, p)
			costs[k] = append(costs[k], cost*(to.images-from.images)/(to.cpu-from.cpu))
			alone[k], ratios[k] = append(alone[k], rate), append(ratios[k], rate/library)
			delays[k] = append(delays[k], took...)
		}
		if after = usageOf(t, p); i == 0 {
			before = after
		}
		if long {
			t.Logf("library %.0f images/s; %.2f and %.2f of it; server: %v", library, ratios[0][i], ratios[1][i], after)
		}
	}
	for k, l := range loads {
		t.Logf("%s: %.0f images/s, %.2f of the library's, %.2f for the same time of computing by the server alone; delay p50 %v, p99 %v, of %d requests from %d clients", l.name,
			quantile(alone[k], .5), quantile(ratios[k], .5), quantile(costs[k], .5), quantile(delays[k], .5).Round(10*time.Microsecond), quantile(delays[k], .99).Round(10*time.Microsecond), len(delays[k]), l.clients)
	}
	t.Logf("server: %v, then %v", before, after)
	if after.goroutines > before.goroutines+16 || after.descriptors > before.descriptors+16 || long && after.resident > before.resident+before.resident/5+8<<20 {
		t.Errorf("the server grows: %v, then %v", before, after)
	}
	stopNuisances()
	overload(t, p)
	stopUnderLoad(t, p)
}

// load is requests of one kind, which clients ask for one after another.
type load struct {
	name, path string
	images     int // of a request
	clients    int
}

// run loads the server for a while; it returns images a second and how long the requests took.
func (l load) run(t *testing.T, p *process, length time.Duration) (rate float64, took []time.Duration) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.clients, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	var mu sync.Mutex
	begin := time.Now()
	for c := range l.clients {
		wg.Go(func() {
			var own []time.Duration
			for seed := c; time.Since(begin) < length; seed += l.clients {
				from := time.Now()
				if status, err := fetch(client, p.url+fmt.Sprintf(l.path, seed)); err != nil || status != http.StatusOK {
					t.Errorf("status %d, %v", status, err)
					return
				}
				own = append(own, time.Since(from))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	return float64(len(took)*l.images) / time.Since(begin).Seconds(), took
}

func fetch(c *http.Client, url string) (status int, err error) {
	r, err := c.Get(url)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	n, err := io.Copy(io.Discard, r.Body)
	if err == nil && n == 0 {
		err = errors.New("an empty answer")
	}
	return r.StatusCode, err
}

// cpuTime is what this process has computed so far.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// libraryRate is how many images a second the library draws here, 16 at a time on each of two
// threads, and how many these were.
func libraryRate(t *testing.T, file []byte, length time.Duration) (rate, images float64) {
	t.Helper()
	g, err := gantiny.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	var drawn atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range 2 {
		wg.Go(func() {
			for seed := uint64(0); time.Since(begin) < length; seed++ {
				if _, err := g.Draw(t.Context(), gantiny.Request{N: 16, Seed: seed}); err != nil {
					t.Error(err)
					return
				}
				drawn.Add(16)
			}
		})
	}
	wg.Wait()
	images = float64(drawn.Load())
	return images / time.Since(begin).Seconds(), images
}

// usage is what the server holds, by its metrics.
type usage struct {
	resident                int64
	goroutines, descriptors int
	cpu                     float64 // seconds of computing so far
	images                  float64 // drawn so far
}

func (u usage) String() string {
	return fmt.Sprintf("resident %.1f MiB, %d goroutines, %d descriptors", float64(u.resident)/(1<<20), u.goroutines, u.descriptors)
}

func usageOf(t *testing.T, p *process) (u usage) {
	t.Helper()
	time.Sleep(200 * time.Millisecond) // connections that were closed are gone by then
	for _, line := range strings.Split(p.get(t, "/metrics"), "\n") {
		name, text, _ := strings.Cut(line, " ")
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		if strings.HasPrefix(name, "gantiny_images_total{") {
			u.images += v
		}
		switch name {
		case "process_resident_memory_bytes":
			u.resident = int64(v)
		case "process_cpu_seconds_total":
			u.cpu = v
		case "process_open_fds":
			u.descriptors = int(v)
		case "go_goroutines":
			u.goroutines = int(v)
		}
	}
	return u
}

func quantile[T float64 | time.Duration](list []T, q float64) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// nuisances are clients that send slowly, read slowly, or send what is no request, until the
// function that it returns is called.
func nuisances(t *testing.T, p *process) (stop func()) {
	t.Helper()
	address := strings.TrimPrefix(p.url, "http://")
	stopped := make(chan bool)
	var wg sync.WaitGroup
	for i, text := range []string{
		"GET /v1/images.png HTTP/1.1\r\nHost: x\r\nX: ", // goes on, a byte at a time
		"GET /v1/images.npy?n=256 HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/images.png HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n\x93NUMPY",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST /v1/images.png HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /" + strings.Repeat("a", 40000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		wg.Go(func() {
			for {
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				c.Write([]byte(text))
				moments := 50
				if i == 1 { // one that does not read is enough
					moments = 3000
				}
				for range moments {
					select {
					case <-stopped:
						c.Close()
						return
					case <-time.After(20 * time.Millisecond):
					}
					if i == 0 {
						c.Write([]byte("x"))
					}
				}
				c.Close()
			}
		})
	}
	return func() {
		close(stopped)
		wg.Wait()
	}
}

// overload asks for more than the queue takes: some requests are refused with 503 and Retry-After,
// none fails otherwise.
func overload(t *testing.T, p *process) {
	t.Helper()
	var drawn, refused atomic.Int64
	var wg sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	for c := range 32 {
		wg.Go(func() {
			for i := range 3 {
				r, err := client.Get(fmt.Sprintf("%s/v1/images.npy?n=64&seed=%d", p.url, 10*c+i))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
				switch {
				case r.StatusCode == http.StatusOK:
					drawn.Add(1)
				case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
					refused.Add(1)
				default:
					t.Errorf("status %d", r.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("overload: %d drawn, %d refused", drawn.Load(), refused.Load())
	if drawn.Load() == 0 || refused.Load() == 0 {
		t.Error("of more requests than the queue takes some are to be drawn and some refused")
	}
}

// hammer is clients that ask on and on, each over one connection at a time.
type hammer struct {
	answered, lost, reset atomic.Int64
	stopped               chan bool
	wg                    sync.WaitGroup
}

// newHammer starts 16 clients, which go on until stopped is closed or nobody listens any more. A
// request is lost if it was written and no whole answer came; reset is those of connections that
// the server had not accepted.
func newHammer(t *testing.T, address string) *hammer {
	h := &hammer{stopped: make(chan bool)}
	for c := range 16 {
		h.wg.Go(func() {
			for seed := c; ; seed += 16 {
				select {
				case <-h.stopped:
					return
				default:
				}
				conn, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				_, err = fmt.Fprintf(conn, "GET /v1/images.npy?n=16&seed=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", seed)
				if err == nil {
					err = whole(conn)
				}
				conn.Close()
				switch {
				case err == nil:
					h.answered.Add(1)
				case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
					h.reset.Add(1)
				default:
					h.lost.Add(1)
					t.Logf("lost: %v", err)
				}
			}
		})
	}
	return h
}

// stopUnderLoad sends SIGTERM while clients ask on: of the requests that the server has accepted
// none is lost.
func stopUnderLoad(t *testing.T, p *process) {
	t.Helper()
	h := newHammer(t, strings.TrimPrefix(p.url, "http://"))
	time.Sleep(300 * time.Millisecond)
	err := p.end(t)
	h.wg.Wait()
	t.Logf("stop under load: %d answered, %d lost, %d not accepted", h.answered.Load(), h.lost.Load(), h.reset.Load())
	if err != nil || h.lost.Load() > 0 || h.answered.Load() == 0 {
		t.Errorf("status %v, %d requests are lost", err, h.lost.Load())
	}
}

// TestRestartUnderLoad: with a socket that stays open, as systemd's does, a server is stopped and
// another started while clients ask on, and every request is answered.
func TestRestartUnderLoad(t *testing.T) {
	l, activated := socketUnit(t)
	p := activated()
	h := newHammer(t, l.Addr().String())
	for range 3 {
		time.Sleep(100 * time.Millisecond)
		if err := p.end(t); err != nil {
			t.Error(err)
		}
		p = activated()
	}
	time.Sleep(100 * time.Millisecond)
	close(h.stopped)
	h.wg.Wait()
	if err := p.end(t); err != nil {
		t.Error(err)
	}
	t.Logf("three restarts: %d answered, %d lost, %d reset", h.answered.Load(), h.lost.Load(), h.reset.Load())
	if h.lost.Load()+h.reset.Load() > 0 || h.answered.Load() < 16 {
		t.Errorf("%d requests are lost, %d reset, %d answered", h.lost.Load(), h.reset.Load(), h.answered.Load())
	}
}

// whole reads an answer to its end.
func whole(conn net.Conn) error {
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return errors.New(r.Status)
	}
	return nil
}
