// Package otel tells OpenTelemetry what a generator does: a span for each Draw, and metrics of
// their number, time and wait. It is a module of its own, so that only who imports it depends on
// OpenTelemetry.
package otel
