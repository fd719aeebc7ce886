package engine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gantiny/gantiny/internal/pool"
)

// On one thread the observer is told of every task of every block once, and of none without a
// number.
func TestObserver(t *testing.T) {
	p := pool.New(1)
	defer p.Close()
	var ran, told []int
	task := func(op int) Task {
		return Task{Op: op, Run: func(int, Share) { ran = append(ran, op) }}
	}
	r := NewRunner(p, func(op int, _ string, _ time.Duration) { told = append(told, op) })
	stages := []Stage{{Tasks: []Task{task(0)}}, {Tasks: []Task{task(-1), task(1), task(2)}, Items: 5, Block: 4, Grain: 1}}
	if err := r.Run(context.Background(), stages); err != nil {
		t.Fatal(err)
	}
	if want := []int{0, -1, 1, 2, -1, 1, 2}; !slices.Equal(ran, want) {
		t.Errorf("tasks %d ran, want %d", ran, want)
	}
	if want := []int{0, 1, 2, 1, 2}; !slices.Equal(told, want) {
		t.Errorf("the observer was told of tasks %d, want %d", told, want)
	}
}
