package main

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How many compute beside the probe, and how many microseconds a piece takes: as in tails.rs.
const (
	tailLoads    = 8
	shortestPart = 20
	longestPart  = 100
)

// part computes the next piece of a task, as long as every peer's.
func (r *random) part() {
	micros := shortestPart + r.below(longestPart-shortestPart)
	burnUntil(time.Now().Add(time.Duration(micros) * time.Microsecond))
}

// How long the producer of a pipe computes for an item, and the consumer: as in tails.rs.
const (
	produces = time.Millisecond
	consumes = 100 * time.Microsecond
)

// tails is the sample p50, p99, p99.9, max, in units.
func tails(took []time.Duration, n int, unit time.Duration) ([]float64, error) {
	if err := check("times taken", len(took), n); err != nil {
		return nil, err
	}
	slices.Sort(took)
	var sample []float64
	for _, perMille := range []int{500, 990, 999, 1000} {
		rank := max((perMille*n+999)/1000, 1)
		sample = append(sample, float64(took[rank-1])/float64(unit))
	}
	return sample, nil
}

// pingPongTail goes there and back over two channels of one slot, each time by the clock.
func pingPongTail(n int) ([]float64, error) {
	ping, pong := make(chan int, 1), make(chan int, 1)
	sum := make(chan int)
	took := make([]time.Duration, 0, n)
	go func() {
		for range n {
			pong <- <-ping
		}
	}()
	go func() {
		s := 0
		start := time.Now()
		for i := range n {
			ping <- i
			s += <-pong
			end := time.Now()
			took = append(took, end.Sub(start))
			start = end
		}
		sum <- s
	}()
	if err := check("sum of echoes", <-sum, n*(n-1)/2); err != nil {
		return nil, err
	}
	return tails(took, n, time.Nanosecond)
}

// underLoad runs the probe beside goroutines that compute and yield.
func underLoad(probe func(n int) []time.Duration) body {
	return func(n int) ([]float64, error) {
		var done atomic.Bool
		var all sync.WaitGroup
		for task := range tailLoads {
			all.Add(1)
			go func() {
				r := random(task)
				for !done.Load() {
					r.part()
					runtime.Gosched()
				}
				all.Done()
			}()
		}
		late := probe(n)
		done.Store(true)
		all.Wait()
		return tails(late, n, time.Microsecond)
	}
}

// wake takes the time from a send until the one that waits for it runs.
func wake(n int) []time.Duration {
	sent := make(chan time.Time, slots)
	woken := make(chan []time.Duration)
	go func() {
		var late []time.Duration
		for start := range sent {
			late = append(late, time.Since(start))
		}
		woken <- late
	}()
	r := random(tailLoads)
	for range n {
		sent <- time.Now()
		r.part()
		runtime.Gosched()
	}
	close(sent)
	return <-woken
}

// pipe takes the time from a send until the one that waits for it runs, while the sender computes.
func pipe(n int) ([]float64, error) {
	items := make(chan time.Time, slots)
	done := make(chan []time.Duration)
	go func() {
		var late []time.Duration
		for item := range items {
			late = append(late, time.Since(item))
			burnUntil(time.Now().Add(consumes))
		}
		done <- late
	}()
	go func() {
		for range n {
			burnUntil(time.Now().Add(produces))
			items <- time.Now()
		}
		close(items)
	}()
	return tails(<-done, n, time.Microsecond)
}

// firstRun takes the time from a spawn until the goroutine runs.
func firstRun(n int) []time.Duration {
	late := make([]time.Duration, n)
	var all sync.WaitGroup
	all.Add(n)
	r := random(tailLoads)
	for i := range n {
		start := time.Now()
		go func() {
			late[i] = time.Since(start)
			all.Done()
		}()
		r.part()
		runtime.Gosched()
	}
	all.Wait()
	return late
}
