package otel

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestObserver draws, and reads what the SDK has of it.
func TestObserver(t *testing.T) {
	spans, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	traces := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	o, err := New(traces, metric.NewMeterProvider(metric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gantiny.New(model.Generator(model.Config{Width: 2, Latent: 5, Size: 8}), gantiny.Observe(o))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ctx, request := traces.Tracer("test").Start(t.Context(), "request")
	if _, err := g.Draw(ctx, gantiny.Request{N: 3, Seed: 1<<64 - 1, First: 4}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Draw(ctx, gantiny.Request{N: -1}); !errors.Is(err, gantiny.ErrRequest) {
		t.Fatal(err)
	}
	ended, stop := context.WithCancel(ctx)
	stop()
	if _, err := g.Draw(ended, gantiny.Request{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	request.End()

	all := spans.Ended()
	if len(all) != 4 {
		t.Fatalf("%d spans", len(all))
	}
	for _, s := range all[:3] {
		if s.Name() != "gantiny.draw" || s.Parent().SpanID() != request.SpanContext().SpanID() {
			t.Errorf("span %s is not one of the request's", s.Name())
		}
	}
	has := attribute.NewSet(all[0].Attributes()...)
	for name, want := range map[string]string{"gantiny.seed": "18446744073709551615", "gantiny.first": "4", "gantiny.images": "3", "gantiny.sessions": "1"} {
		if v, ok := has.Value(attribute.Key(name)); !ok || v.String() != want {
			t.Errorf("%s is %s, want %s", name, v.String(), want)
		}
	}
	if s := all[0].Status(); s.Code == codes.Error {
		t.Errorf("status %v", s)
	}
	if s := all[1].Status(); s.Code != codes.Error || s.Description != "refused" || len(all[1].Events()) != 1 {
		t.Errorf("status %v, events %v", s, all[1].Events())
	}
	metrics(t, reader)
}

// metrics checks those of the three Draws.
func metrics(t *testing.T, reader metric.Reader) {
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, m := range got.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			counts[m.Name] = uint64(data.DataPoints[0].Value)
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				by, _ := p.Attributes.Value("outcome")
				counts[m.Name+by.AsString()] += p.Count
			}
		}
	}
	for name, want := range map[string]uint64{"gantiny.images": 3, "gantiny.draw.durationok": 1, "gantiny.draw.durationrefused": 1, "gantiny.draw.durationstopped": 1, "gantiny.draw.wait": 2} {
		if counts[name] != want {
			t.Errorf("%s is %d, want %d", name, counts[name], want)
		}
	}
}

func TestOutcome(t *testing.T) {
	enough := errors.New("enough")
	ended, stop := context.WithCancelCause(t.Context())
	stop(enough)
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{t.Context(), nil, "ok"},
		{t.Context(), errors.New("x"), "failed"},
		{t.Context(), gantiny.ErrClosed, "stopped"},
		{t.Context(), context.DeadlineExceeded, "stopped"},
		{ended, fmt.Errorf("gantiny: Draw: %w", enough), "stopped"},
		{ended, nil, "ok"}, // it was ready all the same
		{ended, errors.New("x"), "failed"},
	} {
		if got := outcome(c.ctx, c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
}
