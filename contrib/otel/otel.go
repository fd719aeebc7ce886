package otel

import (
	"context"
	"errors"
	"fmt"

	"github.com/gantiny/gantiny"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope names the tracer and the meter.
const scope = "github.com/gantiny/gantiny/contrib/otel"

// observer is a gantiny.Observer.
type observer struct {
	tracer trace.Tracer
	images metric.Int64Counter
	took   metric.Float64Histogram
	waited metric.Float64Histogram
}

// New returns an observer for gantiny.Observe. Of every Draw it makes
//
//	gantiny.draw            a span, with gantiny.images, gantiny.seed, gantiny.first and gantiny.sessions
//	gantiny.draw.duration   a histogram of seconds, by outcome: ok, refused, stopped or failed
//	gantiny.draw.wait       a histogram of seconds until a session was free, without the refused
//	gantiny.images          a counter of images
//
// The program's providers are handed in: none is taken from a global.
func New(traces trace.TracerProvider, metrics metric.MeterProvider) (gantiny.Observer, error) {
	m := metrics.Meter(scope)
	o := &observer{tracer: traces.Tracer(scope)}
	var errs [3]error
	o.images, errs[0] = m.Int64Counter("gantiny.images", metric.WithUnit("{image}"), metric.WithDescription("Images drawn."))
	o.took, errs[1] = m.Float64Histogram("gantiny.draw.duration", metric.WithUnit("s"), metric.WithDescription("Time of a Draw, the wait included."))
	o.waited, errs[2] = m.Float64Histogram("gantiny.draw.wait", metric.WithUnit("s"), metric.WithDescription("Time until a session was free."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("otel: %w", err)
	}
	return o, nil
}

func (o *observer) BeginDraw(ctx context.Context, r gantiny.Request) context.Context {
	ctx, _ = o.tracer.Start(ctx, "gantiny.draw", trace.WithAttributes(
		// A seed takes all of 64 bits, and attributes have a sign.
		attribute.String("gantiny.seed", fmt.Sprint(r.Seed)),
		attribute.Int("gantiny.first", r.First),
	))
	return ctx
}

func (o *observer) EndDraw(ctx context.Context, d gantiny.Drawn) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int("gantiny.images", d.Images), attribute.Int("gantiny.sessions", d.Sessions))
	result := outcome(ctx, d.Err)
	if d.Err != nil {
		span.SetStatus(codes.Error, result)
		span.RecordError(d.Err)
	}
	// The metrics are taken with the span, to which a reader may go from them.
	by := metric.WithAttributes(attribute.String("outcome", result))
	o.took.Record(ctx, d.Took.Seconds(), by)
	if result != "refused" { // which waited for nothing
		o.waited.Record(ctx, d.Waited.Seconds())
	}
	o.images.Add(ctx, int64(d.Images))
	span.End()
}

// outcome is one of a few words, since each makes another series. A caller may have stopped ctx
// with an error of its own as the cause.
func outcome(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, gantiny.ErrRequest):
		return "refused"
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, gantiny.ErrClosed),
		ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return "stopped"
	}
	return "failed"
}
