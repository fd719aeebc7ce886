package model

import "github.com/gantiny/gantiny/internal/pool"

// Team is a set of threads that several passes share. Only one of the passes may run at a time. A
// Team belongs to one goroutine.
type Team struct{ pool *pool.Pool }

// NewTeam starts a team of the given number of threads, of which the caller of Run is one; 0 stands
// for one per processor that Go may use. It panics for more than 1024, or fewer than none.
func NewTeam(threads int) *Team {
	if err := checkThreads(threads); err != nil {
		panic(err.Error())
	}
	return &Team{pool.New(Options{Threads: threads}.threads())}
}

// Workers is the number of threads.
func (t *Team) Workers() int { return t.pool.Workers() }

// Run calls f(0) ... f(Workers()-1), each on a thread of its own, and returns when all have
// returned. It allocates nothing.
func (t *Team) Run(f func(worker int)) { t.pool.Run(f) }

// Close ends the threads. A Team that becomes unreachable without Close is closed by the garbage
// collector.
func (t *Team) Close() { t.pool.Close() }
