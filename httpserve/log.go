package httpserve

import (
	"log/slog"
	"net/http"
	"time"
)

// recorder notes what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged counts and logs every request, and sets what all answers have.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK
			if r.Context().Err() != nil {
				rec.status = statusClientLeft
			}
		}
		took := time.Since(start)
		s.metrics.request(r, rec.status, took)
		if s.o.Log != nil {
			s.o.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.String("query", r.URL.RawQuery), slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes),
				slog.Duration("took", took), slog.String("remote", r.RemoteAddr))
		}
	})
}

// statusClientLeft stands in logs and metrics for a client that left before its answer.
const statusClientLeft = 499

// event logs what is no request.
func (s *Server) event(msg string, args ...any) {
	if s.o.Log != nil {
		s.o.Log.Info(msg, args...)
	}
}
