package main

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"
)

// How many beside a ticker, and how long one blocking call takes: as in row.rs and load.rs.
const (
	blockers       = 8
	hogs           = 4
	loads          = 8
	ticksPerSecond = 1000
	block          = 100 * time.Millisecond
	burst          = 4096
	actSize        = 100
	longestAct     = 50_000 // microseconds
)

const period = time.Millisecond

// ticks charges every tick its own lateness, however few turns of work served them: as in ticks.rs.
type ticks struct {
	start time.Time
	n     int
	late  []time.Duration
}

func startTicks(n int) *ticks {
	return &ticks{start: time.Now(), n: n, late: make([]time.Duration, 0, n)}
}

// end is when the last tick is due.
func (t *ticks) end() time.Time {
	return t.start.Add(time.Duration(t.n) * period)
}

func (t *ticks) time(tick int) time.Time {
	return t.start.Add(time.Duration(tick+1) * period)
}

// run sleeps until every next tick, works, and charges the ticks that were due.
func (t *ticks) run(work func()) error {
	for len(t.late) < t.n {
		next := t.time(len(t.late))
		time.Sleep(time.Until(next))
		woke := time.Now()
		if early := next.Sub(woke); early > 0 {
			return fmt.Errorf("the ticker woke %v early", early)
		}
		due := min(t.n, int(woke.Sub(t.start)/period))
		work()
		done := time.Now()
		for tick := len(t.late); tick < due; tick++ {
			t.late = append(t.late, done.Sub(t.time(tick)))
		}
	}
	return nil
}

// spawning spawns and joins a goroutine per tick.
func (t *ticks) spawning() error {
	result := make(chan int, 1)
	sum, turns := 0, 0
	err := t.run(func() {
		turn := turns
		go func() { result <- turn }()
		sum += <-result
		turns++
	})
	if err != nil {
		return err
	}
	return check("sum of turns", sum, turns*(turns-1)/2)
}

// quantile is the lateness that a share of all ticks does not exceed, in units.
func (t *ticks) quantile(percent int, unit time.Duration) float64 {
	rank := (percent*len(t.late) + 99) / 100
	return float64(t.late[max(rank, 1)-1]) / float64(unit)
}

// sample is p50, p99, max.
func (t *ticks) sample(unit time.Duration) ([]float64, error) {
	slices.Sort(t.late)
	sample := []float64{t.quantile(50, unit), t.quantile(99, unit), t.quantile(100, unit)}
	return sample, check("ticks served", len(t.late), t.n)
}

func ticker(n int) ([]float64, error) {
	t := startTicks(n)
	if err := t.run(func() {}); err != nil {
		return nil, err
	}
	return t.sample(time.Microsecond)
}

func tickerSpawn(n int) ([]float64, error) {
	t := startTicks(n)
	if err := t.spawning(); err != nil {
		return nil, err
	}
	return t.sample(time.Microsecond)
}

// tickerBeside has goroutines do something until the last tick is due.
func tickerBeside(goroutines int, load func(end time.Time)) body {
	return func(n int) ([]float64, error) {
		t := startTicks(n)
		var all sync.WaitGroup
		for range goroutines {
			all.Add(1)
			go func() {
				load(t.end())
				all.Done()
			}()
		}
		if err := t.spawning(); err != nil {
			return nil, err
		}
		all.Wait()
		return t.sample(time.Millisecond)
	}
}

// sleepInKernel is a blocking call of the system, where time.Sleep would only park.
func sleepInKernel(long time.Duration) {
	left := syscall.NsecToTimespec(long.Nanoseconds())
	// A signal of the runtime's own interrupts it: the rest follows.
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}

func blockUntil(end time.Time) {
	for time.Now().Before(end) {
		sleepInKernel(block)
	}
}

var burned uint64

// burnUntil computes, without a call that the runtime could notice.
func burnUntil(end time.Time) {
	state := uint64(1)
	for time.Now().Before(end) {
		for range burst {
			state ^= state<<13 ^ state>>7
		}
	}
	if state == 0 {
		burned++ // Never: but the compiler does not know.
	}
}

// stall runs a ticker beside goroutines that do all kinds of things, for so many seconds.
func stall(seconds int) ([]float64, error) {
	t := startTicks(seconds * ticksPerSecond)
	errs := make(chan error, loads)
	for task := range loads {
		go func() { errs <- mixed(task, t.end()) }()
	}
	if err := t.spawning(); err != nil {
		return nil, err
	}
	for range loads {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	sample, err := t.sample(time.Millisecond)
	return []float64{sample[2], sample[1]}, err
}

func mixed(task int, end time.Time) error {
	r := random(task)
	for time.Now().Before(end) {
		kind := r.below(4)
		long := time.Duration(r.below(longestAct)) * time.Microsecond
		var err error
		switch kind {
		case 0:
			sleepInKernel(long)
		case 1:
			burnUntil(time.Now().Add(long))
		case 2:
			_, err = pingPong(0)(actSize)
		default:
			_, err = spawnJoin(actSize)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sleepers runs two waves: the second finds the stacks warm.
func sleepers(n int) ([]float64, error) {
	first, err := sleep(n)
	if err != nil {
		return nil, err
	}
	second, err := sleep(n)
	return append(first, second...), err
}

// sleep has n goroutines sleep for less than a second each: as in sleepers.rs.
func sleep(n int) ([]float64, error) {
	before := cpuTime()
	start := time.Now()
	late := make([]int64, n)
	var all sync.WaitGroup
	all.Add(n)
	for task := range n {
		go func() {
			r := random(task)
			wake := time.Now().Add(time.Duration(r.below(uint64(time.Second))))
			time.Sleep(time.Until(wake))
			late[task] = int64(time.Since(wake))
			all.Done()
		}()
	}
	all.Wait()
	wall := ms(time.Since(start))
	cpu := float64((cpuTime() - before).Nanoseconds()) / 1e3 / float64(n)
	early := 0
	for _, l := range late {
		if l < 0 {
			early++
		}
	}
	slices.Sort(late)
	median := float64(late[n/2]) / 1e6
	return []float64{wall, cpu, median}, check("sleepers that woke early", early, 0)
}

// cpuTime is the processor time of this process, in the kernel and out of it.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
