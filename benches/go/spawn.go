package main

import (
	"runtime"
	"sync"
	"time"
)

// Tasks in one sample, however large its batches are: as in row/mod.rs.
const batched = 200_000

func nsEach(elapsed time.Duration, n int) float64 {
	return float64(elapsed.Nanoseconds()) / float64(n)
}

// spawnJoin starts one goroutine, takes its result, then starts the next.
func spawnJoin(n int) ([]float64, error) {
	result := make(chan int, 1)
	start := time.Now()
	sum := 0
	for i := range n {
		go func() { result <- i }()
		sum += <-result
	}
	elapsed := time.Since(start)
	return []float64{nsEach(elapsed, n)}, check("sum of results", sum, n*(n-1)/2)
}

// spawnBatch starts n goroutines that do nothing and waits for all.
func spawnBatch(n int) ([]float64, error) {
	var wg sync.WaitGroup
	batches := max(batched/n, 1)
	start := time.Now()
	for range batches {
		for range n {
			wg.Add(1)
			go func() { wg.Done() }()
		}
		wg.Wait()
	}
	return []float64{nsEach(time.Since(start), n*batches)}, nil
}

// yields has two goroutines do nothing but yield.
func yields(n int) ([]float64, error) {
	count := make(chan int)
	yielder := func() {
		for range n {
			runtime.Gosched()
		}
		count <- n
	}
	start := time.Now()
	go yielder()
	go yielder()
	switches := <-count + <-count
	elapsed := time.Since(start)
	return []float64{nsEach(elapsed, switches)}, check("switches", switches, 2*n)
}
