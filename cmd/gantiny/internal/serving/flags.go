package serving

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
)

// Flags are those of 'gantiny serve'.
type Flags struct {
	Addr                                string
	Threads, Queue, MaxImages, Conns    int
	Wait, Timeout, Stop, MaxAge, Reload time.Duration
	Float, Pprof, NoPage                bool
	Log                                 string
}

// Command is 'gantiny serve', whose work run does.
func Command(run func(ctx context.Context, f *Flags, c *cli.Command, args []string) error) *cli.Command {
	f := &Flags{}
	cmd := &cli.Command{
		Name:  "serve",
		Args:  "[MODEL...]",
		Short: "Draws for HTTP requests, with a page to explore models",
		Long: `serve draws pictures for HTTP requests, and has a page at / to explore models with.

A MODEL is a file or the directory of a training run, NAME=MODEL one that requests call by another name than its file has; without any it is
the one inside the program. Requests that name none get the first one. Models are read again when their files change and on SIGHUP; requests at work
finish on the old ones. SIGTERM and Ctrl-C finish the requests at work. It takes sockets from systemd, and tells it how it is.

/v1/images.png, .gif and .npy draw by model, n, seed, first, class and truncation, or by latents in a POST; /openapi.json describes it all.`,
		Example: `  gantiny serve
  gantiny serve digits=run1 faces.safetensors --addr :8080
  curl -o six.png 'http://127.0.0.1:8080/v1/images.png?n=6&seed=3'`,
		Check:    func(args []string) error { _, err := Models(args); return err },
		Complete: func([]string) cli.Candidates { return cli.Candidates{Files: true, Extension: "safetensors"} },
		Run: func(ctx context.Context, c *cli.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return run(ctx, f, c, args)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Addr, "addr", "127.0.0.1:8080", "`HOST:PORT` to listen at; without HOST at all addresses of the machine, port 0 for a free one").Complete = func() cli.Candidates { return cli.Fixed() }
	fl.IntVar(&f.Threads, "threads", 0, "batches drawn at a time, a thread each; 0, the default, for one a processor")
	fl.IntVar(&f.MaxImages, "max-images", 256, "most pictures of one request")
	fl.IntVar(&f.Queue, "queue", 1024, "most pictures that wait; requests beyond are answered with 503 and Retry-After")
	fl.IntVar(&f.Conns, "connections", 1024, "most connections; others wait until one is closed")
	spanVar(fl, &f.Wait, "wait", time.Millisecond, "longest `TIME` that a picture waits for others to be drawn with, while other requests are at work; 0 for none")
	spanVar(fl, &f.Timeout, "timeout", 30*time.Second, "longest `TIME` until a request's pictures are drawn")
	spanVar(fl, &f.MaxAge, "max-age", time.Minute, "`TIME` for which clients may keep a picture without asking again; asking costs no drawing")
	spanVar(fl, &f.Reload, "reload", 2*time.Second, "`TIME` between two looks at the models' files; 0 for none, SIGHUP alone reads them again")
	spanVar(fl, &f.Stop, "stop", 30*time.Second, "longest `TIME` that requests at work have to finish after SIGTERM")
	fl.BoolVar(&f.Float, "float", false, "draw with models in floats where their files hold them in bytes too")
	fl.BoolVar(&f.NoPage, "no-page", false, "leave out the page at /")
	fl.BoolVar(&f.Pprof, "pprof", false, "profiles of the process at /debug/pprof/")
	fl.StringVar(&f.Log, "log", "text", "`FORMAT` of the log on standard error: text, json, or off").Complete = func() cli.Candidates { return cli.Fixed("text", "json", "off") }
	return cmd
}

// check finds what is wrong with the flags.
func (f *Flags) check() error {
	switch {
	case f.Addr == "" || !strings.Contains(f.Addr, ":"):
		return cli.Usagef("--addr %s: want HOST:PORT, as in 127.0.0.1:8080", f.Addr)
	case f.Threads < 0 || f.Threads > 1024:
		return cli.Usagef("--threads %d: want 0, for one a processor, to 1024", f.Threads)
	case f.MaxImages < 1:
		return cli.Usagef("--max-images %d: need at least 1", f.MaxImages)
	case f.Queue < f.MaxImages:
		return cli.Usagef("--queue %d: need room for one request of --max-images %d", f.Queue, f.MaxImages)
	case f.Conns < 1:
		return cli.Usagef("--connections %d: need at least 1", f.Conns)
	case f.Timeout <= 0:
		return cli.Usagef("--timeout %v: need more than 0", f.Timeout)
	case f.Log != "text" && f.Log != "json" && f.Log != "off":
		return cli.Usagef("--log %s: want text, json or off", f.Log)
	}
	return nil
}

// Source is a model to be served: its name in requests, and its file or directory.
type Source struct{ Name, Path string }

// Embedded is the name of the model inside the program.
const Embedded = "embedded"

// Models reads the MODEL arguments; without any it is the embedded one, without a path.
func Models(args []string) ([]Source, error) {
	if len(args) == 0 {
		return []Source{{Embedded, ""}}, nil
	}
	var list []Source
	seen := map[string]bool{}
	for _, arg := range args {
		name, path, ok := strings.Cut(arg, "=")
		if !ok {
			path = arg
			name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
		if name == "" || path == "" {
			return nil, cli.Usagef("%q: want MODEL or NAME=MODEL", arg)
		}
		if seen[name] {
			return nil, cli.Usagef("two models are called %s; give one another name, as in other=%s", name, path)
		}
		seen[name] = true
		list = append(list, Source{name, path})
	}
	return list, nil
}

// span is a flag's time: 500ms, 2s, 0.
type span time.Duration

// spanVar defines a flag of a time.
func spanVar(fl *cli.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	fl.Var((*span)(p), name, usage)
}

// Type is how help writes a value.
func (s *span) Type() string { return "TIME" }

func (s *span) String() string { return time.Duration(*s).String() }

// Set reads a value.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 24*365*time.Hour {
		return errors.New("not a time such as 500ms or 30s")
	}
	*s = span(d)
	return nil
}
