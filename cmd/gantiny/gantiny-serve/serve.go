//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/serving"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/systemd"
	"github.com/gantiny/gantiny/httpserve"
)

// service is a server at work.
type service struct {
	f       *serving.Flags
	log     *slog.Logger
	library *library
	server  *httpserve.Server
	http    *http.Server
	sockets []*httpserve.Listener
	systemd *systemd.Notifier
}

// serve opens the models and answers requests until ctx ends or a signal comes.
func serve(ctx context.Context, f *serving.Flags, args []string, stderr io.Writer) error {
	sources, err := serving.Models(args)
	if err != nil {
		return err
	}
	s := &service{f: f, log: newLog(f.Log, stderr), systemd: systemd.NewNotifier()}
	watchdog := systemd.Watchdog()
	if s.sockets, err = listen(f); err != nil {
		return err
	}
	defer s.closeSockets()
	if s.library, err = openLibrary(sources, f.Float); err != nil {
		return err
	}
	if s.server, err = httpserve.New(s.library.list(), options(f, s.log)); err != nil {
		return err
	}
	defer s.server.Close()
	s.http = httpserve.NewHTTPServer(handler(s.server, f.Pprof), f.Timeout, s.log)
	ctx, hup := signals(ctx)
	failed := make(chan error, len(s.sockets))
	for _, l := range s.sockets {
		s.log.Info("listening", "url", address(l))
		go func() { failed <- s.http.Serve(l) }()
	}
	s.tell("READY=1")
	if err := s.watch(ctx, hup, watchdog, failed); err != nil {
		return err
	}
	return s.stop()
}

func newLog(format string, stderr io.Writer) *slog.Logger {
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(stderr, nil))
	case "off":
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(stderr, nil))
}

// listen returns the sockets that systemd has opened, or one at --addr.
func listen(f *serving.Flags) ([]*httpserve.Listener, error) {
	inherited, err := systemd.Listeners()
	if err != nil {
		return nil, err
	}
	var list []*httpserve.Listener
	for _, l := range inherited {
		list = append(list, httpserve.NewListener(l, f.Conns, true))
	}
	if len(list) > 0 {
		return list, nil
	}
	l, err := net.Listen("tcp", f.Addr)
	if err != nil {
		var where *net.AddrError
		if errors.As(err, &where) {
			return nil, cli.Usagef("--addr %s: %w", f.Addr, err)
		}
		return nil, fmt.Errorf("--addr %s: %w", f.Addr, err)
	}
	return []*httpserve.Listener{httpserve.NewListener(l, f.Conns, false)}, nil
}

func (s *service) closeSockets() {
	for _, l := range s.sockets {
		l.Close()
	}
}

// address is where a browser on this machine finds a listener.
func address(l net.Listener) string {
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return l.Addr().Network() + ":" + l.Addr().String()
	}
	if at.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d/", at.Port)
	}
	return "http://" + at.String() + "/"
}

func options(f *serving.Flags, log *slog.Logger) httpserve.Options {
	o := httpserve.Options{
		MaxImages: f.MaxImages, Queue: f.Queue, Threads: f.Threads, Wait: f.Wait, Timeout: f.Timeout, MaxAge: f.MaxAge, NoPage: f.NoPage,
	}
	if f.Log != "off" {
		o.Log = log
	}
	if o.Wait == 0 {
		o.Wait = -1
	}
	if o.MaxAge == 0 {
		o.MaxAge = -1
	}
	return o
}

// handler adds profiles to the server if they are wanted.
func handler(s http.Handler, profiles bool) http.Handler {
	if !profiles {
		return s
	}
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// tell tells systemd.
func (s *service) tell(state string) {
	if err := s.systemd.Notify(state); err != nil {
		s.log.Warn("systemd", "error", err)
	}
}

// watch reads models again when they change or a SIGHUP comes, and keeps systemd's watchdog quiet
// as long as pictures are drawn, until ctx ends or a listener fails.
func (s *service) watch(ctx context.Context, hup <-chan os.Signal, watchdog time.Duration, failed <-chan error) error {
	look, stopLooking := ticks(s.f.Reload)
	defer stopLooking()
	alive, stopTelling := ticks(watchdog)
	defer stopTelling()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-hup:
			s.reload(true)
		case <-look:
			if s.library.changed() {
				s.reload(false)
			}
		case <-alive:
			if !s.server.Stuck() {
				s.tell("WATCHDOG=1")
			}
		}
	}
}

// ticks is a ticker's channel, and what stops it; nil for a time of 0.
func ticks(d time.Duration) (<-chan time.Time, func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// reload replaces the models by those that their files hold now, all of them or none.
func (s *service) reload(all bool) {
	s.tell(systemd.Reloading())
	defer s.tell("READY=1")
	next, err := s.library.reread(all)
	if err == nil {
		err = s.server.SetModels(next.list())
	}
	if err != nil {
		s.log.Error("models are not replaced", "error", err)
		return
	}
	s.library = next
	s.log.Info("models read again")
}

// stop finishes the requests at work.
func (s *service) stop() error {
	s.tell("STOPPING=1")
	s.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), s.f.Stop)
	defer cancel()
	if err := s.server.Shutdown(ctx, s.http, s.sockets...); err != nil {
		s.http.Close()
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("stopping: %w", err)
		}
		return fmt.Errorf("requests were cut off: they did not finish within --stop %v", s.f.Stop)
	}
	s.log.Info("stopped")
	return nil
}
