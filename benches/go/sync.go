package main

import (
	"sync"
	"time"
)

// How many share the mutex: as in row.rs.
const lockers = 8

// mutex has tasks add up to n under one lock.
func mutex(tasks int) body {
	return func(n int) ([]float64, error) {
		var mu sync.Mutex
		var all sync.WaitGroup
		count := 0
		start := time.Now()
		for range tasks {
			all.Add(1)
			go func() {
				for range n / tasks {
					mu.Lock()
					count++
					mu.Unlock()
				}
				all.Done()
			}()
		}
		all.Wait()
		elapsed := time.Since(start)
		return []float64{nsEach(elapsed, n)}, check("count", count, n)
	}
}

// waitGroup adds to a group and takes away, and waits in the end: a wrong count would wait for ever.
func waitGroup(n int) ([]float64, error) {
	var wg sync.WaitGroup
	start := time.Now()
	for range n {
		wg.Add(1)
		wg.Done()
	}
	wg.Wait()
	return []float64{nsEach(time.Since(start), n)}, nil
}
