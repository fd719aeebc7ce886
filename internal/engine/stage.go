package engine

import "github.com/gantiny/gantiny/internal/pool"

// Share is the work of one call: images or positions [N0, N1) or, if a stage has no items, share
// number Index of Count.
type Share struct{ N0, N1, Index, Count int }

// Task is the work of one operator in a stage.
type Task struct {
	Op   int    // for the observer; below 0: not reported
	Name string // alike: "forward"
	Run  func(worker int, s Share)
}

// Stage is work that all workers do at the same time. It is a single task, which each worker calls
// once with its share, or a list of tasks that go through images or positions.
//
// Tasks of the second kind treat every image, or every position, independently. A worker takes a
// block of them through all tasks before it goes on to the next block, so that each task finds its
// input in the caches.
type Stage struct {
	Tasks     []Task
	Items     int  // images or positions to go through, 0 for a single task
	Positions bool // the items are positions
	All       bool // each worker goes through all of them, else through its share
	Block     int  // items at a time, at most
	Grain     int  // of which blocks are multiples, but for the last
	closed    bool // no more tasks
}

// run is a worker's share of a stage. Unless done is nil, it is called after each task of each
// block. If stop returns true, the share ends early.
func (st *Stage) run(worker, workers int, done func(t *Task), stop func() bool) {
	if st.Items == 0 {
		st.Tasks[0].Run(worker, Share{Index: worker, Count: workers})
		return
	}
	lo, hi, step := 0, st.Items, st.Block
	if !st.All {
		lo, hi = pool.Split((st.Items+st.Grain-1)/st.Grain, workers, worker)
		lo, hi = lo*st.Grain, min(hi*st.Grain, st.Items)
		if lo >= hi {
			return
		}
		blocks := (hi - lo + step - 1) / step
		step = ((hi-lo+blocks-1)/blocks + st.Grain - 1) / st.Grain * st.Grain
	}
	for ; lo < hi; lo += step {
		s := Share{N0: lo, N1: min(lo+step, hi), Count: 1}
		for i := range st.Tasks {
			if stop() {
				return
			}
			st.Tasks[i].Run(worker, s)
			if done != nil {
				done(&st.Tasks[i])
			}
		}
	}
}

// List collects the stages of a program.
type List struct{ Stages []Stage }

// Once adds a stage of one task that every worker calls once, with its share of the work.
func (l *List) Once(t Task) { l.Stages = append(l.Stages, Stage{Tasks: []Task{t}}) }

// Whole adds a stage of one task that goes through n images at once, each worker's share a multiple
// of grain.
func (l *List) Whole(n, grain int, t Task) {
	l.Stages = append(l.Stages, Stage{Tasks: []Task{t}, Items: n, Block: n, Grain: grain, closed: true})
}

// ByImage adds a task that goes through n images in blocks of multiples of grain. It joins the last
// stage if that goes through the same images in blocks.
func (l *List) ByImage(n, block, grain int, t Task) {
	if last := l.last(); last != nil && last.Items == n && !last.Positions && !last.All && !last.closed {
		last.Tasks = append(last.Tasks, t)
		last.Block, last.Grain = min(last.Block, block), max(last.Grain, grain)
		return
	}
	l.Stages = append(l.Stages, Stage{Tasks: []Task{t}, Items: n, Block: block, Grain: grain})
}

// ByPosition adds a task that goes through n positions one by one. It joins the last stage if that
// goes through the same positions.
func (l *List) ByPosition(n int, t Task) {
	if last := l.last(); last != nil && last.Items == n && last.Positions {
		last.Tasks = append(last.Tasks, t)
		return
	}
	l.Stages = append(l.Stages, Stage{Tasks: []Task{t}, Items: n, Positions: true, Block: 1, Grain: 1})
}

// All adds a stage in which every worker takes all n images, in blocks, through the tasks.
func (l *List) All(n, block int, tasks ...Task) {
	l.Stages = append(l.Stages, Stage{Tasks: tasks, Items: n, All: true, Block: block, Grain: 1})
}

func (l *List) last() *Stage {
	if len(l.Stages) == 0 {
		return nil
	}
	return &l.Stages[len(l.Stages)-1]
}
