package httpserve

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// metrics is what /metrics says, in the text format of Prometheus, version 0.0.4.
type metrics struct {
	requests, images, refused, notModified, unsent, reloads counter
	seconds, drawing, batches                               histogram
}

func newMetrics() *metrics {
	times := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	return &metrics{
		seconds: newHistogram(times...), drawing: newHistogram(times...), batches: newHistogram(1, 2, 4, 8, 12, 16),
	}
}

// batch notes a batch that was drawn.
func (m *metrics) batch(images int, took time.Duration) {
	m.batches.observe(float64(images))
	m.drawing.observe(took.Seconds())
}

// request notes an answer. The path is one of the routes', so that clients cannot make up labels.
func (m *metrics) request(r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if _, path, ok := strings.Cut(route, " "); ok {
		route = path
	}
	if route == "" {
		route = "other"
	}
	m.requests.add(fmt.Sprintf("route=%q,code=\"%d\"", route, status), 1)
	m.seconds.observe(took.Seconds())
}

// counter counts, for each set of labels.
type counter struct {
	mu     sync.Mutex
	values map[string]int64
}

func (c *counter) add(labels string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[string]int64{}
	}
	c.values[labels] += int64(n)
}

// write writes the counts; of a counter without labels also 0.
func (c *counter) write(w io.Writer, name, help string, labels bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	header(w, name, "counter", help)
	if !labels {
		fmt.Fprintln(w, name, c.values[""])
		return
	}
	for _, l := range slices.Sorted(maps.Keys(c.values)) {
		fmt.Fprintf(w, "%s{%s} %d\n", name, l, c.values[l])
	}
}

// quoted is a label's value.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func header(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func gauge(w io.Writer, name, help string, value any) {
	header(w, name, "gauge", help)
	fmt.Fprintln(w, name, value)
}

// histogram counts values by size.
type histogram struct {
	mu     *sync.Mutex
	bounds []float64
	counts []int64 // of each bound, and of all above
	sum    float64
}

func newHistogram(bounds ...float64) histogram {
	return histogram{mu: &sync.Mutex{}, bounds: bounds, counts: make([]int64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[i]++
	h.sum += v
}

func (h *histogram) write(w io.Writer, name, help string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	header(w, name, "histogram", help)
	var total int64
	for i, bound := range h.bounds {
		total += h.counts[i]
		fmt.Fprintf(w, "%s_bucket{le=\"%v\"} %d\n", name, bound, total)
	}
	total += h.counts[len(h.bounds)]
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %v\n%s_count %d\n", name, total, name, h.sum, name, total)
}

// writeMetrics answers /metrics.
func (s *Server) writeMetrics(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	m := s.metrics
	m.requests.write(&b, "gantiny_requests_total", "Requests answered.", true)
	m.seconds.write(&b, "gantiny_request_seconds", "Time from a request's header to the end of its answer.")
	m.images.write(&b, "gantiny_images_total", "Pictures drawn.", true)
	m.batches.write(&b, "gantiny_batch_images", "Pictures of a batch.")
	m.drawing.write(&b, "gantiny_batch_seconds", "Time that a batch takes on its thread.")
	m.notModified.write(&b, "gantiny_not_modified_total", "Requests of clients that had the answer already.", false)
	m.refused.write(&b, "gantiny_refused_total", "Requests refused because too many wait.", false)
	m.unsent.write(&b, "gantiny_unsent_total", "Answers whose client left.", false)
	m.reloads.write(&b, "gantiny_reloads_total", "Replacements of the models.", false)
	images, held := s.entrance.now()
	gauge(&b, "gantiny_queue_images", "Pictures that wait or are being drawn.", images)
	gauge(&b, "gantiny_queue_limit_images", "How many there may be.", s.o.Queue)
	gauge(&b, "gantiny_requests_in_progress", "Requests for pictures that are at work.", s.entrance.requests.Load())
	gauge(&b, "gantiny_requests_bytes", "Memory that those requests have reserved.", held)
	header(&b, "gantiny_model_info", "gauge", "The models that are served.")
	if c := s.models.Load(); c != nil {
		for _, one := range c.list {
			fmt.Fprintf(&b, "gantiny_model_info{model=%s,id=\"%s\"} 1\n", quoted(one.name), one.info.ID)
		}
	}
	gauge(&b, "go_goroutines", "Goroutines.", runtime.NumGoroutine())
	writeProcess(&b)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(b.Bytes())
}

// total is how many values there were.
func (h *histogram) total() (n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.counts {
		n += c
	}
	return n
}
